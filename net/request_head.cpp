#include "net/request_head.hpp"

#include <boost/beast/core/string.hpp>
#include <boost/beast/http/rfc7230.hpp>

#include <algorithm>
#include <cstdint>
#include <random>

namespace velo::net {

namespace {

namespace http = boost::beast::http;
using boost::beast::iequals;

bool is_id_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_';
}

}  // namespace

head_scan scan_head(std::string_view received, std::size_t& scanned) {
  using enum head_scan::outcome;
  while (true) {
    const std::size_t feed = received.find('\n', scanned);
    if (feed == std::string_view::npos) {
      scanned = received.size();
      return {};
    }
    if (feed == 0 || received[feed - 1] != '\r') return {.result = malformed};
    if (feed >= 2 && received[feed - 2] == '\n') return {.result = complete, .length = feed + 1};
    if (feed + 1 == received.size()) {
      // What comes next decides; this line feed is looked at again then.
      scanned = feed;
      return {};
    }
    if (received[feed + 1] == ' ' || received[feed + 1] == '\t') return {.result = malformed};
    scanned = feed + 1;
  }
}

std::optional<response> refusal_of(const http::request_header<>& head) {
  const auto codings = head.count(http::field::transfer_encoding);
  if (codings > 0) {
    if (head.version() < 11 || codings > 1 || head.count(http::field::content_length) > 0) {
      return error_response(400, "The request's length is ambiguous.");
    }
    if (!iequals(head[http::field::transfer_encoding], "chunked")) {
      return error_response(501, "The only Transfer-Encoding understood is chunked.");
    }
  }
  if (head.count(http::field::content_length) > 1 ||
      head[http::field::content_length].find(',') != boost::beast::string_view::npos) {
    return error_response(400, "The request's length is ambiguous.");
  }
  const auto hosts = head.count(http::field::host);
  if (hosts > 1 || (hosts == 0 && head.version() >= 11)) {
    return error_response(400, "The request needs one Host header.");
  }
  if (head.count(http::field::expect) > 0 && !iequals(head[http::field::expect], "100-continue")) {
    return error_response(417, "The only expectation understood is 100-continue.");
  }
  return std::nullopt;
}

bool asks_for_websocket(const http::request_header<>& head) {
  return head.version() >= 11 && head.method() == http::verb::get &&
         http::token_list{head[http::field::connection]}.exists("upgrade") &&
         http::token_list{head[http::field::upgrade]}.exists("websocket");
}

std::string media_type(std::string_view content_type) {
  content_type = content_type.substr(0, content_type.find(';'));
  while (content_type.ends_with(' ') || content_type.ends_with('\t')) content_type.remove_suffix(1);
  std::string type{content_type};
  std::transform(type.begin(), type.end(), type.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return type;
}

std::string request_id(std::string_view from_client) {
  constexpr std::size_t size_max = 64;
  if (!from_client.empty() && from_client.size() <= size_max &&
      std::all_of(from_client.begin(), from_client.end(), is_id_character)) {
    return std::string{from_client};
  }
  thread_local std::mt19937_64 engine{(std::uint64_t{std::random_device{}()} << 32) |
                                      std::random_device{}()};
  constexpr std::string_view digits = "0123456789abcdef";
  std::string id;
  for (std::uint64_t bits = engine(), i = 0; i < 16; ++i, bits >>= 4) id += digits[bits & 15];
  return id;
}

}  // namespace velo::net
