#include "bench/http.hpp"

#include <strings.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <deque>
#include <memory>
#include <vector>

#include "bench/clock.hpp"
#include "bench/error.hpp"

namespace velo::bench {
namespace {

constexpr std::size_t response_bytes_max = 4U << 20U;

// The value of a header; `head` ends with the blank line.
std::string_view header(std::string_view head, std::string_view name) {
  for (auto at = head.find("\r\n"); at != std::string_view::npos; at = head.find("\r\n", at)) {
    at += 2;
    const auto line = head.substr(at, head.find("\r\n", at) - at);
    if (line.size() > name.size() && line[name.size()] == ':' &&
        ::strncasecmp(line.data(), name.data(), name.size()) == 0) {
      auto value = line.substr(name.size() + 1);
      value.remove_prefix(std::min(value.find_first_not_of(' '), value.size()));
      return value;
    }
  }
  return {};
}

std::size_t number(std::string_view text, std::string_view what) {
  std::size_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{}) fail("the server sent an unreadable {}: '{}'", what, text);
  return value;
}

}  // namespace

std::string http_request(std::string_view method, std::string_view target, std::string_view token,
                         std::string_view body) {
  const auto authorization =
      token.empty() ? std::string{} : fmt::format("Authorization: Bearer {}\r\n", token);
  return fmt::format(
      "{} {} HTTP/1.1\r\nHost: 127.0.0.1\r\n{}Content-Type: application/json\r\n"
      "Content-Length: {}\r\n\r\n{}",
      method, target, authorization, body.size(), body);
}

http_connection::http_connection(poller& poll, std::uint16_t port, handler on_response)
    : poll_(poll), port_(port), fd_(start_connect(port)), on_response_(std::move(on_response)) {
  poll.add(fd_.get(), *this);
}

void http_connection::send(std::string_view request) {
  if (ends_ && outstanding_ == 0) {
    fd_ = start_connect(port_);
    poll_.add(fd_.get(), *this);
    connected_ = closed_ = ends_ = false;
  }
  if (closed_) fail("the server closed an HTTP connection that is to be kept alive");
  ++outstanding_;
  out_ += request;
  if (connected_) flush();
}

void http_connection::ready(std::uint32_t events) {
  if (!connected_) {
    if ((events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) == 0) return;
    check_connected(fd_.get());
    connected_ = true;
  }
  if ((events & EPOLLOUT) != 0 && !out_.empty()) flush();
  if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLERR | EPOLLHUP)) != 0) read();
}

void http_connection::flush() {
  const auto sent = ::send(fd_.get(), out_.data(), out_.size(), MSG_NOSIGNAL);
  if (sent < 0 && errno != EAGAIN) fail("an HTTP connection broke: {}", std::strerror(errno));
  if (sent > 0) out_.erase(0, static_cast<std::size_t>(sent));
}

void http_connection::read() {
  std::array<char, 16384> chunk;
  for (;;) {
    const auto got = ::recv(fd_.get(), chunk.data(), chunk.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) {
      // An idle connection may be closed; it is an error to need it again.
      closed_ = true;
      if (outstanding_ == 0) return;
      fail("the server closed an HTTP connection with {} requests unanswered", outstanding_);
    }
    in_.append(chunk.data(), static_cast<std::size_t>(got));
    std::string_view rest = in_;
    while (take_response(rest)) {
    }
    in_.erase(0, in_.size() - rest.size());
    if (in_.size() > response_bytes_max) fail("an HTTP answer is longer than 4 MiB");
    if (static_cast<std::size_t>(got) < chunk.size()) return;
  }
}

bool http_connection::take_response(std::string_view& bytes) {
  const auto head_end = bytes.find("\r\n\r\n");
  if (head_end == std::string_view::npos) return false;
  const auto head = bytes.substr(0, head_end + 4);
  if (!head.starts_with("HTTP/1.1 ")) fail("the server sent no HTTP/1.1: '{}'", head.substr(0, 40));
  const auto status = static_cast<int>(number(head.substr(9, 3), "status"));
  const auto length_text = header(head, "Content-Length");
  if (length_text.empty() && status != 204) {
    fail("the server sent an answer without Content-Length (status {})", status);
  }
  const auto length = length_text.empty() ? 0 : number(length_text, "Content-Length");
  if (bytes.size() < head.size() + length) return false;
  if (outstanding_ == 0) fail("the server sent an answer without a request (status {})", status);
  --outstanding_;
  ends_ = header(head, "Connection") == "close";
  const auto body = bytes.substr(head.size(), length);
  bytes.remove_prefix(head.size() + length);
  on_response_({.status = status, .body = body});
  return true;
}

std::string http_call(poller& poll, std::uint16_t port, std::string_view request,
                      std::chrono::seconds patience) {
  std::string result;
  http_run(poll, port,
           {.count = 1,
            .connections = 1,
            .depth = 1,
            .patience = patience,
            .request = [&](std::size_t) { return std::string(request); },
            .on_response =
                [&](std::size_t, const http_response& response) {
                  if (response.status / 100 != 2) {
                    fail("{} was answered with {}: {}", request.substr(0, request.find('\r')),
                         response.status, response.body);
                  }
                  result = response.body;
                }});
  return result;
}

void http_run(poller& poll, std::uint16_t port, const http_batch& batch) {
  struct lane {
    std::deque<std::size_t> sent;
    std::unique_ptr<http_connection> connection;
  };
  std::vector<lane> lanes(std::max<std::size_t>(1, std::min(batch.connections, batch.count)));
  std::size_t next = 0;
  std::size_t answered = 0;
  for (auto& each : lanes) {
    each.connection = std::make_unique<http_connection>(
        poll, port, [&, own = &each](const http_response& response) {
          const auto index = own->sent.front();
          own->sent.pop_front();
          ++answered;
          batch.on_response(index, response);
        });
  }
  const deadline end{batch.patience};
  while (answered < batch.count) {
    for (auto& each : lanes) {
      while (next < batch.count && each.sent.size() < batch.depth) {
        each.sent.push_back(next);
        each.connection->send(batch.request(next++));
      }
    }
    if (end.passed()) {
      fail("the server answered {} of {} HTTP requests within {} s", answered, batch.count,
           batch.patience.count());
    }
    poll.turn(100ms);
  }
}

}  // namespace velo::bench
