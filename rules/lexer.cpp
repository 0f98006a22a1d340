#include "rules/lexer.hpp"

#include <array>
#include <cstdio>

#include "rules/number.hpp"
#include "rules/utf8.hpp"

namespace velo::rules {

namespace {

constexpr bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}
constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// Most texts are ASCII: one load per character tells a run's.
constexpr auto ascii_run = [] {
  std::array<bool, 128> table{};
  for (const char c : std::string_view("_-.:0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")) {
    table[static_cast<unsigned char>(c)] = true;
    if (c >= 'A' && c <= 'Z') table[static_cast<unsigned char>(c + 32)] = true;
  }
  return table;
}();

struct spelled {
  std::string_view text;
  relation op;
  bool negated = false;
  bool any = false;
};

/// A spelling stands before its own prefixes.
constexpr std::array<spelled, 18> operators{{{"?!=", relation::equal, true, true},
                                             {"?!~", relation::ilike, true, true},
                                             {"?<=", relation::less_equal, false, true},
                                             {"?>=", relation::greater_equal, false, true},
                                             {"?=", relation::equal, false, true},
                                             {"?<", relation::less, false, true},
                                             {"?>", relation::greater, false, true},
                                             {"?~", relation::ilike, false, true},
                                             {"==", relation::equal},
                                             {"!=", relation::equal, true},
                                             {"!~", relation::ilike, true},
                                             {"<>", relation::equal, true},
                                             {"<=", relation::less_equal},
                                             {">=", relation::greater_equal},
                                             {"=", relation::equal},
                                             {"<", relation::less},
                                             {">", relation::greater},
                                             {"~", relation::ilike}}};

void append(char32_t c, std::string& out) {
  const auto byte = [&](char32_t value) { out += static_cast<char>(value); };
  if (c < 0x80) return byte(c);
  if (c < 0x800) {
    byte(0xC0U | c >> 6U);
  } else {
    if (c < 0x10000) {
      byte(0xE0U | c >> 12U);
    } else {
      byte(0xF0U | c >> 18U);
      byte(0x80U | (c >> 12U & 0x3FU));
    }
    byte(0x80U | (c >> 6U & 0x3FU));
  }
  byte(0x80U | (c & 0x3FU));
}

/// Reads the four digits of `\uXXXX` that start at `position`.
bool hex4(std::string_view text, std::size_t position, char32_t& value) {
  if (text.size() < position + 4) return false;
  value = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    const char c = text[position + i];
    char32_t digit = 0;
    if (is_digit(c)) {
      digit = static_cast<char32_t>(c - '0');
    } else if (c >= 'a' && c <= 'f') {
      digit = static_cast<char32_t>(c - 'a' + 10);
    } else if (c >= 'A' && c <= 'F') {
      digit = static_cast<char32_t>(c - 'A' + 10);
    } else {
      return false;
    }
    value = value * 16 + digit;
  }
  return true;
}

/// Decodes the escape whose backslash is at `position`; moves past it. Returns
/// what is wrong with it, or nothing.
const char* unescape(std::string_view text, std::size_t& position, std::string& out) {
  const char kind = text[position + 1];
  switch (kind) {
    case '\\':
    case '\'':
    case '"':
      out += kind;
      break;
    case 'n':
      out += '\n';
      break;
    case 'r':
      out += '\r';
      break;
    case 't':
      out += '\t';
      break;
    case 'u': {
      char32_t unit = 0;
      if (!hex4(text, position + 2, unit)) return "expected four hexadecimal digits after \\u";
      position += 6;
      if (unit >= 0xDC00 && unit <= 0xDFFF) return "a low surrogate without its high surrogate";
      if (unit >= 0xD800 && unit <= 0xDBFF) {
        char32_t low = 0;
        const bool paired = text.substr(position, 2) == "\\u" && hex4(text, position + 2, low) &&
                            low >= 0xDC00 && low <= 0xDFFF;
        if (!paired) return "a high surrogate without its low surrogate";
        position += 6;
        unit = 0x10000 + ((unit - 0xD800) << 10U) + (low - 0xDC00);
      }
      append(unit, out);
      return nullptr;
    }
    default:
      return "unknown escape: expected one of \\\\ \\' \\\" \\n \\r \\t \\uXXXX";
  }
  position += 2;
  return nullptr;
}

}  // namespace

token lexer::next() {
  while (position_ < source_.size() && is_blank(source_[position_])) {
    ++position_;
    ++column_;
  }
  if (position_ == source_.size()) return make(token_kind::end, 0);
  token found;
  const char first = source_[position_];
  if (first == '\'' || first == '"') {
    found = quoted();
  } else if (first == '@' || run_bytes(position_) > 0) {
    found = run();
  } else {
    found = symbol();
  }
  if (found.kind != token_kind::bad) {
    const auto end = position_ + found.spelling.size();
    column_ = column_of(end);
    position_ = end;
  }
  return found;
}

