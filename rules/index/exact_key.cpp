#include "rules/index/exact_key.hpp"

#include <algorithm>

namespace velo::rules::index {

namespace {

using sort = equality_key::sort;

// A constant is one byte, and what that says: a text of so many bytes, or
// another sort, for which eight bytes follow.
constexpr unsigned text_max = 239;
constexpr unsigned sort_base = 240;

unsigned label_of(const equality_key& key) noexcept {
  return sort_base + static_cast<unsigned>(key.kind) * 2 + (key.integral ? 1 : 0);
}

/// The constant at `at`, and its size in bytes there.
struct decoded {
  equality_key key;
  std::size_t size;
};

decoded decode(const std::byte* at) noexcept {
  const auto label = static_cast<unsigned>(*at);
  decoded found;
  if (label <= text_max) {
    found.key.kind = sort::text;
    found.key.text = {reinterpret_cast<const char*>(at + 1), label};
    found.size = 1 + label;
  } else {
    found.key.kind = static_cast<sort>((label - sort_base) / 2);
    found.key.integral = (label - sort_base) % 2 != 0;
    found.key.bits = load<std::uint64_t>(at + 1);
    found.size = 9;
  }
  return found;
}

}  // namespace

bool exact_shapes::append(const constant& value) {
  const auto keys = keys_of(value, key_);
  if (!keys || keys->odd) return false;
  const auto& key = keys->main;
  if (key.kind == sort::text) {
    if (key.text.size() > text_max) return false;
    bytes_ += static_cast<char>(key.text.size());
    bytes_ += key.text;
  } else {
    bytes_ += static_cast<char>(label_of(key));
    bytes_.append(reinterpret_cast<const char*>(&key.bits), sizeof key.bits);
  }
  hash_ = combine(hash_, key.hash, key_);
  return true;
}

std::optional<std::size_t> exact_shapes::shape_of(const path* const* paths, std::size_t count) {
  std::array<slot_number, fields_max> slots{};
  for (std::size_t i = 0; i < count; ++i) slots[i] = slots_.acquire(*paths[i]);
  const auto release = [&] {
    for (std::size_t i = 0; i < count; ++i) slots_.release(slots[i]);
  };
  auto room = shapes_.size();
  std::size_t wide = 0;
  for (std::size_t i = 0; i < shapes_.size(); ++i) {
    const auto& known = shapes_[i];
    if (known.slots.size() == count &&
        std::equal(known.slots.begin(), known.slots.end(), slots.begin())) {
      release();
      return i;
    }
    if (known.slots.empty()) room = std::min(room, i);
    if (known.slots.size() > 1) ++wide;
  }
  if (room == shapes_max || (count > 1 && wide == wide_shapes_max)) {
    release();
    return std::nullopt;
  }
  if (room == shapes_.size()) shapes_.emplace_back();
  // The shape keeps the slots until its last filter goes.
  shapes_[room].slots.assign(slots.begin(), slots.begin() + static_cast<std::ptrdiff_t>(count));
  return room;
}

std::optional<exact_shapes::made_key> exact_shapes::key_of(const predicate& bound) {
  std::array<const comparison*, fields_max> leaves{};
  std::array<const path*, fields_max> paths{};
  std::size_t count = 0;
  const auto take = [&](const expression& tree) {
    const auto* leaf = std::get_if<comparison>(&tree.node());
    if (leaf == nullptr || leaf->op != relation::equal || leaf->negated || leaf->any) return false;
    paths[count] = std::get_if<path>(&leaf->left);
    if (paths[count] == nullptr || !std::holds_alternative<constant>(leaf->right)) return false;
    // Two constants for one field: either never, or not that simple.
    for (std::size_t i = 0; i < count; ++i) {
      if (*paths[i] == *paths[count]) return false;
    }
    leaves[count++] = leaf;
    return true;
  };
  if (const auto* all = std::get_if<conjunction>(&bound.expr().node())) {
    if (all->terms.size() > fields_max) return std::nullopt;
    for (const auto& term : all->terms) {
      if (!take(term)) return std::nullopt;
    }
  } else if (!take(bound.expr())) {
    return std::nullopt;
  }
  bytes_.assign(1, '\0');
  hash_ = 0;
  // The shape is the first thing hashed, and known last.
  for (std::size_t i = 0; i < count; ++i) {
    if (!append(std::get<constant>(leaves[i]->right))) return std::nullopt;
  }
  const auto shape = shape_of(paths.data(), count);
  if (!shape) return std::nullopt;
  bytes_[0] = static_cast<char>(*shape);
  return made_key{bytes_, hash(reinterpret_cast<const std::byte*>(bytes_.data()))};
}

std::size_t exact_shapes::size_of(const std::byte* bytes, std::size_t fields) noexcept {
  std::size_t size = 1;
  for (; fields > 0; --fields) size += decode(bytes + size).size;
  return size;
}

std::size_t exact_shapes::size_of(const std::byte* bytes) const noexcept {
  return size_of(bytes, shapes_[static_cast<std::size_t>(bytes[0])].slots.size());
}

std::uint64_t exact_shapes::hash(const std::byte* bytes) const noexcept {
  const auto number = static_cast<std::size_t>(bytes[0]);
  auto state = static_cast<std::uint64_t>(number);
  const auto* at = bytes + 1;
  for (auto left = shapes_[number].slots.size(); left > 0; --left) {
    const auto found = decode(at);
    const auto& key = found.key;
    const auto by = key.kind == sort::text ? hash_bytes(key.text, 0, key_)
                                           : bits_key(key.kind, key.integral, key.bits, key_).hash;
    state = combine(state, by, key_);
    at += found.size;
  }
  return state;
}

bool exact_shapes::same(const std::byte* bytes, std::size_t shape, const equality_key* const* keys,
                        std::size_t count) noexcept {
  if (static_cast<std::size_t>(bytes[0]) != shape) return false;
  const auto* at = bytes + 1;
  for (std::size_t i = 0; i < count; ++i) {
    const auto found = decode(at);
    if (!(found.key == *keys[i])) return false;
    at += found.size;
  }
  return true;
}

void exact_shapes::count(const std::byte* bytes, int by) {
  auto& shape = shapes_[static_cast<std::size_t>(bytes[0])];
  shape.filters += static_cast<std::uint32_t>(by);
  const auto* at = bytes + 1;
  for (std::size_t i = 0; i < shape.slots.size(); ++i) {
    const auto found = decode(at);
    shape.sorts[i][static_cast<std::size_t>(found.key.kind)] += static_cast<std::uint32_t>(by);
    at += found.size;
  }
}

void exact_shapes::add(const std::byte* bytes) {
  count(bytes, 1);
}

void exact_shapes::remove(const std::byte* bytes) {
  count(bytes, -1);
  auto& shape = shapes_[static_cast<std::size_t>(bytes[0])];
  if (shape.filters > 0) return;
  for (const auto slot : shape.slots) slots_.release(slot);
  shape.slots.clear();
}

std::size_t exact_shapes::memory_bytes() const noexcept {
  return shapes_.capacity() * sizeof(shape);
}

}  // namespace velo::rules::index
