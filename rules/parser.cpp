#include "rules/parser.hpp"

#include <algorithm>
#include <optional>

#include "rules/lexer.hpp"
#include "rules/utf8.hpp"

namespace velo::rules {

namespace {

/// No stack is deep enough for a depth that somebody configured by mistake.
constexpr std::size_t depth_max = 1000;

bool starts_word_text(std::string_view word) {
  const auto first = decode(word, 0).value;
  return is_letter(first) || first == U'_' || (first >= U'0' && first <= U'9');
}

/// What an operand on the right may be, decided by the left one.
enum class bare : std::uint8_t {
  field_or_text,  ///< On the left: a name is a field, what can be none is text.
  text,           ///< On the right of a field.
  field           ///< On the right of a context value or a literal.
};

/// Recursive descent, a function per line of the grammar. A function that
/// returns nothing has left the reason in error_.
class parser {
 public:
  parser(std::string_view text, const limits& bounds, std::vector<warning>* warnings)
      : bounds_(bounds),
        depth_max_(std::min(bounds.expression_depth, depth_max)),
        warnings_(warnings),
        lexer_(text) {
    advance();
  }

  result<expression> whole() {
    if (current_.kind == token_kind::end) return expression();
    auto tree = either();
    if (tree && current_.kind == token_kind::end) return std::move(*tree);
    if (tree) unexpected("expected AND, OR or the end");
    return std::move(*error_);
  }

 private:
  std::optional<expression> either() {
    return chain<disjunction>(token_kind::either, [this] { return both(); });
  }

  std::optional<expression> both() {
    return chain<conjunction>(token_kind::both, [this] { return unary(); });
  }

  /// first { connective next }
  template <class Node, class Next>
  std::optional<expression> chain(token_kind connective, Next next) {
    auto first = next();
    if (!first || current_.kind != connective) return first;
    Node node;
    node.terms.push_back(std::move(*first));
    while (current_.kind == connective) {
      advance();
      auto term = next();
      if (!term) return std::nullopt;
      node.terms.push_back(std::move(*term));
    }
    return expression(std::move(node));
  }

  std::optional<expression> unary() {
    if (current_.kind != token_kind::inverse) return primary();
    if (!enter()) return std::nullopt;
    advance();
    auto inner = unary();
    --depth_;
    if (!inner) return std::nullopt;
    return expression(negation{std::move(*inner)});
  }

  std::optional<expression> primary() {
    if (current_.kind == token_kind::open) {
      if (!enter()) return std::nullopt;
      advance();
      auto inner = either();
      --depth_;
      if (!inner) return std::nullopt;
      if (current_.kind != token_kind::close) return unexpected("expected AND, OR or )");
      advance();
      return inner;
    }
    const auto first = current_;
    auto left = operand_of(bare::field_or_text, "expected a comparison, ( or NOT");
    if (!left) return std::nullopt;
    const bool logical = first.word == keyword::true_ || first.word == keyword::false_;
    if (logical && !comparison_follows()) return expression(first.word == keyword::true_);
    return compared(std::move(*left), first);
  }

  bool comparison_follows() const {
    return current_.kind == token_kind::compare || current_.kind == token_kind::inverse ||
           current_.word == keyword::in || current_.word == keyword::like ||
           current_.word == keyword::ilike || current_.word == keyword::is;
  }

  /// The rest of a comparison whose left side, which began at `first`, is read.
  std::optional<expression> compared(operand left, const token& first) {
    if (++terms_ > bounds_.expression_terms) {
      return fail(first.column, "more than " + std::to_string(bounds_.expression_terms) +
                                    " comparisons in one expression");
    }
    comparison leaf;
    const bool field = is_field(left, first);
    leaf.left = std::move(left);
    if (current_.kind == token_kind::compare) {
      leaf.op = current_.op;
      leaf.negated = current_.negated;
      leaf.any = current_.any;
      advance();
      return right_of(std::move(leaf), field, first);
    }
    if (current_.word == keyword::is) return null_test(std::move(leaf));
    if (current_.kind == token_kind::inverse && current_.word == keyword::not_) {
      leaf.negated = true;
      advance();
    }
    switch (current_.word) {
      case keyword::like:
      case keyword::ilike:
        leaf.op = current_.word == keyword::like ? relation::like : relation::ilike;
        advance();
        return right_of(std::move(leaf), field, first);
      case keyword::in:
        advance();
        return membership(std::move(leaf));
      default:
        break;
    }
    if (leaf.negated) return unexpected("expected IN, LIKE or ILIKE after NOT");
    if (first.kind == token_kind::word && is_text_word(current_)) return two_words(first);
    return unexpected("expected an operator such as = or LIKE");
  }

  std::optional<expression> right_of(comparison leaf, bool field, const token& first) {
    const auto right = current_;
    auto side = operand_of(field ? bare::text : bare::field, "expected a value or a path");
    if (!side) return std::nullopt;
    if (is_text_word(right) && is_text_word(current_)) return two_words(right);
    warn(first, right, *side, field);
    leaf.right = std::move(*side);
    return expression(std::move(leaf));
  }

