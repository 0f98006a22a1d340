// Texts that many share: each is kept once, counted, and named by a small number.

#pragma once

#include "actors/id_table.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace velo::actors {

class interned_texts {
 public:
  using id = std::uint32_t;
  static constexpr id none = id_table::none;

  /// Counts one more use of `text`.
  id acquire(std::string_view text);
  /// Counts one less; with the last use the text goes, and its number is given
  /// out again. True if it was the last.
  bool release(id which);

  [[nodiscard]] id find(std::string_view text) const;
  [[nodiscard]] const std::string& text(id which) const { return entries_[which].text; }
  [[nodiscard]] std::size_t uses(id which) const { return entries_[which].uses; }

  /// What the owner remembers of a text beside it; 0 for a new one.
  [[nodiscard]] std::uint8_t& note(id which) { return entries_[which].note; }
  [[nodiscard]] std::uint8_t note(id which) const { return entries_[which].note; }

  [[nodiscard]] std::size_t size() const { return by_text_.size(); }
  [[nodiscard]] std::size_t memory_bytes() const;

 private:
  struct entry {
    std::string text;
    std::uint32_t uses = 0;
    std::uint8_t note = 0;
  };

  std::deque<entry> entries_;  // grows without moving what is there
  std::vector<id> free_;
  id_table by_text_;
};

}  // namespace velo::actors
