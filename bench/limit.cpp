#include "bench/limit.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <span>

#include "bench/error.hpp"
#include "bench/payload.hpp"
#include "bench/ws_frame.hpp"

namespace velo::bench {
namespace {

constexpr std::size_t orders_max = 256;

class sender {
 public:
  sender(std::uint32_t connections, std::uint32_t classes) : sockets_(classes) {
    std::uint16_t port = 0;
    const auto listener = listen_loopback(port);
    fmt::print("limit ready on {}\n", port);
    std::fflush(stdout);
    // Every blocking call is bounded, so that no sender outlives a stuck harness.
    const timeval patience{.tv_sec = 20, .tv_usec = 0};
    ::setsockopt(listener.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    for (std::uint32_t i = 0; i < connections; ++i) accept_one(listener.get(), patience);
  }

  void obey() {
    std::array<limit_order, orders_max> orders;
    std::size_t kept = 0;
    for (;;) {
      auto* const bytes = reinterpret_cast<char*>(orders.data());
      const auto got = ::read(STDIN_FILENO, bytes + kept, sizeof orders - kept);
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) return;
      kept += static_cast<std::size_t>(got);
      const auto whole = kept / sizeof(limit_order);
      for (std::size_t done = 0; done < whole;) {
        const auto count = std::min<std::size_t>(whole - done, orders[done].frames_max);
        send_to_all(std::span(orders).subspan(done, count));
        done += count;
      }
      kept -= whole * sizeof(limit_order);
      std::memmove(bytes, bytes + whole * sizeof(limit_order), kept);
    }
  }

 private:
  void accept_one(int listener, const timeval& patience) {
    file_descriptor fd{::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC)};
    if (!fd) fail("a connection did not come: {}", std::strerror(errno));
    const int on = 1;
    ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    std::uint32_t index = 0;
    if (::recv(fd.get(), &index, sizeof index, MSG_WAITALL) != sizeof index) {
      fail("a connection did not tell its index");
    }
    sockets_[index % sockets_.size()].push_back(std::move(fd));
  }

  // The measured loop: frames are ready before it, and it does nothing but send.
  void send_to_all(std::span<const limit_order> orders) {
    render(orders);
    for (const auto& fd : sockets_[orders.front().sequence % sockets_.size()]) {
      for (std::string_view rest = frames_; !rest.empty();) {
        const auto sent = ::send(fd.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
        if (sent < 0) fail("the reader does not read: {}", std::strerror(errno));
        rest.remove_prefix(static_cast<std::size_t>(sent));
      }
    }
  }

  void render(std::span<const limit_order> orders) {
    frames_.clear();
    for (const auto& order : orders) {
      const std::size_t header_bytes = order.frame_bytes < 128     ? 2
                                       : order.frame_bytes < 65540 ? 4
                                                                   : 10;
      const auto payload_bytes = order.frame_bytes - header_bytes;
      frames_ += server_header(payload_bytes);
      const auto at = frames_.size();
      frames_.append(payload_bytes, 'x');
      write_stamp(frames_.data() + at,
                  {.sequence = order.sequence, .published_ns = order.published_ns});
    }
  }

  std::vector<std::vector<file_descriptor>> sockets_;  // by class
  std::string frames_;
};

std::string own_path() {
  std::array<char, 4096> path{};
  const auto size = ::readlink("/proc/self/exe", path.data(), path.size() - 1);
  if (size <= 0) fail("cannot read /proc/self/exe");
  return {path.data(), static_cast<std::size_t>(size)};
}

}  // namespace

int run_limit_sender(std::uint32_t connections, std::uint32_t classes) {
  sender(connections, classes).obey();
  return 0;
}

limit_process::limit_process(const std::string& scratch, std::uint32_t connections,
                             std::uint32_t classes, const std::vector<int>& cores)
    : process_({.arguments = {own_path(), "limit-sender", std::to_string(connections),
                              std::to_string(classes)},
                .environment = {},
                .output_path = scratch + "/limit.log",
                .cores = cores}),
      port_(static_cast<std::uint16_t>(
          std::strtoul(process_.wait_for_line("limit ready on ", std::chrono::seconds(10)).c_str(),
                       nullptr, 10))) {}

void limit_publisher::publish(unsigned /*event_class*/, const stamp& s) {
  ++in_flight_;
  order_.published_ns = s.published_ns;
  order_.sequence = s.sequence;
  gathered_.push_back(order_);
}

void limit_publisher::flush() {
  if (gathered_.empty()) return;
  // A pipe takes 64 KiB, far more than the orders that can be in flight.
  const auto bytes = gathered_.size() * sizeof(limit_order);
  if (::write(input_, gathered_.data(), bytes) != static_cast<ssize_t>(bytes)) {
    fail("cannot order events from the limit program: {}", std::strerror(errno));
  }
  gathered_.clear();
}

}  // namespace velo::bench
