#include "net/url.hpp"

#include "rules/utf8.hpp"

#include <algorithm>
#include <cstddef>

namespace velo::net {

namespace {

int hex_value(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
  return -1;
}

bool is_text(std::string_view text) {
  return text.find('\0') == std::string_view::npos && is_utf8(text);
}

}  // namespace

bool is_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const rules::code_point next = rules::decode(text, i);
    if (!next.valid) return false;
    i += next.bytes;
  }
  return true;
}

std::optional<target_parts> split_target(std::string_view target) {
  if (!target.starts_with('/')) {
    const std::size_t scheme_end = target.find("://");
    if (scheme_end == std::string_view::npos) return std::nullopt;
    const std::size_t path = target.find_first_of("/?", scheme_end + 3);
    if (path == std::string_view::npos) return target_parts{"/", {}};
    target.remove_prefix(path);
  }
  const std::size_t question = target.find('?');
  if (question == std::string_view::npos) return target_parts{target, {}};
  const std::string_view path = target.substr(0, question);
  return target_parts{path.empty() ? "/" : path, target.substr(question + 1)};
}

std::optional<std::string> percent_decode(std::string_view text, plus_sign plus) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      if (text.size() - i < 3) return std::nullopt;
      const int high = hex_value(text[i + 1]);
      const int low = hex_value(text[i + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      decoded += static_cast<char>(high * 16 + low);
      i += 2;
    } else {
      decoded += text[i] == '+' && plus == plus_sign::space ? ' ' : text[i];
    }
  }
  if (!is_text(decoded)) return std::nullopt;
  return decoded;
}

std::optional<parameters> parse_parameters(std::string_view text) {
  parameters all;
  while (!text.empty()) {
    const std::string_view part = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(part.size() + 1, text.size()));
    if (part.empty()) continue;
    const std::size_t equals = std::min(part.find('='), part.size());
    auto name = percent_decode(part.substr(0, equals), plus_sign::space);
    auto value = percent_decode(part.substr(std::min(equals + 1, part.size())), plus_sign::space);
    if (!name || !value) return std::nullopt;
    all.emplace_back(std::move(*name), std::move(*value));
  }
  return all;
}

std::string percent_encode(std::string_view text) {
  constexpr std::string_view plain = "-_.~";
  constexpr char hex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto b = static_cast<unsigned char>(c);
    const bool letter = (b >= 'a' && b <= 'z') || (b >= 'A' && b <= 'Z') || (b >= '0' && b <= '9');
    if (letter || plain.find(c) != std::string_view::npos) {
      out += c;
    } else {
      out += '%';
      out += hex[b >> 4U];
      out += hex[b & 0xFU];
    }
  }
  return out;
}

}  // namespace velo::net
