// Who has output to send at the end of the turn, in order. Anyone may leave it by
// ending, and those further on can be seen before their turn.

#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

namespace velo::net {

/// Has output that leaves at the end of the loop's turn. Destroying it takes it off the list.
class flushable {
 public:
  flushable() = default;
  flushable(const flushable&) = delete;
  flushable& operator=(const flushable&) = delete;

  /// Sends what is queued. May queue itself again, or destroy itself.
  virtual void flush() = 0;

  [[nodiscard]] bool is_listed() const { return place_ != nullptr; }

 protected:
  ~flushable() {
    if (place_ != nullptr) *place_ = nullptr;
  }

 private:
  friend class flush_list;
  flushable** place_ = nullptr;
};

/// One thread only. Moving it moves no place.
class flush_list {
 public:
  /// Of one that is on no list.
  void add(flushable& item) {
    const auto chunk = size_ / chunk_size;
    if (chunk == chunks_.size()) chunks_.push_back(std::make_unique<places>());
    auto& place = (*chunks_[chunk])[size_++ % chunk_size];
    place = &item;
    item.place_ = &place;
  }

  [[nodiscard]] std::size_t size() const { return size_; }
  /// Null where that one has ended or was taken.
  [[nodiscard]] flushable* at(std::size_t i) const { return place(i); }
  [[nodiscard]] flushable* take(std::size_t i) {
    auto* item = std::exchange(place(i), nullptr);
    if (item != nullptr) item->place_ = nullptr;
    return item;
  }
  /// Of taken ones. Keeps its memory.
  void clear() { size_ = 0; }

 private:
  static constexpr std::size_t chunk_size = 512;
  using places = std::array<flushable*, chunk_size>;

  [[nodiscard]] flushable*& place(std::size_t i) const {
    return (*chunks_[i / chunk_size])[i % chunk_size];
  }

  std::vector<std::unique_ptr<places>> chunks_;
  std::size_t size_ = 0;
};

}  // namespace velo::net
