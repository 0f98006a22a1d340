#include "rules/index/cover.hpp"

#include <algorithm>
#include <limits>

namespace velo::rules::index {

namespace {

/// Access as rare as this needs no help.
constexpr double rare = 1.0 / 64;
constexpr double very_rare = 1.0 / 256;
constexpr double hardly_ever = 1.0 / 16'384;
constexpr std::size_t values_max = cover_maker::conjunctions_max;

}  // namespace

filter_cover cover_maker::make(std::span<const word> words, bool conjunction) {
  words_ = words;
  filter_cover made;
  auto found = conjunction ? of_all(0, words.size()) : of(0);
  made.exact = found.exact;
  if (conjunction && found.all.size() == 1 &&
      std::none_of(found.all[0].begin(), found.all[0].end(),
                   [](cover_item item) { return (item & own_literal) != 0; })) {
    made.plain = true;
    return made;
  }
  for (auto& all : found.all) {
    std::sort(all.begin(), all.end());
    for (std::size_t i = 1; i < all.size();) {
      if (all[i] == all[i - 1]) {
        drop(all[i]);
        all.erase(all.begin() + static_cast<std::ptrdiff_t>(i));
      } else {
        ++i;
      }
    }
  }
  auto& some = found.all;
  std::sort(some.begin(), some.end());
  for (std::size_t i = 1; i < some.size();) {
    if (some[i] == some[i - 1]) {
      for (const auto item : some[i]) drop(item);
      some.erase(some.begin() + static_cast<std::ptrdiff_t>(i));
    } else {
      ++i;
    }
  }
  // Comparing each with each is for few of them.
  made.shared = some.size() > exact_max;
  for (std::size_t i = 1; i < some.size() && !made.shared; ++i) {
    for (std::size_t k = 0; k < i && !made.shared; ++k) {
      made.shared = !exclude(some[i], some[k]);
    }
  }
  made.conjunctions = std::move(some);
  return made;
}

std::optional<filter_cover> cover_maker::better(std::span<const word> words, bool conjunction,
                                                std::vector<cover_conjunction> now) {
  constexpr double worth_it = 1.5;
  const bool plain = now.empty();
  if (words.size() > better_words_max || now.size() > better_conjunctions_max ||
      (plain && !has_choice(words))) {
    return std::nullopt;
  }
  words_ = words;
  const auto all_of = [&] {
    cover_conjunction all;
    for (std::size_t i = 0; i < words.size(); i += words_at(words[i])) {
      all.push_back(static_cast<cover_item>(i));
    }
    return std::vector<cover_conjunction>(1, std::move(all));
  };
  if (plain) now = all_of();
  auto made = make(words, conjunction);
  const auto cost_of_made = made.plain ? cost(all_of()) : cost(made.conjunctions);
  if (cost_of_made * worth_it <= cost(now)) return made;
  for (const auto& all : made.conjunctions) {
    for (const auto item : all) drop(item);
  }
  return std::nullopt;
}

/// Whether a conjunction has anything that a cover may be made of or not: an IN, a LIKE.
bool cover_maker::has_choice(std::span<const word> words) const {
  for (std::size_t i = 0; i < words.size(); i += words_at(words[i])) {
    const auto w = words[i];
    if (!is_literal(w)) {
      if (is_inline_range(w)) continue;
      return true;
    }
    const auto leaf = w >> 1U;
    if ((w & 1U) == 0 && leaf != 0 && !leaves_.is_range(leaf) && !leaves_.is_keyed(leaf)) {
      return true;
    }
  }
  return false;
}

cover_maker::cover cover_maker::of(std::size_t at) {
  const auto first = words_[at];
  if (first < and_word) return refined({static_cast<cover_item>(at)});
  const auto end = at + words_at(first);
  if (first < or_word) return of_all(at + 1, end);
  cover some;
  for (auto i = at + 1; i < end; i += words_at(words_[i])) {
    auto more = of(i);
    if (some.all.size() + more.all.size() > conjunctions_max) {
      drop(some);
      drop(more);
      return {{{}}, false};
    }
    some.exact = some.exact && more.exact;
    some.all.insert(some.all.end(), std::make_move_iterator(more.all.begin()),
                    std::make_move_iterator(more.all.end()));
  }
  return some;
}

cover_maker::cover cover_maker::of_all(std::size_t from, std::size_t to) {
  cover_conjunction plain;
  std::vector<std::size_t> choices;
  for (auto i = from; i < to; i += words_at(words_[i])) {
    if (words_[i] < and_word) {
      plain.push_back(static_cast<cover_item>(i));
    } else {
      choices.push_back(i);
    }
  }
  auto made = refined(std::move(plain));
  const auto worth = std::max(made.all.size(), places_worth(cost(made)));
  for (const auto choice : choices) {
    const bool enough = cost(made) <= very_rare;
    // Each part of an OR takes a word at least.
    if (enough && (words_[choice] & payload_mask) > worth * range_words) {
      made.exact = false;
      continue;
    }
    auto other = of(choice);
    const auto places = made.all.size() * other.all.size();
    const bool exact = made.exact && other.exact && places <= worth;
    // Twice the places must halve what is found in vain at least.
    const bool helps =
        !enough && places <= product_max &&
        (cost(other) * 2 * static_cast<double>(other.all.size()) <= 1 || cost(made) >= 1);
    if (exact || helps) {
      auto both = product(made, other);
      drop(made);
      drop(other);
      made = std::move(both);
    } else if (cost(other) < cost(made)) {
      drop(made);
      made = std::move(other);
      made.exact = false;
    } else {
      drop(other);
      made.exact = false;
    }
  }
  return made;
}

/// In how many places a filter may stand only so that its code need not be asked: the
/// more often it is found there, the more are worth it.
std::size_t cover_maker::places_worth(double cost) {
  return cost > very_rare ? exact_max : cost > hardly_ever ? exact_max / 2 : 1;
}

/// Whether no record satisfies both.
bool cover_maker::exclude(const cover_conjunction& left, const cover_conjunction& right) const {
  return std::any_of(left.begin(), left.end(), [&](cover_item a) {
    const auto one = literal_at(a);
    if (!is_literal(one) || (one & 1U) != 0 || !leaves_.is_keyed(one >> 1U)) return false;
    return std::any_of(right.begin(), right.end(), [&](cover_item b) {
      const auto other = literal_at(b);
      return is_literal(other) && (other & 1U) == 0 && leaves_.is_keyed(other >> 1U) &&
             leaves_.exclude(one >> 1U, other >> 1U);
    });
  });
}

/// One conjunction, with help where it has no rare access of its own: the values of
/// an IN, the characters of a LIKE.
cover_maker::cover cover_maker::refined(cover_conjunction all) {
  bool exact = true;
  if (all.size() > items_max) {
    // The best ways in are kept.
    std::stable_sort(all.begin(), all.end(),
                     [&](cover_item a, cover_item b) { return access(a) < access(b); });
    const auto whole = words_.size() > 0 && words_.front() < and_word;
    if (!whole) {
      all.resize(items_max);
      exact = false;
    }
  }
  const auto one = [&] {
    cover made{{}, exact};
    made.all.push_back(std::move(all));
    return made;
  };
  const auto best = best_access(all);
  if (best <= rare) return one();
  for (const auto item : all) {
    if (const auto gram = gram_of(item)) {
      if (leaves_.probability(*gram) * 4 <= best) {
        all.push_back(own_literal | literal_of(*gram, false));
        return one();
      }
      leaves_.release(*gram);
    }
  }
  std::vector<leaf_number> values;
  std::size_t fewest = values_max + 1;
  for (const auto item : all) {
    auto found = values_of(item);
    double together = 0;
    for (const auto leaf : found) together += leaves_.probability(leaf);
    const bool helps = !found.empty() && found.size() < fewest &&
                       (best >= 1 || together * 2 * static_cast<double>(found.size()) <= 1);
    if (helps) {
      fewest = found.size();
      std::swap(values, found);
    }
    for (const auto leaf : found) leaves_.release(leaf);
  }
  if (values.empty()) return one();
  cover made{{}, exact};
  for (const auto leaf : values) {
    made.all.push_back(all);
    for (const auto item : all) keep(item);
    made.all.back().push_back(own_literal | literal_of(leaf, false));
  }
  for (const auto item : all) drop(item);
  return made;
}

cover_maker::cover cover_maker::product(const cover& left, const cover& right) {
  cover made{{}, left.exact && right.exact};
  for (const auto& a : left.all) {
    for (const auto& b : right.all) {
      auto both = a;
      both.insert(both.end(), b.begin(), b.end());
      for (const auto item : both) keep(item);
      made.all.push_back(std::move(both));
    }
  }
  return made;
}

void cover_maker::keep(cover_item item) {
  if ((item & own_literal) != 0) leaves_.retain((item & ~own_literal) >> 1U);
}
void cover_maker::drop(cover_item item) {
  if ((item & own_literal) != 0) leaves_.release((item & ~own_literal) >> 1U);
}
void cover_maker::drop(const cover& gone) {
  for (const auto& all : gone.all) {
    for (const auto item : all) drop(item);
  }
}

literal cover_maker::literal_at(cover_item item) const {
  return (item & own_literal) != 0 ? item & ~own_literal : words_[item];
}

/// How likely it is that the test lets a record in; 2 where nothing is found by it.
double cover_maker::access(cover_item item) const {
  constexpr double no_way = 2;
  const auto found = literal_at(item);
  if (is_inline_range(found)) {
    const auto inside = range_at(&words_[item]);
    return inside.negated ? no_way : leaves_.probability(inside.slot, inside.range);
  }
  const auto leaf = found >> 1U;
  if ((found & 1U) != 0) return no_way;
  if (leaves_.is_range(leaf) || leaves_.is_keyed(leaf)) return leaves_.probability(leaf);
  return no_way;
}

double cover_maker::best_access(const cover_conjunction& all) const {
  double best = 1;
  for (const auto item : all) {
    const auto found = literal_at(item);
    // A range finds more than an equality does, so it does not count as rare.
    if (is_literal(found) && leaves_.is_keyed(found >> 1U)) best = std::min(best, access(item));
  }
  return best;
}

double cover_maker::cost(const std::vector<cover_conjunction>& of) const {
  double sum = 0;
  for (const auto& all : of) {
    double product = 1;
    for (const auto item : all) product *= std::min(1.0, access(item));
    sum += product;
  }
  return sum;
}

/// The values of an IN, as leaves; none for anything else.
std::vector<leaf_number> cover_maker::values_of(cover_item item) {
  const auto found = literal_at(item);
  if (!is_literal(found) || (found & 1U) != 0) return {};
  const auto leaf = found >> 1U;
  if (leaves_.is_range(leaf) || leaves_.is_keyed(leaf)) return {};
  const auto* in = leaves_.comparison_of(leaf);
  if (in == nullptr || in->op != relation::in_list || in->any || in->list.size() > values_max) {
    return {};
  }
  const auto slot = leaves_.left_slot_of(leaf);
  std::vector<leaf_number> values;
  for (const auto& value : in->list) {
    const auto keys = keys_of(value, key_);
    if (!keys) {
      for (const auto known : values) leaves_.release(known);
      return {};
    }
    values.push_back(leaves_.acquire(leaf_mode::equal, slot, *keys));
  }
  return values;
}

/// The rarest three characters that a LIKE needs.
std::optional<leaf_number> cover_maker::gram_of(cover_item item) {
  const auto found = literal_at(item);
  if (!is_literal(found) || (found & 1U) != 0) return std::nullopt;
  const auto leaf = found >> 1U;
  if (leaves_.is_range(leaf) || leaves_.is_keyed(leaf)) return std::nullopt;
  const auto* like = leaves_.comparison_of(leaf);
  if (like == nullptr || like->any || like->negated ||
      (like->op != relation::like && like->op != relation::ilike) ||
      !std::holds_alternative<path>(like->left)) {
    return std::nullopt;
  }
  const auto* pattern = std::get_if<constant>(&like->right);
  const auto* text = pattern != nullptr ? pattern->value().get_ptr<const std::string*>() : nullptr;
  if (text == nullptr) return std::nullopt;
  const bool fold = like->op == relation::ilike;
  std::optional<leaf_number> best;
  constexpr std::size_t looked_at = 16;
  auto grams = required_grams(*text, fold);
  if (grams.size() > looked_at) grams.resize(looked_at);
  for (const auto gram : grams) {
    const auto one = leaves_.acquire_gram(leaves_.left_slot_of(leaf), gram, fold);
    if (!best) {
      best = one;
    } else if (leaves_.probability(one) < leaves_.probability(*best)) {
      leaves_.release(*best);
      best = one;
    } else {
      leaves_.release(one);
    }
  }
  return best;
}

}  // namespace velo::rules::index
