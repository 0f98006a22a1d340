#include "rules/index/equality_key.hpp"

#include <bit>
#include <cmath>

namespace velo::rules::index {

namespace {

using sort = equality_key::sort;
using type = value_view::type;

/// Equal numbers have equal bits: integers where they are whole.
struct canonical {
  bool integral;
  std::uint64_t bits;
};

canonical canonical_of(const number& value) noexcept {
  constexpr double two_to_63 = 9223372036854775808.0;
  if (value.integral) return {true, static_cast<std::uint64_t>(value.integer)};
  if (value.real >= -two_to_63 && value.real < two_to_63) {
    const auto whole = static_cast<std::int64_t>(value.real);
    if (static_cast<double>(whole) == value.real) return {true, static_cast<std::uint64_t>(whole)};
  }
  return {false, std::bit_cast<std::uint64_t>(value.real)};
}

/// What a text is, as a number.
struct text_number {
  number value;
  bool shortest;
};

std::optional<text_number> number_in(std::string_view text) noexcept {
  const auto found = parse_number(text);
  if (!found) return std::nullopt;
  const auto exact = canonical_of(*found);
  const auto plain = exact.integral ? number::of(static_cast<std::int64_t>(exact.bits)) : *found;
  char buffer[number_text_max];
  return text_number{plain, number_text(plain, buffer) == text};
}

class asker {
 public:
  asker(unsigned wanted, const hash_key& key, asked_keys& into)
      : wanted_(wanted), key_(key), into_(into) {}

  void text(std::string_view value) {
    const auto numeric = number_in(value);
    if (numeric && numeric->shortest) {
      number(sort::number_text, numeric->value);
    } else if (wants(sort::text)) {
      add(text_key(value, key_));
    }
    if (numeric) number(sort::number, numeric->value);
    if (value.empty()) bits(sort::empty, 0);
    if (value == "true" || value == "1") bits(sort::boolean, 1);
    if (value == "false" || value == "0") bits(sort::boolean, 0);
  }

  void number(const rules::number& value) {
    if (!value.integral && std::isnan(value.real)) return;
    number(sort::number, value);
    number(sort::number_text, value);
    number(sort::odd_number_text, value);
    const auto exact = canonical_of(value);
    if (exact.integral && exact.bits <= 1) bits(sort::boolean, exact.bits);
  }

  void boolean(bool value) {
    bits(sort::boolean, value ? 1 : 0);
    const auto number_of = rules::number::of(std::int64_t{value ? 1 : 0});
    number(sort::number, number_of);
    number(sort::number_text, number_of);
    if (wants(sort::text)) add(text_key(value ? "true" : "false", key_));
  }

  void null() {
    bits(sort::null, 0);
    bits(sort::empty, 0);
  }

 private:
  [[nodiscard]] bool wants(sort kind) const { return (wanted_ & bit(kind)) != 0; }
  void add(const equality_key& found) { into_.keys[into_.count++] = found; }
  void number(sort kind, const rules::number& value) {
    if (wants(kind)) add(number_key(kind, value, key_));
  }
  void bits(sort kind, std::uint64_t value) {
    if (wants(kind)) add(bits_key(kind, false, value, key_));
  }

  unsigned wanted_;
  const hash_key& key_;
  asked_keys& into_;
};

}  // namespace

equality_key text_key(std::string_view text, const hash_key& key) noexcept {
  return {sort::text, false, 0, text, hash_bytes(text, 0, key)};
}

equality_key bits_key(equality_key::sort kind, bool integral, std::uint64_t bits,
                      const hash_key& key) noexcept {
  const auto label = static_cast<std::uint64_t>(kind) * 2 + (integral ? 1 : 0) + 1;
  return {kind, integral, bits, {}, hash_word(bits, label, key)};
}

equality_key number_key(equality_key::sort kind, const number& value,
                        const hash_key& key) noexcept {
  const auto exact = canonical_of(value);
  return bits_key(kind, exact.integral, exact.bits, key);
}

std::optional<constant_keys> keys_of(const constant& value, const hash_key& key) {
  const value_view view(value);
  switch (view.kind) {
    case type::null:
      if (!value.is_literal()) return std::nullopt;
      return constant_keys{bits_key(sort::null, false, 0, key), {}};
    case type::boolean:
      return constant_keys{bits_key(sort::boolean, false, view.truth ? 1 : 0, key), {}};
    case type::number:
      if (!view.number.integral && std::isnan(view.number.real)) return std::nullopt;
      return constant_keys{number_key(sort::number, view.number, key), {}};
    case type::text:
      if (view.text.empty() && value.is_literal()) {
        return constant_keys{bits_key(sort::empty, false, 0, key), {}};
      }
      if (const auto numeric = number_in(view.text)) {
        if (numeric->shortest) {
          return constant_keys{number_key(sort::number_text, numeric->value, key), {}};
        }
        return constant_keys{text_key(view.text, key),
                             number_key(sort::odd_number_text, numeric->value, key)};
      }
      return constant_keys{text_key(view.text, key), {}};
    default:
      return std::nullopt;
  }
}

void ask(const value_view& value, unsigned wanted, const hash_key& key, asked_keys& into) {
  into.count = 0;
  asker asks(wanted, key, into);
  switch (value.kind) {
    case type::null:
      return asks.null();
    case type::boolean:
      return asks.boolean(value.truth);
    case type::number:
      return asks.number(value.number);
    case type::text:
      return asks.text(value.text);
    default:
      return;
  }
}

}  // namespace velo::rules::index
