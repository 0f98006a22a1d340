#include "net/cors.hpp"

#include <algorithm>

namespace velo::net {

namespace {

namespace http = boost::beast::http;

constexpr std::string_view exposed = "Access-Control-Expose-Headers: X-Request-Id, Retry-After\r\n";

std::string_view value_of(const http::fields& headers, http::field name) {
  const auto found = headers.find(name);
  if (found == headers.end()) return {};
  return {found->value().data(), found->value().size()};
}

// What is echoed must be a list of header names and nothing else.
bool is_name_list(std::string_view text) {
  constexpr std::size_t bytes_max = 1024;
  return text.size() <= bytes_max && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '-' || c == '_' || c == ',' || c == ' ';
         });
}

}  // namespace

cors::cors(std::vector<std::string> origins)
    : any_(std::find(origins.begin(), origins.end(), "*") != origins.end()),
      origins_(std::move(origins)) {}

bool cors::allows(std::string_view origin) const {
  return !origin.empty() && std::find(origins_.begin(), origins_.end(), origin) != origins_.end();
}

void cors::append_headers(std::string& out, std::string_view origin) const {
  if (any_) {
    out.append("Access-Control-Allow-Origin: *\r\n").append(exposed);
    return;
  }
  // Said to everyone: a cache must not give one origin's answer to another.
  out.append("Vary: Origin\r\n");
  if (!allows(origin)) return;
  out.append("Access-Control-Allow-Origin: ").append(origin).append("\r\n").append(exposed);
}

bool cors::is_preflight(std::string_view method, const http::fields& headers) {
  return method == "OPTIONS" && headers.count(http::field::origin) > 0 &&
         headers.count(http::field::access_control_request_method) > 0;
}

response cors::preflight(const http::fields& headers) {
  response answer = no_content();
  answer.headers.emplace_back("Access-Control-Allow-Methods", "GET, POST, PUT, PATCH, DELETE");
  const auto asked = value_of(headers, http::field::access_control_request_headers);
  if (!asked.empty() && is_name_list(asked)) {
    answer.headers.emplace_back("Access-Control-Allow-Headers", asked);
  }
  answer.headers.emplace_back("Access-Control-Max-Age", "7200");
  answer.headers.emplace_back("Vary", "Access-Control-Request-Headers");
  return answer;
}

}  // namespace velo::net
