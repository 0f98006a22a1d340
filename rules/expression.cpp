#include "rules/expression.hpp"

namespace velo::rules {

struct expression::holder {
  variant value;
};

bool comparison::operator==(const comparison& other) const noexcept {
  return op == other.op && negated == other.negated && any == other.any && left == other.left &&
         right == other.right && list == other.list;
}

expression::expression() : expression(true) {}

expression::expression(bool constant) {
  static const auto always = std::make_shared<const holder>(holder{true});
  static const auto never = std::make_shared<const holder>(holder{false});
  node_ = constant ? always : never;
}

expression::expression(comparison leaf) {
  const auto* pattern = std::get_if<constant>(&leaf.right);
  const bool is_like = leaf.op == relation::like || leaf.op == relation::ilike;
  if (is_like && pattern != nullptr && !leaf.pattern) {
    const auto fold = leaf.op == relation::ilike;
    if (const auto* text = pattern->value().get_ptr<const std::string*>()) {
      leaf.pattern = std::make_shared<const like_pattern>(*text, fold);
    } else if (pattern->numeric()) {
      leaf.pattern = std::make_shared<const like_pattern>(number_text(pattern->value()), fold);
    }
  }
  node_ = std::make_shared<const holder>(holder{std::move(leaf)});
}

expression::expression(conjunction all)
    : node_(std::make_shared<const holder>(holder{std::move(all)})) {}
expression::expression(disjunction some)
    : node_(std::make_shared<const holder>(holder{std::move(some)})) {}
expression::expression(negation inverse)
    : node_(std::make_shared<const holder>(holder{std::move(inverse)})) {}

const expression::variant& expression::node() const noexcept {
  return node_->value;
}

bool expression::operator==(const expression& other) const noexcept {
  return node_ == other.node_ || node_->value == other.node_->value;
}

}  // namespace velo::rules
