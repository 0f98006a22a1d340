// Trees back to text: to_string of expression.hpp.

#include "rules/expression.hpp"
#include "rules/keyword.hpp"

namespace velo::rules {

namespace {

void quote(const std::string& text, std::string& out) {
  out += '\'';
  for (const char c : text) {
    switch (c) {
      case '\\':
        out += "\\\\";
        break;
      case '\'':
        out += "\\'";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        out += c;
    }
  }
  out += '\'';
}

void print(const constant& value, std::string& out) {
  const auto& json = value.value();
  // Where it matters that nobody wrote this null or '', the text says so.
  const auto* text = json.get_ptr<const std::string*>();
  const bool mark = !value.is_literal() && (json.is_null() || (text != nullptr && text->empty()));
  if (mark) out += "@bound(";
  if (text != nullptr) {
    quote(*text, out);
  } else if (json.is_number()) {
    out += number_text(json);
  } else {
    out += json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  }
  if (mark) out += ')';
}

/// On the right of a comparison a bare name may be text, so there the path is
/// always spelled with its root.
void print(const path& value, bool left, std::string& out) {
  auto step = value.steps.begin();
  switch (value.from) {
    case root::record:
      if (left && step != value.steps.end() && is_name(step->name) &&
          keyword_of(step->name) == keyword::none) {
        out += (step++)->name;
      } else {
        out += "@record";
      }
      break;
    case root::auth:
      out += "@request.auth";
      break;
    case root::query:
      out += "@request.query";
      break;
    case root::action:
      out += "@action";
      break;
    case root::now:
      out += "@now";
      break;
  }
  for (; step != value.steps.end(); ++step) {
    out += '.';
    out += step->name;
  }
}

void print(const operand& side, bool left, std::string& out) {
  if (const auto* value = std::get_if<constant>(&side)) {
    print(*value, out);
  } else {
    print(std::get<path>(side), left, out);
  }
}

const char* symbol(const comparison& leaf) {
  switch (leaf.op) {
    case relation::equal:
      return leaf.negated ? "!=" : "=";
    case relation::less:
      return "<";
    case relation::less_equal:
      return "<=";
    case relation::greater:
      return ">";
    case relation::greater_equal:
      return ">=";
    case relation::like:
      return leaf.negated ? "NOT LIKE" : "LIKE";
    case relation::ilike:
      if (leaf.any) return leaf.negated ? "!~" : "~";
      return leaf.negated ? "NOT ILIKE" : "ILIKE";
    case relation::is_null:
      return leaf.negated ? "IS NOT NULL" : "IS NULL";
    case relation::in_list:
    case relation::in_path:
      return leaf.negated ? "NOT IN" : "IN";
  }
  return "";
}

bool is_ordering(relation op) {
  return op >= relation::less && op <= relation::greater_equal;
}

void print(const comparison& leaf, std::string& out) {
  // The complement of an ordering has no operator of its own.
  if (is_ordering(leaf.op) && leaf.negated) out += "NOT ";
  print(leaf.left, true, out);
  out += ' ';
  if (leaf.any) out += '?';
  out += symbol(leaf);
  if (leaf.op == relation::is_null) return;
  out += ' ';
  if (leaf.op != relation::in_list) return print(leaf.right, false, out);
  out += '(';
  for (std::size_t i = 0; i < leaf.list.size(); ++i) {
    if (i > 0) out += ", ";
    print(leaf.list[i], out);
  }
  out += ')';
}

void print(const expression& tree, std::string& out);

void print_group(const expression& tree, std::string& out) {
  const bool open = std::holds_alternative<conjunction>(tree.node()) ||
                    std::holds_alternative<disjunction>(tree.node());
  if (open) out += '(';
  print(tree, out);
  if (open) out += ')';
}

void print_terms(const std::vector<expression>& terms, const char* between, std::string& out) {
  for (std::size_t i = 0; i < terms.size(); ++i) {
    if (i > 0) out += between;
    print_group(terms[i], out);
  }
}

void print(const expression& tree, std::string& out) {
  std::visit(overloaded{[&](bool value) { out += value ? "true" : "false"; },
                        [&](const comparison& leaf) { print(leaf, out); },
                        [&](const conjunction& all) { print_terms(all.terms, " AND ", out); },
                        [&](const disjunction& some) { print_terms(some.terms, " OR ", out); },
                        [&](const negation& inverse) {
                          out += "NOT ";
                          print_group(inverse.operand, out);
                        }},
             tree.node());
}

}  // namespace

std::string to_string(const expression& tree) {
  std::string out;
  print(tree, out);
  return out;
}

std::string to_string(const comparison& leaf) {
  std::string out;
  print(leaf, out);
  return out;
}

std::string to_string(const constant& value) {
  std::string out;
  print(value, out);
  return out;
}

std::string to_string(const path& value) {
  std::string out;
  print(value, true, out);
  return out;
}

}  // namespace velo::rules
