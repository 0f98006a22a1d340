// The index and the sequential evaluator side by side: random predicates come,
// change and go, random records change, and both must name the same subscribers.

#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "rules/evaluate.hpp"
#include "rules/predicate_index.hpp"
#include "tests/rules/generator.hpp"

namespace velo::rules::test {

/// What the predicates of a run look like.
enum class population {
  anything,      ///< Trees over the whole grammar.
  conjunctions,  ///< A few equalities, ranges, lists: many share places of the index.
  ranges,        ///< One field's numbers, so that range lists form and dissolve.
  texts,         ///< LIKE and ILIKE.
  choices,       ///< OR and IN of such, under AND.
  keys,          ///< Equalities alone, and values of every type.
};
inline constexpr population populations[] = {population::anything, population::conjunctions,
                                             population::ranges,   population::texts,
                                             population::choices,  population::keys};

class differential {
 public:
  differential(std::uint32_t seed, population kind, subscriber_id subscribers)
      : make_(seed), kind_(kind), subscribers_(subscribers), auth_(make_.object()) {}

  /// Puts all, then goes on changing a few before each record. Returns a
  /// description of the first disagreement.
  std::optional<std::string> run(std::size_t changes) {
    for (subscriber_id id = 0; id < subscribers_; ++id) put(id);
    for (std::size_t i = 0; i < changes; ++i) {
      if (auto wrong = change()) return wrong;
      for (auto n = make_.number() % 8; n > 0; --n) {
        const auto id = static_cast<subscriber_id>(make_.number() % subscribers_);
        if (make_.chance(3)) {
          index_.remove(id);
          kept_.erase(id);
        } else {
          put(id);
        }
      }
      // A tide now and then: tables shrink, places are joined, all is given back.
      if (i % 64 == 40) ebb(make_.chance(3) ? 0 : subscribers_ / 16);
      if (i % 64 == 50) {
        for (subscriber_id id = 0; id < subscribers_; ++id) put(id);
      }
    }
    ebb(0);
    if (index_.subscribers() != 0) return "subscribers are left";
    return change();
  }

  [[nodiscard]] std::size_t pairs() const { return pairs_; }

 private:
  void ebb(std::size_t left) {
    while (kept_.size() > left) {
      auto gone = kept_.begin();
      if (make_.chance(2)) gone = std::prev(kept_.end());
      index_.remove(gone->first);
      kept_.erase(gone);
    }
  }

  void put(subscriber_id id) {
    if (!pool_.empty() && make_.chance(4)) {
      const auto& shared = make_.pick(pool_);
      index_.put(id, shared);
      kept_.insert_or_assign(id, shared);
      return;
    }
    const parameters who{&auth_, nullptr, false};
    auto bound = bind(tree(), who);
    index_.put(id, bound);
    kept_.insert_or_assign(id, bound);
    if (pool_.size() < 64)
      pool_.push_back(bound);
    else
      pool_[make_.number() % pool_.size()] = bound;
  }

  expression compared(relation op, const char* name, json value, bool negated = false) {
    comparison leaf;
    leaf.left = field(name);
    leaf.op = op;
    leaf.negated = negated;
    leaf.right = constant::literal(std::move(value));
    return expression(std::move(leaf));
  }
  static path field(const char* name) {
    path made;
    made.steps.emplace_back(name);
    return made;
  }
  const char* name() {
    static const std::vector<const char*> names{"a", "b", "c", "d"};
    return make_.pick(names);
  }
  json small() {
    static const std::vector<json> values{0, 1, 2, 3, 4, 5.5, "1", "x", "y", "true", true, "10.0"};
    return make_.pick(values);
  }
  json bound_of_range() {
    static const std::vector<json> values{
        9007199254740992, 9007199254740993, -9007199254740993, 1e300, "50", "x", 0, -0.0, 0.1};
    if (make_.chance(12)) return make_.pick(values);
    return make_.chance(2) ? json(make_.number() % 100) : json((make_.number() % 1000) / 10.0);
  }
  expression range(const char* of) {
    static const std::vector<relation> ops{relation::less, relation::less_equal, relation::greater,
                                           relation::greater_equal};
    return compared(make_.pick(ops), of, bound_of_range());
  }
  expression list(const char* of) {
    comparison leaf;
    leaf.left = field(of);
    leaf.op = relation::in_list;
    leaf.negated = make_.chance(4);
    for (auto n = 2 + make_.number() % 4; n > 0; --n) {
      leaf.list.push_back(constant::literal(small()));
    }
    return expression(std::move(leaf));
  }
  expression member(const char* of) {
    comparison leaf;
    if (make_.chance(2)) {
      leaf.left = constant::literal(small());
      leaf.op = relation::in_path;
      leaf.right = field(of);
      leaf.negated = make_.chance(4);
    } else {
      leaf.left = field(of);
      leaf.any = true;
      leaf.negated = make_.chance(4);
      leaf.right = constant::literal(small());
    }
    auto made = expression(std::move(leaf));
    return make_.chance(5) ? expression(negation{made}) : made;
  }
  expression text(const char* of) {
    static const std::vector<std::string> patterns{
        "abc", "bcd", "ABC", "%abc",  "abc%",  "a%bcd",  "a_c", "xyz", "ſab", "STR",
        "zz",  "é",   "12",  "12345", "b_d%e", "\\%abc", "Kab", "",    "%",   "cdefghij"};
    std::string pattern = make_.pick(patterns);
    if (make_.chance(2)) pattern = word(3);
    return compared(make_.chance(2) ? relation::like : relation::ilike, of, pattern,
                    make_.chance(4));
  }
  std::string word(std::size_t length) {
    static const std::vector<std::string> letters{"a", "b", "c", "A", "B", "ſ", "s", "k", "K"};
    std::string made;
    while (length-- > 0) made += make_.pick(letters);
    return made;
  }
  expression simple() {
    const auto* of = name();
    switch (make_.number() % 8) {
      case 0:
        return range(of);
      case 1:
        return list(of);
      case 2:
        return compared(relation::equal, of, small(), true);
      case 3:
        return make_.chance(2) ? member(of) : text(of);
      default:
        return compared(relation::equal, of, small());
    }
  }
  expression all(std::size_t count) {
    std::vector<expression> terms;
    while (count-- > 0) terms.push_back(simple());
    return expression(conjunction{std::move(terms)});
  }