  std::optional<expression> null_test(comparison leaf) {
    leaf.op = relation::is_null;
    advance();
    if (current_.kind == token_kind::inverse && current_.word == keyword::not_) {
      leaf.negated = true;
      advance();
    }
    if (current_.word != keyword::null) {
      return unexpected(leaf.negated ? "expected NULL" : "expected NULL or NOT NULL");
    }
    advance();
    return expression(std::move(leaf));
  }

  std::optional<expression> membership(comparison leaf) {
    if (current_.kind != token_kind::open) {
      constexpr auto expected = "expected ( or a path after IN";
      if (current_.kind != token_kind::context && current_.kind != token_kind::word) {
        return unexpected(expected);
      }
      auto array = operand_of(bare::field, expected);
      if (!array) return std::nullopt;
      if (!std::holds_alternative<path>(*array)) return fail(operand_column_, expected);
      leaf.op = relation::in_path;
      leaf.right = std::move(*array);
      return expression(std::move(leaf));
    }
    leaf.op = relation::in_list;
    do {
      advance();
      if (leaf.list.size() == bounds_.in_list) {
        return fail(current_.column,
                    "more than " + std::to_string(bounds_.in_list) + " values in one IN list");
      }
      const auto item = current_;
      auto value = literal("expected a value");
      if (!value) return std::nullopt;
      if (is_text_word(item) && is_text_word(current_)) return two_words(item);
      leaf.list.push_back(std::move(*value));
    } while (current_.kind == token_kind::comma);
    if (current_.kind != token_kind::close) return unexpected("expected , or )");
    advance();
    return expression(std::move(leaf));
  }

  /// An operand in any position.
  std::optional<operand> operand_of(bare reading, const char* expected) {
    operand_column_ = current_.column;
    if (current_.kind == token_kind::context) return context();
    if (current_.kind == token_kind::word && reading != bare::text) {
      const bool value = current_.word == keyword::null || current_.word == keyword::true_ ||
                         current_.word == keyword::false_;
      if (current_.word != keyword::none && !value) {
        return unexpected(std::string(expected) +
                          ", found a keyword (a field of that name is written @record." +
                          std::string(current_.spelling) + ")");
      }
      if (current_.word == keyword::none && looks_like_path(current_.spelling)) return field();
      // What cannot be a field is text, but not where it was probably meant as
      // a field: silence there would compare the wrong thing.
      const auto first = static_cast<unsigned char>(current_.spelling.front());
      const bool digit = first >= '0' && first <= '9';
      if (!value && !digit && reading == bare::field_or_text) {
        return unexpected(
            "expected a field: names have letters a-z, digits and _ only; put text in quotes");
      }
    }
    auto value = literal(expected);
    if (!value) return std::nullopt;
    return operand(std::move(*value));
  }

  std::optional<constant> literal(const char* expected) {
    nlohmann::json value;
    switch (current_.kind) {
      case token_kind::text:
        value = std::move(current_.text);
        break;
      case token_kind::number: {
        const auto number = parse_number(current_.spelling);
        if (!number) return fail(current_.column, "number " + describe(current_) + " is too large");
        if (number->integral) {
          value = number->integer;
        } else {
          value = number->real;
        }
        break;
      }
      case token_kind::word:
        if (current_.word == keyword::null) break;
        if (current_.word == keyword::true_ || current_.word == keyword::false_) {
          value = current_.word == keyword::true_;
        } else if (current_.word == keyword::none && starts_word_text(current_.spelling)) {
          value = std::string(current_.spelling);
        } else if (current_.word != keyword::none) {
          return unexpected(std::string(expected) + ", found a keyword (text is put in quotes)");
        } else {
          return unexpected(expected);
        }
        break;
      default:
        return unexpected(expected);
    }
    advance();
    return constant::literal(std::move(value));
  }

  /// Names and digits with dots between them, though perhaps too many dots.
  static bool looks_like_path(std::string_view word) {
    const auto name = word.substr(0, word.find('.'));
    return is_name(name) && std::all_of(word.begin(), word.end(), [](char c) {
             return c == '.' || is_name(std::string_view(&c, 1)) || (c >= '0' && c <= '9');
           });
  }

  std::optional<operand> field() {
    const auto word = current_.spelling;
    const auto first = word.substr(0, word.find('.'));
    if (keyword_of(first) != keyword::none) {
      return unexpected("expected a field, found a keyword (write @record." + std::string(word) +
                        ")");
    }
    path found{root::record, {step(std::string(first))}};
    if (!steps(word.substr(first.size()), found, 0)) return std::nullopt;
    advance();
    return operand(std::move(found));
  }

