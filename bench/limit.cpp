#include "bench/limit.hpp"

#include <liburing.h>
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
    has_ring_ = io_uring_queue_init(shared_sockets_max, &ring_, 0) == 0;
    fmt::print("limit ready on {}{}\n", port, has_ring_ ? " with a ring" : "");
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
    const std::span sockets(sockets_[orders.front().sequence % sockets_.size()]);
    if (orders.front().sockets_max == 1) {
      for (const auto& fd : sockets) send_rest(fd.get(), frames_);
      return;
    }
    for (std::size_t done = 0; done < sockets.size(); done += shared_sockets_max)
      send_together(sockets.subspan(done).first(
          std::min<std::size_t>(shared_sockets_max, sockets.size() - done)));
  }

  static void send_rest(int socket, std::string_view rest) {
    while (!rest.empty()) {
      const auto sent = ::send(socket, rest.data(), rest.size(), MSG_NOSIGNAL);
      if (sent < 0) fail("the reader does not read: {}", std::strerror(errno));
      rest.remove_prefix(static_cast<std::size_t>(sent));
    }
  }

  void send_together(std::span<const file_descriptor> sockets) {
    for (const auto& fd : sockets) {
      auto* request = io_uring_get_sqe(&ring_);
      io_uring_prep_send(request, fd.get(), frames_.data(), frames_.size(),
                         MSG_NOSIGNAL | MSG_DONTWAIT);
      io_uring_sqe_set_data64(request, static_cast<std::uint64_t>(fd.get()));
    }
    const auto count = static_cast<unsigned>(sockets.size());
    const int submitted = io_uring_submit_and_wait(&ring_, count);
    if (submitted != static_cast<int>(count)) fail("io_uring: {}", std::strerror(-submitted));
    io_uring_cqe* completed = nullptr;
    unsigned head = 0;
    io_uring_for_each_cqe(&ring_, head, completed) {
      if (completed->res < 0 && completed->res != -EAGAIN)
        fail("the reader does not read: {}", std::strerror(-completed->res));
      const auto sent = static_cast<std::size_t>(std::max(completed->res, 0));
      send_rest(static_cast<int>(io_uring_cqe_get_data64(completed)),
                std::string_view(frames_).substr(sent));
    }
    io_uring_cq_advance(&ring_, count);
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
  io_uring ring_{};
  bool has_ring_ = false;
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
                .cores = cores}) {
  const auto line = process_.wait_for_line("limit ready on ", std::chrono::seconds(10));
  port_ = static_cast<std::uint16_t>(std::strtoul(line.c_str(), nullptr, 10));
  has_ring_ = line.find("with a ring") != std::string::npos;
}

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