token lexer::make(token_kind kind, std::size_t bytes) const {
  token made;
  made.kind = kind;
  made.column = column_;
  made.spelling = source_.substr(position_, bytes);
  return made;
}

token lexer::bad(std::size_t column, std::string message) const {
  auto made = make(token_kind::bad, 0);
  made.column = column;
  made.text = std::move(message);
  return made;
}

std::size_t lexer::column_of(std::size_t position) const {
  auto column = column_;
  for (auto at = position_; at < position; at += decode(source_, at).bytes) ++column;
  return column;
}

std::size_t lexer::run_bytes(std::size_t from) const {
  auto at = from;
  while (at < source_.size()) {
    if (const auto byte = static_cast<unsigned char>(source_[at]); byte < 0x80) {
      if (!ascii_run[byte]) break;
      ++at;
      continue;
    }
    const auto c = decode(source_, at);
    if (!c.valid || !(is_letter(c.value) || (at > from && is_mark(c.value)))) break;
    at += c.bytes;
  }
  return at - from;
}

token lexer::run() const {
  if (source_[position_] == '@') {
    return make(token_kind::context, 1 + run_bytes(position_ + 1));
  }
  auto bytes = run_bytes(position_);
  // The + of 1e+5 is part of a JSON number and of nothing else.
  const auto end = position_ + bytes;
  const char last = source_[end - 1];
  if ((last == 'e' || last == 'E') && end + 1 < source_.size() && source_[end] == '+' &&
      is_digit(source_[end + 1])) {
    const auto longer = bytes + 1 + run_bytes(end + 1);
    if (is_number_text(source_.substr(position_, longer))) bytes = longer;
  }
  auto made = make(token_kind::word, bytes);
  if (is_number_text(made.spelling)) {
    made.kind = token_kind::number;
    return made;
  }
  made.word = keyword_of(made.spelling);
  if (made.word == keyword::and_) made.kind = token_kind::both;
  if (made.word == keyword::or_) made.kind = token_kind::either;
  if (made.word == keyword::not_) made.kind = token_kind::inverse;
  return made;
}

token lexer::symbol() const {
  const auto rest = source_.substr(position_);
  for (const auto& known : operators) {
    if (rest.substr(0, known.text.size()) != known.text) continue;
    auto made = make(token_kind::compare, known.text.size());
    made.op = known.op;
    made.negated = known.negated;
    made.any = known.any;
    return made;
  }
  switch (rest.front()) {
    case '(':
      return make(token_kind::open, 1);
    case ')':
      return make(token_kind::close, 1);
    case ',':
      return make(token_kind::comma, 1);
    case '!':
      return make(token_kind::inverse, 1);
    case '&':
      if (rest.substr(0, 2) == "&&") return make(token_kind::both, 2);
      return bad(column_, "unexpected \"&\": AND is spelled AND or &&");
    case '|':
      if (rest.substr(0, 2) == "||") return make(token_kind::either, 2);
      return bad(column_, "unexpected \"|\": OR is spelled OR or ||");
    case '?':
      return bad(column_, "unexpected \"?\": expected one of ?= ?!= ?< ?<= ?> ?>= ?~ ?!~");
    default:
      break;
  }
  const auto c = decode(source_, position_);
  if (!c.valid) return bad(column_, "the text is not UTF-8 here");
  if (c.value < 0x20 || c.value == 0x7F) {
    std::array<char, 32> name{};
    std::snprintf(name.data(), name.size(), "U+%04X", static_cast<unsigned>(c.value));
    return bad(column_, std::string("unexpected control character ") + name.data());
  }
  return bad(column_,
             "unexpected character \"" + std::string(source_.substr(position_, c.bytes)) + "\"");
}

token lexer::quoted() const {
  const char quote = source_[position_];
  std::string value;
  auto at = position_ + 1;
  while (at < source_.size() && source_[at] != quote) {
    if (source_[at] == '\\') {
      if (at + 1 == source_.size()) break;
      const auto escape = at;
      if (const auto* wrong = unescape(source_, at, value)) return bad(column_of(escape), wrong);
      continue;
    }
    const auto c = decode(source_, at);
    if (!c.valid) return bad(column_of(at), "the text is not UTF-8 here");
    value.append(source_, at, c.bytes);
    at += c.bytes;
  }
  if (at >= source_.size() || source_[at] != quote) {
    return bad(column_, std::string("unterminated text: expected a closing ") + quote);
  }
  auto made = make(token_kind::text, at + 1 - position_);
  made.text = std::move(value);
  return made;
}

std::string describe(const token& found) {
  if (found.kind == token_kind::end) return "the end";
  constexpr std::size_t shown = 40;
  auto cut = found.spelling.substr(0, shown);
  while (cut.size() < found.spelling.size() && !cut.empty() &&
         (static_cast<unsigned char>(found.spelling[cut.size()]) & 0xC0U) == 0x80U) {
    cut.remove_suffix(1);
  }
  return "\"" + std::string(cut) + (cut.size() < found.spelling.size() ? "…\"" : "\"");
}

}  // namespace velo::rules
