// A text to tokens, one at a time and as they are asked for, so that the
// leftmost error is the one reported.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "rules/expression.hpp"
#include "rules/keyword.hpp"

namespace velo::rules {

enum class token_kind : std::uint8_t {
  end,
  bad,      ///< No token can start or end here; `text` is the message.
  open,     ///< (
  close,    ///< )
  comma,    ///< ,
  both,     ///< && and AND
  either,   ///< || and OR
  inverse,  ///< ! and NOT; `word` tells them apart
  compare,  ///< = != < ~ ?= …: `op`, `negated`, `any`
  text,     ///< Quoted; `text` is its value.
  number,   ///< A word that is in whole a JSON number.
  word,     ///< Any other run of letters, digits, `_ - . :`
  context,  ///< `@` and the run after it
};

struct token {
  token_kind kind = token_kind::end;
  std::size_t column = 1;     ///< 1-based, in code points.
  std::string_view spelling;  ///< As it stands in the source.
  std::string text;
  keyword word = keyword::none;  ///< Of a word; also set for AND, OR and NOT.
  relation op = relation::equal;
  bool negated = false;
  bool any = false;
};

class lexer {
 public:
  /// Keeps a view of `source`.
  explicit lexer(std::string_view source) noexcept : source_(source) {}

  /// Returns the next token; at the end, and after a bad token, the same again.
  [[nodiscard]] token next();

 private:
  token make(token_kind kind, std::size_t bytes) const;
  token bad(std::size_t column, std::string message) const;
  token symbol() const;
  token quoted() const;
  token run() const;
  std::size_t run_bytes(std::size_t from) const;
  std::size_t column_of(std::size_t position) const;

  std::string_view source_;
  std::size_t position_ = 0;  ///< In bytes.
  std::size_t column_ = 1;
};

/// How a token is named in messages: quoted and cut to a readable length.
[[nodiscard]] std::string describe(const token& found);

}  // namespace velo::rules
