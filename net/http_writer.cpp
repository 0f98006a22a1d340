#include "net/http_writer.hpp"

#include <boost/beast/core/string.hpp>
#include <boost/beast/http/status.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <ctime>

namespace velo::net {

namespace {

void append_number(std::string& out, std::size_t number) {
  std::array<char, 24> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  out.append(digits.data(), end);
}

// "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n", written once a second.
std::string_view date_line() {
  thread_local std::time_t second = 0;
  thread_local std::array<char, 64> line{};
  thread_local std::size_t size = 0;
  if (const std::time_t now = std::time(nullptr); now != second) {
    second = now;
    std::tm utc{};
    gmtime_r(&now, &utc);
    size = std::strftime(line.data(), line.size(), "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &utc);
  }
  return {line.data(), size};
}

bool breaks_line(std::string_view text) {
  return text.find_first_of(std::string_view{"\r\n\0", 3}) != std::string_view::npos;
}

void append_header(std::string& out, std::string_view name, std::string_view value) {
  if (breaks_line(name) || breaks_line(value)) return;
  out.append(name).append(": ").append(value).append("\r\n");
}

bool has_header(const response& answer, std::string_view name) {
  return std::any_of(answer.headers.begin(), answer.headers.end(), [&](const auto& header) {
    return boost::beast::iequals(header.first, {name.data(), name.size()});
  });
}

// Answers are data of one client's, for that client and for this moment.
void append_safety(std::string& out, const response& answer, std::chrono::seconds hsts_age) {
  out.append("X-Content-Type-Options: nosniff\r\n");
  if (!answer.body.empty()) {
    if (!has_header(answer, "Cache-Control")) out.append("Cache-Control: no-store\r\n");
    if (!has_header(answer, "X-Frame-Options")) out.append("X-Frame-Options: DENY\r\n");
    if (!has_header(answer, "Content-Security-Policy"))
      out.append("Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n");
  }
  if (hsts_age.count() > 0) {
    out.append("Strict-Transport-Security: max-age=");
    append_number(out, static_cast<std::size_t>(hsts_age.count()));
    out.append("\r\n");
  }
}

}  // namespace

void write_response(std::string& out, const response& answer, const response_framing& framing,
                    const cors& origins) {
  out.append("HTTP/1.1 ");
  append_number(out, answer.status);
  const auto reason =
      boost::beast::http::obsolete_reason(static_cast<boost::beast::http::status>(answer.status));
  out.append(" ").append(reason.data(), reason.size()).append("\r\n");
  out.append(date_line());
  if (!framing.request_id.empty()) append_header(out, "X-Request-Id", framing.request_id);
  origins.append_headers(out, framing.origin);
  append_safety(out, answer, framing.hsts_age);
  for (const auto& [name, value] : answer.headers) append_header(out, name, value);
  if (!framing.keep_alive) {
    out.append("Connection: close\r\n");
  } else if (framing.to_http10) {
    out.append("Connection: keep-alive\r\n");
  }
  const bool bodiless = answer.status == 204 || answer.status == 304;
  if (!bodiless) {
    if (!answer.body.empty()) append_header(out, "Content-Type", answer.content_type);
    out.append("Content-Length: ");
    append_number(out, answer.body.size());
    out.append("\r\n");
  }
  out.append("\r\n");
  if (!bodiless && !framing.head_only) out.append(answer.body);
}

}  // namespace velo::net
