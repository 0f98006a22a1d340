#include "rules/index/filter_code.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace velo::rules::index {

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

bool holds_at(const word* at, leaf_store& leaves) {
  const auto first = *at;
  if (is_literal(first)) return leaves.holds(first);
  if (is_inline_range(first)) {
    const auto inside = range_at(at);
    return inside.range.holds(leaves.number_at(inside.slot)) != inside.negated;
  }
  const bool all = first < or_word;
  const auto* const end = at + words_at(first);
  for (++at; at != end; at += words_at(*at)) {
    if (holds_at(at, leaves) != all) return !all;
  }
  return all;
}

}  // namespace

bool holds(std::span<const word> words, bool conjunction, leaf_store& leaves) {
  if (!conjunction) return holds_at(words.data(), leaves);
  for (std::size_t i = 0; i < words.size(); i += words_at(words[i])) {
    if (!holds_at(&words[i], leaves)) return false;
  }
  return true;
}

std::optional<interval> interval_of(const comparison& leaf) noexcept {
  constexpr double exact = 9007199254740992.0;  // 2^53
  const auto* value = std::get_if<constant>(&leaf.right);
  if (leaf.any || value == nullptr || !value->value().is_number() || !value->numeric() ||
      !std::holds_alternative<path>(leaf.left)) {
    return std::nullopt;
  }
  const auto& number = *value->numeric();
  const auto bound = number.integral ? static_cast<double>(number.integer) : number.real;
  if (!(std::abs(bound) < exact)) return std::nullopt;
  switch (leaf.op) {
    case relation::less:
      return interval{-infinity, std::nextafter(bound, -infinity)};
    case relation::less_equal:
      return interval{-infinity, bound};
    case relation::greater:
      return interval{std::nextafter(bound, infinity), infinity};
    case relation::greater_equal:
      return interval{bound, infinity};
    default:
      return std::nullopt;
  }
}

const filter_code& filter_compiler::compile(const predicate& bound) {
  made_.words.clear();
  made_.kind = add(bound.expr());
  if (made_.kind != verdict::depends) return made_;
  if (made_.words.size() > words_max) {
    drop_from(0);
    made_.words.push_back(literal_of(leaves_.acquire_whole(bound.expr()), false));
  }
  auto& words = made_.words;
  if (words.front() >> 30U == 2) {
    bool flat = true;
    for (std::size_t i = 1; i < words.size() && flat; i += words_at(words[i])) {
      flat = words[i] < and_word;
    }
    if (flat) words.erase(words.begin());
    made_.conjunction = flat;
  } else {
    made_.conjunction = words.front() < and_word;
  }
  return made_;
}

void filter_compiler::release(std::span<const word> words) {
  for (std::size_t i = 0; i < words.size();) {
    const auto first = words[i];
    if (is_literal(first)) {
      leaves_.release(first >> 1U);
      ++i;
    } else if (is_inline_range(first)) {
      const auto slot = range_at(&words[i]).slot;
      leaves_.unwatch_number(slot);
      slots_.release(slot);
      i += range_words;
    } else {
      ++i;
    }
  }
}

void filter_compiler::drop_from(std::size_t from) {
  release(std::span<const word>(made_.words).subspan(from));
  made_.words.resize(from);
}

filter_compiler::verdict filter_compiler::add(const expression& tree) {
  return std::visit(overloaded{[](bool value) { return value ? verdict::always : verdict::never; },
                               [&](const comparison& leaf) { return add_leaf(leaf, false); },
                               [&](const conjunction& all) { return add_all(all.terms, true); },
                               [&](const disjunction& some) { return add_all(some.terms, false); },
                               [&](const negation& inverse) {
                                 return add_leaf(std::get<comparison>(inverse.operand.node()),
                                                 true);
                               }},
                    tree.node());
}

filter_compiler::verdict filter_compiler::add_all(const std::vector<expression>& terms, bool all) {
  const auto settles = all ? verdict::never : verdict::always;
  const auto from = made_.words.size();
  made_.words.push_back(all ? and_word : or_word);
  std::vector<pending_range> ranges;
  const auto give_up = [&] {
    for (const auto& range : ranges) slots_.release(range.slot);
    drop_from(from);
    return settles;
  };
  for (const auto& term : terms) {
    const auto* leaf = all ? std::get_if<comparison>(&term.node()) : nullptr;
    const auto range = leaf != nullptr && !leaf->negated ? interval_of(*leaf) : std::nullopt;
    if (range) {
      const auto slot = slots_.acquire(std::get<path>(leaf->left));
      const auto same = std::find_if(ranges.begin(), ranges.end(),
                                     [&](const auto& other) { return other.slot == slot; });
      if (same == ranges.end()) {
        ranges.push_back({slot, *range});
      } else {
        slots_.release(slot);
        same->range = {std::max(same->range.lo, range->lo), std::min(same->range.hi, range->hi)};
        if (same->range.lo > same->range.hi) return give_up();
      }
      continue;
    }
    const auto at = made_.words.size();
    if (add(term) == settles) return give_up();
    // A list that was not in: its parts belong to this AND.
    if (all && at < made_.words.size() && made_.words[at] >> 30U == 2) {
      made_.words.erase(made_.words.begin() + static_cast<std::ptrdiff_t>(at));
    }
  }
  for (const auto& range : ranges) add_range(range.slot, range.range, false);
  ranges.clear();
  const auto length = made_.words.size() - from - 1;
  if (length == 0) {
    made_.words.pop_back();
    return all ? verdict::always : verdict::never;
  }
  if (settled(from + 1, all)) return give_up();
  if (words_at(made_.words[from + 1]) == length) {
    made_.words.erase(made_.words.begin() + static_cast<std::ptrdiff_t>(from));
  } else {
    made_.words[from] |= static_cast<word>(length);
  }
  return verdict::depends;
}

