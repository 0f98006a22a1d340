// The sockets on one plain channel. Nearly all channels have one or a few, some
// have a hundred thousand: a search is by hand for the former, by hash for the latter.

#pragma once

#include "actors/presence_members.hpp"
#include "actors/socket_key.hpp"

#include <boost/unordered/unordered_flat_map.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace velo::actors {

struct subscriber {
  attachment_id membership;
  std::uint32_t loop = 0;
  presence_members::entry* member = nullptr;  ///< On a presence channel.
  socket_key socket;
};

class subscriber_set {
 public:
  /// Null where there is none. Valid until the next add() or remove().
  [[nodiscard]] subscriber* find(std::uint32_t loop, attachment_id membership) {
    if (by_place_) {
      const auto at = by_place_->find(place_of(loop, membership));
      if (at == by_place_->end()) return nullptr;
      auto& found = all_[at->second];
      return found.membership == membership ? &found : nullptr;
    }
    const auto at = std::find_if(all_.begin(), all_.end(), [&](const subscriber& s) {
      return s.loop == loop && s.membership == membership;
    });
    return at == all_.end() ? nullptr : &*at;
  }

  void add(const subscriber& s) {
    if (all_.size() == small_max && !by_place_) {
      by_place_ = std::make_unique<index>();
      for (std::uint32_t i = 0; i < all_.size(); ++i)
        by_place_->emplace(place_of(all_[i].loop, all_[i].membership), i);
    }
    if (by_place_)
      by_place_->insert_or_assign(place_of(s.loop, s.membership),
                                  static_cast<std::uint32_t>(all_.size()));
    all_.push_back(s);
  }

  void remove(const subscriber& gone) {
    const auto at = static_cast<std::size_t>(&gone - all_.data());
    if (by_place_) by_place_->erase(place_of(gone.loop, gone.membership));
    if (at + 1 != all_.size()) {
      all_[at] = all_.back();
      if (by_place_)
        by_place_->insert_or_assign(place_of(all_[at].loop, all_[at].membership),
                                    static_cast<std::uint32_t>(at));
    }
    all_.pop_back();
    if (all_.size() <= small_max / 2) by_place_.reset();
  }

  [[nodiscard]] std::size_t size() const { return all_.size(); }
  [[nodiscard]] bool empty() const { return all_.empty(); }
  [[nodiscard]] auto begin() const { return all_.begin(); }
  [[nodiscard]] auto end() const { return all_.end(); }

 private:
  using index = boost::unordered_flat_map<std::uint64_t, std::uint32_t>;
  static constexpr std::size_t small_max = 32;

  [[nodiscard]] static std::uint64_t place_of(std::uint32_t loop, attachment_id membership) {
    return std::uint64_t{loop} << 32U | membership.slot;
  }

  std::vector<subscriber> all_;
  std::unique_ptr<index> by_place_;
};

}  // namespace velo::actors
