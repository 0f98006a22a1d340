// Buffers that a thread lends for one turn, so that connections share a few of
// them instead of holding one each. Nested loans get a buffer of their own.

#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>

namespace velo::net {

/// A text, empty at first, whose capacity is reused.
class lent_text {
 public:
  lent_text() : text_(std::exchange(spare(), {})) {}
  ~lent_text() {
    constexpr std::size_t capacity_max = 1U << 20U;
    text_.clear();
    if (text_.capacity() <= capacity_max && text_.capacity() > spare().capacity()) {
      spare().swap(text_);
    }
  }
  lent_text(const lent_text&) = delete;
  lent_text& operator=(const lent_text&) = delete;

  std::string& operator*() { return text_; }

 private:
  static std::string& spare() {
    thread_local std::string text;
    return text;
  }

  std::string text_;
};

/// A block to receive into. What it holds at first is undefined.
class lent_block {
 public:
  lent_block() : block_(std::move(spare())) {
    if (block_ == nullptr) block_ = std::make_unique_for_overwrite<block>();
  }
  ~lent_block() { spare() = std::move(block_); }
  lent_block(const lent_block&) = delete;
  lent_block& operator=(const lent_block&) = delete;

  [[nodiscard]] char* data() { return block_->data(); }
  [[nodiscard]] static constexpr std::size_t size() { return std::tuple_size_v<block>; }

 private:
  using block = std::array<char, (64U << 10U)>;

  static std::unique_ptr<block>& spare() {
    thread_local std::unique_ptr<block> spare_block;
    return spare_block;
  }

  std::unique_ptr<block> block_;
};

}  // namespace velo::net
