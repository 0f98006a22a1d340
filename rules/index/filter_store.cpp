#include "rules/index/filter_store.hpp"

#include <algorithm>
#include <cmath>

namespace velo::rules::index {

filter_reference filter_store::add_key(std::string_view bytes) {
  const auto where = keys_.allocate(std::max(bytes.size(), arena<1>::units_min));
  std::memcpy(keys_.at(where), bytes.data(), bytes.size());
  shapes_.add(keys_.at(where));
  return where | key_bit;
}

filter_reference filter_store::add_code(const filter_code& code, const filter_cover& cover) {
  return add_code(code.words, code.conjunction, cover);
}

filter_reference filter_store::add_code(std::span<const word> words, bool conjunction,
                                        const filter_cover& cover) {
  const header made{static_cast<std::uint32_t>(words.size()),
                    static_cast<std::uint32_t>(cover.plain ? 0 : cover.conjunctions.size()),
                    conjunction ? 1U : 0U, cover.exact ? 1U : 0U, cover.shared ? 1U : 0U};
  auto units = 1 + words.size();
  if (!cover.plain) {
    for (const auto& all : cover.conjunctions) units += 1 + all.size();
  }
  const auto where = codes_.allocate(units);
  auto* out = reinterpret_cast<word*>(codes_.at(where));
  std::memcpy(out, &made, sizeof made);
  out = std::copy(words.begin(), words.end(), out + 1);
  if (cover.plain) return where;
  for (const auto& all : cover.conjunctions) {
    *out++ = static_cast<word>(all.size());
    out = std::copy(all.begin(), all.end(), out);
  }
  return where;
}

std::size_t filter_store::units_of(filter_reference where) const noexcept {
  const auto head = header_at(where);
  std::size_t units = 1 + head.words;
  for (unsigned i = 0; i < head.conjunctions; ++i) units += 1 + at(where)[units];
  return units;
}

void filter_store::remove(filter_reference where) {
  if (is_key(where)) {
    const auto* const bytes = key_at(where);
    const auto size = std::max(shapes_.size_of(bytes), arena<1>::units_min);
    shapes_.remove(bytes);
    keys_.release(where & ~key_bit, size);
    return;
  }
  compiler_.release(code_at(where));
  release_cover(where);
  codes_.release(where, units_of(where));
}

void filter_store::release_cover(filter_reference where) {
  const auto head = header_at(where);
  for (unsigned i = 0; i < head.conjunctions; ++i) {
    for (const auto item : cover_at(where, i)) {
      if ((item & own_literal) != 0) leaves_.release((item & ~own_literal) >> 1U);
    }
  }
}

filter_reference filter_store::cover_anew(filter_reference where, const filter_cover& cover) {
  const auto now = add_code(code_at(where), is_conjunction(where), cover);
  release_cover(where);
  codes_.release(where, units_of(where));
  return now;
}

std::vector<cover_conjunction> filter_store::cover_of(filter_reference where) const {
  std::vector<cover_conjunction> all;
  const auto count = header_at(where).conjunctions;
  all.reserve(count);
  for (unsigned i = 0; i < count; ++i) {
    const auto items = cover_at(where, i);
    all.emplace_back(items.begin(), items.end());
  }
  return all;
}

std::span<const word> filter_store::code_at(filter_reference where) const noexcept {
  const auto head = header_at(where);
  return {at(where) + 1, head.words};
}

bool filter_store::is_conjunction(filter_reference where) const noexcept {
  return header_at(where).conjunction != 0;
}

unsigned filter_store::conjunctions(filter_reference where) const noexcept {
  return std::max(1U, static_cast<unsigned>(header_at(where).conjunctions));
}

standing filter_store::standing_of(filter_reference where) const noexcept {
  const auto head = header_at(where);
  return {head.conjunctions <= 1, head.exact != 0, head.shared != 0};
}

std::span<const cover_item> filter_store::cover_at(filter_reference where, unsigned number) const {
  const auto head = header_at(where);
  const auto* found = at(where) + 1 + head.words;
  for (; number > 0; --number) found += 1 + *found;
  return {found + 1, *found};
}

std::uint64_t filter_store::hash_of(std::span<const word> code, bool conjunction) const noexcept {
  return hash_bytes({reinterpret_cast<const char*>(code.data()), code.size_bytes()},
                    conjunction ? 5 : 6, process_hash_key());
}

std::uint64_t filter_store::hash(filter_reference where) const noexcept {
  if (is_key(where)) return shapes_.hash(key_at(where));
  return hash_of(code_at(where), is_conjunction(where));
}

term filter_store::term_of(const word* code, cover_item item) const {
  term made;
  double probability = 1;
  const auto found = (item & own_literal) != 0 ? item & ~own_literal : code[item];
  if (is_inline_range(found)) {
    const auto inside = range_at(code + item);
    made.in_code = true;
    made.slot = inside.slot;
    made.range = inside.range;
    if (!inside.negated) {
      made.way = term::access::range;
      probability = leaves_.probability(inside.slot, inside.range);
    }
  } else {
    const auto leaf = found >> 1U;
    made.test = found;
    if ((found & 1U) == 0 && leaves_.is_range(leaf)) {
      made.way = term::access::range;
      made.range = leaves_.range_of(leaf);
      made.slot = leaves_.slot_of(leaf);
      probability = leaves_.probability(leaf);
    } else if ((found & 1U) == 0 && leaves_.is_keyed(leaf)) {
      made.way = term::access::keyed;
      made.slot = leaves_.slot_of(leaf);
      probability = leaves_.probability(leaf);
    }
  }
  made.rarity = -std::ilogb(probability);
  return made;
}

void filter_store::terms_of(filter_reference where, unsigned conjunction,
                            std::vector<term>& into) const {
  into.clear();
  const auto code = code_at(where);
  if (header_at(where).conjunctions == 0) {
    for (std::size_t i = 0; i < code.size(); i += words_at(code[i])) {
      into.push_back(term_of(code.data(), static_cast<cover_item>(i)));
    }
  } else {
    for (const auto item : cover_at(where, conjunction)) into.push_back(term_of(code.data(), item));
  }
  std::sort(into.begin(), into.end(), [](const term& a, const term& b) {
    if (a.way != b.way) return a.way < b.way;
    // Rounded rarity and the slot: filters alike take the same way.
    if (a.rarity != b.rarity) return a.rarity > b.rarity;
    if (a.slot != b.slot) return a.slot < b.slot;
    return a.test < b.test;
  });
}

bool filter_store::holds(filter_reference where) {
  return index::holds(code_at(where), is_conjunction(where), leaves_);
}

}  // namespace velo::rules::index