  std::optional<operand> context() {
    struct known {
      std::string_view spelling;
      root from;
    };
    static constexpr known roots[] = {{"@request.auth", root::auth},
                                      {"@request.query", root::query},
                                      {"@record", root::record},
                                      {"@action", root::action},
                                      {"@now", root::now}};
    const auto word = current_.spelling;
    for (const auto& [spelling, from] : roots) {
      if (word.substr(0, spelling.size()) != spelling) continue;
      const auto rest = word.substr(spelling.size());
      if (!rest.empty() && rest.front() != '.') continue;
      path found{from, {}};
      if ((from == root::action || from == root::now) && !rest.empty()) {
        return unexpected("expected " + std::string(spelling) + ", which has no fields");
      }
      if (from == root::query && !is_name(rest.substr(std::min<std::size_t>(1, rest.size())))) {
        return unexpected("expected @request.query. and the name of one parameter");
      }
      if (!steps(rest, found, 1)) return std::nullopt;
      advance();
      return operand(std::move(found));
    }
    return unexpected("expected @request.auth, @request.query, @action, @now or @record");
  }

  /// Reads `{ "." step }` in `rest`, in which `names` steps count as the first name.
  bool steps(std::string_view rest, path& into, std::size_t names) {
    std::size_t count = 0;
    while (!rest.empty()) {
      rest.remove_prefix(1);
      const auto name = rest.substr(0, rest.find('.'));
      if (!is_name(name) && !is_digits(name)) {
        unexpected("expected a name or digits after each dot of a path");
        return false;
      }
      if (++count > bounds_.path_steps + names) {
        fail(current_.column, "more than " + std::to_string(bounds_.path_steps) +
                                  " steps after the first name of a path");
        return false;
      }
      into.steps.emplace_back(std::string(name));
      rest.remove_prefix(name.size());
    }
    return true;
  }

  static bool is_field(const operand& side, const token& first) {
    return first.kind == token_kind::word && std::holds_alternative<path>(side);
  }

  static bool is_text_word(const token& found) {
    return (found.kind == token_kind::word && found.word == keyword::none) ||
           found.kind == token_kind::number;
  }

  std::nullopt_t two_words(const token& first) {
    if (first.kind == token_kind::number && current_.kind == token_kind::number) {
      return unexpected("expected AND, OR or the end");
    }
    return fail(current_.column, "unexpected " + describe(current_) +
                                     ": text of several words is put in quotes, such as '" +
                                     std::string(first.spelling) + " " +
                                     std::string(current_.spelling) + "'");
  }

  void warn(const token& first, const token& right, const operand& side, bool field) {
    if (warnings_ == nullptr || right.kind != token_kind::word || right.word != keyword::none) {
      return;
    }
    const std::string name(right.spelling);
    if (std::holds_alternative<path>(side) && first.kind == token_kind::context &&
        (first.spelling == "@action" || first.spelling == "@now" ||
         first.spelling.substr(0, 7) == "@record")) {
      warnings_->push_back({"\"" + name + "\" is read as a field because " +
                                std::string(first.spelling) +
                                " is no field name; for text write '" + name + "'",
                            right.column});
    }
    if (field && name.find('.') != std::string::npos && looks_like_path(right.spelling)) {
      warnings_->push_back({"\"" + name +
                                "\" is read as text because it is on the right of a field; " +
                                "for the field write @record." + name,
                            right.column});
    }
  }

  /// One more parenthesis or NOT; checked before anything recurses.
  bool enter() {
    if (depth_ == depth_max_) {
      fail(current_.column,
           "parentheses and NOT are nested deeper than " + std::to_string(depth_max_));
      return false;
    }
    ++depth_;
    return true;
  }

  void advance() { current_ = lexer_.next(); }

  std::nullopt_t unexpected(std::string_view expected) {
    if (current_.kind == token_kind::bad) return fail(current_.column, current_.text);
    return fail(current_.column, "unexpected " + describe(current_) + ": " + std::string(expected));
  }

  std::nullopt_t fail(std::size_t column, std::string message) {
    error_ = syntax_error{std::move(message), column};
    return std::nullopt;
  }

  const limits& bounds_;
  std::size_t depth_max_;
  std::vector<warning>* warnings_;
  lexer lexer_;
  token current_;
  std::optional<syntax_error> error_;
  std::size_t depth_ = 0;
  std::size_t terms_ = 0;
  std::size_t operand_column_ = 1;
};

/// The column of the first code point that does not fit into `bytes`.
std::size_t column_past(std::string_view text, std::size_t bytes) {
  std::size_t column = 1;
  for (std::size_t at = 0;;) {
    at += decode(text, at).bytes;
    if (at > bytes) return column;
    ++column;
  }
}

}  // namespace

result<expression> parse(std::string_view text, const limits& bounds,
                         std::vector<warning>* warnings) {
  if (text.size() > bounds.expression_bytes) {
    return syntax_error{"longer than " + std::to_string(bounds.expression_bytes) + " bytes",
                        column_past(text, bounds.expression_bytes)};
  }
  return parser(text, bounds, warnings).whole();
}

}  // namespace velo::rules
