#include "net/http.hpp"

#include <boost/beast/core/string.hpp>

#include <stdexcept>

namespace velo::net {

namespace {

std::string to_text(const nlohmann::json& body) {
  // A value that came from a client may have been cut in the middle of a
  // character; the answer must go out nevertheless.
  return body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string_view as_std(boost::beast::string_view text) {
  return {text.data(), text.size()};
}

}  // namespace

const std::string& request::param(std::string_view name) const {
  static const std::string none;
  for (const auto& [key, value] : params) {
    if (key == name) return value;
  }
  return none;
}

std::optional<std::string> request::query(std::string_view name) const {
  for (auto it = query_parameters.rbegin(); it != query_parameters.rend(); ++it) {
    if (it->first == name) return it->second;
  }
  return std::nullopt;
}

std::string_view request::header(std::string_view name) const {
  const auto found = headers.find(boost::beast::string_view{name.data(), name.size()});
  return found == headers.end() ? std::string_view{} : as_std(found->value());
}

std::optional<std::string> request::bearer_token() const {
  constexpr std::string_view scheme = "Bearer ";
  const auto [first, last] = headers.equal_range(boost::beast::http::field::authorization);
  if (first == last) return std::nullopt;
  // Two identities are none: which one counts would depend on the reader.
  if (std::next(first) != last) return std::string{};
  std::string_view value = as_std(first->value());
  if (value.size() < scheme.size() ||
      !boost::beast::iequals(boost::beast::string_view{value.data(), scheme.size()}, "Bearer ")) {
    return std::string{};
  }
  value.remove_prefix(scheme.size());
  value.remove_prefix(std::min(value.find_first_not_of(' '), value.size()));
  if (value.find_first_of(" \t,") != std::string_view::npos) return std::string{};
  return std::string{value};
}

std::string_view request::raw_path() const {
  const auto parts = split_target(raw_target);
  return parts ? parts->path : std::string_view{raw_target};
}

response json_response(unsigned status, const nlohmann::json& body) {
  return {.status = status, .body = to_text(body)};
}

response data_response(unsigned status, const nlohmann::json& data) {
  return {.status = status, .body = R"({"data":)" + to_text(data) + '}'};
}

response error_response(const actors::failure& why) {
  nlohmann::json body{{"message", why.message}};
  for (const auto& [field, sentence] : why.errors) body["errors"][field].push_back(sentence);
  return json_response(status_of(why.kind), body);
}

response error_response(unsigned status, std::string_view message) {
  return json_response(status, {{"message", message}});
}

response no_content() {
  return {.status = 204};
}

unsigned status_of(actors::failure_kind kind) {
  switch (kind) {
    case actors::failure_kind::invalid:
      return 422;
    case actors::failure_kind::unauthenticated:
      return 401;
    case actors::failure_kind::forbidden:
      return 403;
    case actors::failure_kind::not_found:
      return 404;
    case actors::failure_kind::conflict:
      return 409;
    case actors::failure_kind::too_large:
      return 413;
    case actors::failure_kind::too_many:
      return 429;
    case actors::failure_kind::unavailable:
      return 503;
  }
  return 500;
}

void throw_exception_from_error(const response& r, const boost::source_location&) {
  throw std::runtime_error(r.body);
}

}  // namespace velo::net
