#include "net/request_admission.hpp"

#include <boost/beast/http/field.hpp>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace velo::net {

namespace {

namespace http = boost::beast::http;

std::vector<std::string_view> values_of(const http::fields& headers, std::string_view name) {
  std::vector<std::string_view> values;
  const auto [first, last] = headers.equal_range({name.data(), name.size()});
  std::for_each(first, last, [&](const auto& field) {
    values.emplace_back(field.value().data(), field.value().size());
  });
  return values;
}

std::chrono::seconds rounded_up(std::chrono::steady_clock::duration wait) {
  return std::chrono::ceil<std::chrono::seconds>(wait);
}

// The token as sent: whether it is anybody's is found out later.
std::string_view token_of(const http::request_header<>& head) {
  const auto value = head[http::field::authorization];
  const std::string_view text(value.data(), value.size());
  const auto blank = text.find(' ');
  return blank == std::string_view::npos ? std::string_view{} : text.substr(blank + 1);
}

// The address counts first: a new token for each request gains nobody anything.
void take(client_limits& limits, std::string_view token, request_admission& into) {
  const auto now = rate_limiter::clock::now();
  const auto take_of = [&](rate_limiter& from, const client_key& key, limit which) {
    const auto wait = from.take(key, now);
    if (wait == rate_limiter::clock::duration::zero()) return true;
    into.met = which;
    into.retry_after = rounded_up(wait);
    return false;
  };
  if (into.client &&
      !take_of(limits.requests_by_address, key_of(*into.client), limit::requests_per_ip))
    return;
  if (!token.empty())
    take_of(limits.requests_by_token, key_of_token(token), limit::requests_per_token);
}

}  // namespace

request_admission admit_request(client_limits* limits, const client_source& peer,
                                const http::request_header<>& head) {
  request_admission out;
  out.client = peer;
  const auto forwarded = values_of(head, "X-Forwarded-For");
  out.forwarded = !forwarded.empty() || head.count(http::field::forwarded) > 0;
  if (limits == nullptr) return out;
  if (!forwarded.empty()) out.client = client_behind(peer, forwarded, limits->trusted_proxies);
  if (!limits->requests_by_address.is_on() || limits->exempt.contains(out.client)) return out;
  const auto token = token_of(head);
  const bool exempt = !token.empty() && limits->is_exempt_token && limits->is_exempt_token(token);
  if (!exempt) take(*limits, token, out);
  return out;
}

response too_many(limit met, std::chrono::seconds retry_after) {
  std::string_view sentence = "Too many requests with this token: wait before the next one.";
  if (met == limit::requests_per_ip)
    sentence = "Too many requests from this address: wait before the next one.";
  if (met == limit::connections_per_ip)
    sentence = "Too many connections from this address: close some first.";
  const bool whole = met == limit::http_connections;
  if (whole) sentence = "The server has too many connections: try again in a moment.";
  auto answer = error_response(whole ? 503 : 429, sentence);
  answer.headers.emplace_back(
      "Retry-After", std::to_string(std::max(retry_after, std::chrono::seconds{1}).count()));
  return answer;
}

}  // namespace velo::net