/// Whether the literals among the words from there on exclude each other (AND)
/// or leave nothing out (OR).
bool filter_compiler::settled(std::size_t from, bool all) const {
  std::vector<literal> literals;
  for (std::size_t i = from; i < made_.words.size(); i += words_at(made_.words[i])) {
    if (is_literal(made_.words[i])) literals.push_back(made_.words[i]);
  }
  std::sort(literals.begin(), literals.end());
  for (std::size_t i = 1; i < literals.size(); ++i) {
    if ((literals[i - 1] ^ literals[i]) == 1) return true;
  }
  if (!all || literals.size() > 16) return false;
  for (std::size_t i = 0; i < literals.size(); ++i) {
    if ((literals[i] & 1U) != 0 || !leaves_.is_keyed(literals[i] >> 1U)) continue;
    for (std::size_t k = i + 1; k < literals.size(); ++k) {
      if ((literals[k] & 1U) == 0 && leaves_.is_keyed(literals[k] >> 1U) &&
          leaves_.exclude(literals[i] >> 1U, literals[k] >> 1U)) {
        return true;
      }
    }
  }
  return false;
}

/// Takes over one use of `slot`.
void filter_compiler::add_range(slot_number slot, interval range, bool negated) {
  if (const auto leaf = leaves_.acquire_range(slot, range)) {
    slots_.release(slot);
    made_.words.push_back(literal_of(*leaf, negated));
    return;
  }
  leaves_.watch_number(slot);
  made_.words.push_back(range_word | slot << 1U | (negated ? 1U : 0U));
  for (const auto bound : {range.lo, range.hi}) {
    const auto bits = load<std::uint64_t>(&bound);
    made_.words.push_back(static_cast<word>(bits));
    made_.words.push_back(static_cast<word>(bits >> 32U));
  }
}

/// x IN (a, b) is x = a OR x = b, and its complement an AND of complements.
bool filter_compiler::add_list(const comparison& leaf, bool negated) {
  const auto from = made_.words.size();
  const auto slot = slots_.acquire(std::get<path>(leaf.left));
  made_.words.push_back(negated ? and_word : or_word);
  bool all = leaf.list.size() <= list_max;
  for (const auto& item : leaf.list) {
    const auto keys = all ? keys_of(item, key_) : std::nullopt;
    all = all && keys;
    if (!all) break;
    made_.words.push_back(literal_of(leaves_.acquire(leaf_mode::equal, slot, *keys), negated));
  }
  slots_.release(slot);
  if (!all) {
    drop_from(from);
    return false;
  }
  made_.words[from] |= static_cast<word>(leaf.list.size());
  return true;
}

filter_compiler::verdict filter_compiler::add_leaf(const comparison& leaf, bool inverted) {
  // Inside a `?op` the negation is part of what some element must satisfy.
  const bool negated = (leaf.negated && !leaf.any) != inverted;
  const auto keyed = [&](leaf_mode mode, const operand& side, const constant& value) {
    const auto keys = keys_of(value, key_);
    if (!keys) return false;
    const auto slot = slots_.acquire(std::get<path>(side));
    made_.words.push_back(literal_of(leaves_.acquire(mode, slot, *keys), negated));
    slots_.release(slot);
    return true;
  };
  const auto* left = std::get_if<constant>(&leaf.left);
  const auto* right = std::get_if<constant>(&leaf.right);
  if (leaf.op == relation::equal && left == nullptr && right != nullptr &&
      !(leaf.any && leaf.negated) &&
      keyed(leaf.any ? leaf_mode::any_equal : leaf_mode::equal, leaf.left, *right)) {
    return verdict::depends;
  }
  if (leaf.op == relation::in_path && !leaf.any && left != nullptr && right == nullptr &&
      keyed(leaf_mode::member, leaf.right, *left)) {
    return verdict::depends;
  }
  if (const auto range = interval_of(leaf)) {
    if (range->lo > range->hi) return negated ? verdict::always : verdict::never;
    add_range(slots_.acquire(std::get<path>(leaf.left)), *range, negated);
    return verdict::depends;
  }
  if (leaf.op == relation::in_list && !leaf.any && add_list(leaf, negated)) return verdict::depends;
  if (leaf.negated && !leaf.any) {
    auto positive = leaf;
    positive.negated = false;
    made_.words.push_back(literal_of(leaves_.acquire_general(positive), negated));
  } else {
    made_.words.push_back(literal_of(leaves_.acquire_general(leaf), negated));
  }
  return verdict::depends;
}

}  // namespace velo::rules::index