  expression tree() {
    switch (kind_) {
      case population::anything:
        return make_.any_tree();
      case population::conjunctions:
        return all(1 + make_.number() % 5);
      case population::ranges: {
        std::vector<expression> terms{range("a")};
        if (make_.chance(2)) terms.push_back(range("a"));
        if (make_.chance(3)) terms.push_back(simple());
        if (make_.chance(4)) terms.push_back(range("b"));
        if (make_.chance(5)) return expression(negation{expression(conjunction{std::move(terms)})});
        return expression(conjunction{std::move(terms)});
      }
      case population::texts: {
        std::vector<expression> terms{text("a")};
        if (make_.chance(2)) terms.push_back(text(name()));
        if (make_.chance(3)) terms.push_back(simple());
        if (make_.chance(3)) return expression(disjunction{std::move(terms)});
        return expression(conjunction{std::move(terms)});
      }
      case population::choices: {
        std::vector<expression> terms;
        for (auto n = 1 + make_.number() % 3; n > 0; --n) {
          std::vector<expression> some;
          for (auto m = 1 + make_.number() % 4; m > 0; --m)
            some.push_back(all(1 + make_.number() % 3));
          terms.emplace_back(disjunction{std::move(some)});
        }
        if (make_.chance(3)) terms.push_back(list(name()));
        return expression(conjunction{std::move(terms)});
      }
      case population::keys: {
        std::vector<expression> terms;
        for (auto n = 1 + make_.number() % 3; n > 0; --n) {
          terms.push_back(
              compared(relation::equal, name(), make_.chance(2) ? make_.scalar() : small()));
        }
        return expression(conjunction{std::move(terms)});
      }
    }
    return expression();
  }

  json record() {
    auto made = make_.object();
    for (const auto* field_name : {"a", "b", "c", "d"}) {
      if (make_.chance(3)) continue;
      json value = small();
      if (kind_ == population::ranges && make_.chance(2)) value = bound_of_range();
      if (make_.chance(3)) value = word(1 + make_.number() % 12);
      if (make_.chance(6)) {
        value = json::array();
        for (auto n = make_.number() % 5; n > 0; --n) value.push_back(small());
      }
      made[field_name] = std::move(value);
    }
    return made;
  }

  std::optional<std::string> change() {
    const auto after = record();
    auto before = make_.chance(2) ? record() : after;
    if (make_.chance(4)) before["e"] = 1;  // Nobody asks for it.
    if (make_.chance(3)) {
      // As much alike as two states can be: one text, and of the same length.
      before = after;
      auto& one = before[name()];
      one = one.is_string() && !one.get_ref<const std::string&>().empty()
                ? json(std::string(one.get_ref<const std::string&>().size(), 'x'))
                : small();
    }
    const bool update = make_.chance(2);
    const record_change what{update ? &before : nullptr, &after,
                             static_cast<action>(make_.number() % 3), "2026-01-31 12:00:00.000Z"};
    std::vector<match> found;
    index_.match_change(what, found);
    std::map<subscriber_id, match> by_id;
    for (const auto& one : found) {
      if (!by_id.emplace(one.id, one).second) return "found twice: " + std::to_string(one.id);
    }
    for (const auto& [id, bound] : kept_) {
      const bool was = update && evaluate(bound, {before, what.act, what.now});
      const bool is = evaluate(bound, {after, what.act, what.now});
      pairs_ += update ? 2 : 1;
      const auto one = by_id.find(id);
      const bool right =
          one == by_id.end() ? !was && !is : one->second.before == was && one->second.after == is;
      if (!right) {
        return to_string(bound.expr()) + "\n before " + (update ? before.dump() : "-") +
               "\n after " + after.dump() + "\n evaluated " + std::to_string(was) + " " +
               std::to_string(is) +
               (one == by_id.end() ? std::string("\n not found")
                                   : "\n found " + std::to_string(one->second.before) + " " +
                                         std::to_string(one->second.after));
      }
      if (one != by_id.end()) by_id.erase(one);
    }
    if (!by_id.empty()) return "a stranger: " + std::to_string(by_id.begin()->first);
    return std::nullopt;
  }

  generator make_;
  population kind_;
  subscriber_id subscribers_;
  json auth_;
  predicate_index index_;
  std::map<subscriber_id, predicate> kept_;
  std::vector<predicate> pool_;
  std::size_t pairs_ = 0;
};

}  // namespace velo::rules::test
