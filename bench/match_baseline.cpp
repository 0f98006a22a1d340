#include "bench/match_baseline.hpp"

#include <algorithm>
#include <limits>

namespace velo::bench {

using namespace rules;
using nlohmann::json;

std::uint16_t match_baseline::field_of(const path& where) {
  const auto& name = where.steps.front().name;
  const auto found = std::find(fields_.begin(), fields_.end(), name);
  if (found == fields_.end()) {
    fields_.push_back(name);
    values_.emplace_back();
    return static_cast<std::uint16_t>(fields_.size() - 1);
  }
  return static_cast<std::uint16_t>(found - fields_.begin());
}

std::uint32_t match_baseline::intern(const json& constant) {
  auto& known = constant.is_string()
                    ? text_constants_[constant.get<std::string>()]
                    : number_constants_[constant.is_boolean() ? (constant.get<bool>() ? 1.0 : 0.0)
                                                              : constant.get<double>()];
  if (known == 0) known = ++constants_;
  return known;
}

std::uint32_t match_baseline::known(const json& value) const {
  if (const auto* text = value.get_ptr<const std::string*>()) {
    const auto found = text_constants_.find(*text);
    return found != text_constants_.end() ? found->second : 0;
  }
  if (!value.is_number() && !value.is_boolean()) return 0;
  const auto found = number_constants_.find(value.is_boolean() ? (value.get<bool>() ? 1.0 : 0.0)
                                                               : value.get<double>());
  return found != number_constants_.end() ? found->second : 0;
}

void match_baseline::emit(const comparison& leaf) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  instruction made{};
  made.next = 1;
  made.negated = leaf.negated;
  made.field = field_of(std::get<path>(leaf.op == relation::in_path ? leaf.right : leaf.left));
  switch (leaf.op) {
    case relation::equal:
      made.what = op::equal;
      made.constant = intern(std::get<constant>(leaf.right).value());
      break;
    case relation::in_list:
      made.what = op::one_of;
      made.list = static_cast<std::uint32_t>(lists_.size());
      lists_.emplace_back();
      for (const auto& item : leaf.list) lists_.back().push_back(intern(item.value()));
      break;
    case relation::in_path:
      made.what = op::member;
      made.constant = intern(std::get<constant>(leaf.left).value());
      break;
    case relation::like:
      made.what = op::contains;
      made.list = static_cast<std::uint32_t>(texts_.size());
      texts_.push_back(std::get<constant>(leaf.right).value().get<std::string>());
      break;
    default: {
      made.what = op::range;
      const auto bound = std::get<constant>(leaf.right).value().get<double>();
      made.lo = -infinity;
      made.hi = infinity;
      if (leaf.op == relation::less) made.hi = std::nextafter(bound, -infinity);
      if (leaf.op == relation::less_equal) made.hi = bound;
      if (leaf.op == relation::greater) made.lo = std::nextafter(bound, infinity);
      if (leaf.op == relation::greater_equal) made.lo = bound;
    }
  }
  // Two bounds of one field are one test.
  if (made.what == op::range && !made.negated && !code_.empty() && starts_.back() < code_.size() &&
      code_[starts_.back()].what == op::all) {
    auto& last = code_.back();
    if (last.what == op::range && last.field == made.field && !last.negated) {
      last.lo = std::max(last.lo, made.lo);
      last.hi = std::min(last.hi, made.hi);
      return;
    }
  }
  code_.push_back(made);
}

void match_baseline::emit(const expression& tree) {
  const auto group = [&](op what, const std::vector<expression>& terms) {
    const auto at = code_.size();
    instruction made{};
    made.what = what;
    code_.push_back(made);
    for (const auto& term : terms) emit(term);
    code_[at].next = static_cast<std::uint32_t>(code_.size() - at);
  };
  std::visit(overloaded{[](bool) {}, [&](const comparison& leaf) { emit(leaf); },
                        [&](const conjunction& all) { group(op::all, all.terms); },
                        [&](const disjunction& some) { group(op::some, some.terms); },
                        [](const negation&) {}},
             tree.node());
}

void match_baseline::add(const predicate& bound) {
  starts_.push_back(static_cast<std::uint32_t>(code_.size()));
  emit(bound.expr());
}

void match_baseline::read(const json& record) {
  for (std::size_t i = 0; i < fields_.size(); ++i) {
    const auto found = record.find(fields_[i]);
    auto& value = values_[i];
    value.constant = 0;
    value.is_number = false;
    value.text = {};
    value.elements.clear();
    if (found == record.end()) continue;
    value.constant = known(*found);
    if (found->is_number()) {
      value.is_number = true;
      value.number = found->get<double>();
    } else if (const auto* text = found->get_ptr<const std::string*>()) {
      value.text = *text;
    } else if (found->is_array()) {
      for (const auto& element : *found) value.elements.push_back(known(element));
    }
  }
}

bool match_baseline::holds(const instruction& at) const {
  const auto& value = values_[at.field];
  bool found = false;
  switch (at.what) {
    case op::equal:
      found = value.constant == at.constant;
      break;
    case op::range:
      found = value.is_number && value.number >= at.lo && value.number <= at.hi;
      break;
    case op::one_of:
      if (value.constant != 0) {
        for (const auto one : lists_[at.list]) found = found || one == value.constant;
      }
      break;
    case op::contains:
      found = value.text.find(texts_[at.list]) != std::string_view::npos;
      break;
    case op::member:
      for (const auto one : value.elements) found = found || one == at.constant;
      break;
    default:
      break;
  }
  return found != at.negated;
}

bool match_baseline::evaluate(const instruction* at) const {
  if (at->what < op::all) return holds(*at);
  const bool all = at->what == op::all;
  const auto* const end = at + at->next;
  for (const auto* term = at + 1; term < end; term += term->next) {
    if ((term->what < op::all ? holds(*term) : evaluate(term)) != all) return !all;
  }
  return all;
}

void match_baseline::match_read(std::vector<std::uint32_t>& found) const {
  for (std::size_t i = 0; i < starts_.size(); ++i) {
    if (evaluate(&code_[starts_[i]])) found.push_back(static_cast<std::uint32_t>(i));
  }
}

void match_baseline::match(const json& record, std::vector<std::uint32_t>& found) {
  read(record);
  match_read(found);
}

}  // namespace velo::bench
