// Filters that are nothing but equalities: `owner = 'x'`, `a = 1 && b = 'y'`.
//
// Most filters of most applications are these, so they stand in no tree: the
// fields that a filter names are its shape, its constants are one key, and a
// change looks up one key per shape. The bytes of the key are all that is kept.

#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "rules/bind.hpp"
#include "rules/index/equality_key.hpp"
#include "rules/index/record_slots.hpp"

namespace velo::rules::index {

class exact_shapes {
 public:
  static constexpr std::size_t shapes_max = 64;       ///< Of one field.
  static constexpr std::size_t wide_shapes_max = 16;  ///< Of several, among them.
  static constexpr std::size_t fields_max = 4;

  exact_shapes(const hash_key& key, record_slots& slots) : key_(key), slots_(slots) {}

  /// A filter's key. Valid until the next call of key_of().
  struct made_key {
    std::string_view bytes;
    std::uint64_t hash = 0;
  };

  /// Returns the key of a filter that has one: equalities only, few and short,
  /// and of a shape there is, or is room for.
  [[nodiscard]] std::optional<made_key> key_of(const predicate& bound);
  /// One filter more, or less, with these bytes.
  void add(const std::byte* bytes);
  void remove(const std::byte* bytes);

  [[nodiscard]] std::uint64_t hash(const std::byte* bytes) const noexcept;
  [[nodiscard]] static std::size_t size_of(const std::byte* bytes, std::size_t fields) noexcept;
  [[nodiscard]] std::size_t size_of(const std::byte* bytes) const noexcept;

  /// Calls `visit(hash, keys, count, shape)` for every key that the values ask
  /// for, `keys` being an array of `const equality_key*`.
  template <class Visit>
  void for_each_asked(const record_values& values, Visit&& visit);

  /// Whether the bytes are of that shape and of those constants.
  [[nodiscard]] static bool same(const std::byte* bytes, std::size_t shape,
                                 const equality_key* const* keys, std::size_t count) noexcept;

  [[nodiscard]] std::size_t memory_bytes() const noexcept;

 private:
  struct shape {
    std::vector<slot_number> slots;
    std::array<std::array<std::uint32_t, equality_key::sorts>, fields_max> sorts{};
    std::uint32_t filters = 0;
  };

  [[nodiscard]] std::optional<std::size_t> shape_of(const path* const* paths, std::size_t count);
  [[nodiscard]] bool append(const constant& value);
  void count(const std::byte* bytes, int by);

  const hash_key& key_;
  record_slots& slots_;
  std::vector<shape> shapes_;
  std::string bytes_;
  std::uint64_t hash_ = 0;
  std::array<asked_keys, fields_max> asked_;
};

template <class Visit>
void exact_shapes::for_each_asked(const record_values& values, Visit&& visit) {
  for (std::size_t number = 0; number < shapes_.size(); ++number) {
    const auto& shape = shapes_[number];
    if (shape.filters == 0) continue;
    const auto count = shape.slots.size();
    bool some = true;
    for (std::size_t i = 0; i < count && some; ++i) {
      unsigned wanted = 0;
      for (unsigned s = 0; s < equality_key::sorts; ++s) {
        wanted |= (shape.sorts[i][s] > 0 ? 1U : 0U) << s;
      }
      ask(values.at[shape.slots[i]], wanted, key_, asked_[i]);
      some = asked_[i].count > 0;
    }
    if (!some) continue;
    std::array<unsigned, fields_max> at{};
    std::array<const equality_key*, fields_max> keys{};
    for (bool more = true; more;) {
      auto hash = static_cast<std::uint64_t>(number);
      for (std::size_t i = 0; i < count; ++i) {
        keys[i] = &asked_[i].keys[at[i]];
        hash = combine(hash, keys[i]->hash, key_);
      }
      visit(hash, keys.data(), count, number);
      more = false;
      for (std::size_t i = 0; i < count && !more; ++i) {
        if (++at[i] < asked_[i].count) {
          more = true;
        } else {
          at[i] = 0;
        }
      }
    }
  }
}

}  // namespace velo::rules::index
