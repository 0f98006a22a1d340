// `=` as equality of keys.
//
// Equality crosses types (a number equals the text of a number, true equals
// 'true' and 1), so it is no equality of values. But it is one of keys: a
// constant stands under one key, a value of a record asks for at most four, and
// they are equal exactly if one of the four is the constant's. Two sorts of
// constants do not fit: arrays and objects, which are compared as they are, and
// texts that are a number's but not in its shortest form ('1e1', '10.0'), which
// stand under a second key.

#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "rules/index/hash.hpp"
#include "rules/value.hpp"

namespace velo::rules::index {

struct equality_key {
  enum class sort : std::uint8_t {
    text,             ///< The bytes; of a constant that is no number's shortest text.
    number,           ///< A constant that is a number.
    number_text,      ///< A constant text that is a number's shortest: '10'.
    odd_number_text,  ///< The second key of '1e1': what a number 10 asks for.
    boolean,
    empty,  ///< The literal ''.
    null,   ///< The literal null.
  };
  static constexpr unsigned sorts = 7;

  sort kind = sort::null;
  bool integral = false;   ///< Of numbers.
  std::uint64_t bits = 0;  ///< The number, or the boolean.
  std::string_view text;   ///< Of sort::text; refers to the value's bytes.
  std::uint64_t hash = 0;

  bool operator==(const equality_key& other) const noexcept {
    return kind == other.kind && integral == other.integral && bits == other.bits &&
           text == other.text;
  }
};

/// Where a constant stands, and where else.
struct constant_keys {
  equality_key main;
  std::optional<equality_key> odd;
};

/// Nothing for an array, an object, and a null that was not written as such.
[[nodiscard]] std::optional<constant_keys> keys_of(const constant& value, const hash_key& key);

/// What a value of a record asks for; `text` of the keys points into the value.
struct asked_keys {
  std::array<equality_key, 4> keys;
  unsigned count = 0;

  [[nodiscard]] const equality_key* begin() const noexcept { return keys.data(); }
  [[nodiscard]] const equality_key* end() const noexcept { return keys.data() + count; }
};

/// `wanted` has bit (1 << sort) for every sort that is of interest.
void ask(const value_view& value, unsigned wanted, const hash_key& key, asked_keys& into);

[[nodiscard]] equality_key text_key(std::string_view text, const hash_key& key) noexcept;
[[nodiscard]] equality_key number_key(equality_key::sort kind, const number& value,
                                      const hash_key& key) noexcept;
[[nodiscard]] equality_key bits_key(equality_key::sort kind, bool integral, std::uint64_t bits,
                                    const hash_key& key) noexcept;

[[nodiscard]] constexpr unsigned bit(equality_key::sort kind) noexcept {
  return 1U << static_cast<unsigned>(kind);
}

}  // namespace velo::rules::index
