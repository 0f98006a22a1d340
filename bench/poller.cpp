#include "bench/poller.hpp"

#include <cerrno>
#include <csignal>
#include <cstring>

#include "bench/error.hpp"

namespace velo::bench {
namespace {

volatile std::sig_atomic_t interrupted = 0;

}  // namespace

poller::poller() : fd_(::epoll_create1(EPOLL_CLOEXEC)) {
  if (!fd_) fail("cannot create an epoll instance: {}", std::strerror(errno));
}

void poller::add(int fd, event_source& source) {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  event.data.ptr = &source;
  if (::epoll_ctl(fd_.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
    fail("cannot watch a descriptor: {}", std::strerror(errno));
  }
}

void poller::turn(std::chrono::milliseconds patience) {
  check_interrupted();
  const int ready = ::epoll_wait(fd_.get(), events_.data(), static_cast<int>(events_.size()),
                                 static_cast<int>(patience.count()));
  if (ready < 0 && errno != EINTR) fail("epoll_wait: {}", std::strerror(errno));
  for (int i = 0; i < ready; ++i) {
    const auto& event = events_[static_cast<std::size_t>(i)];
    static_cast<event_source*>(event.data.ptr)->ready(event.events);
  }
}

void catch_interrupts() {
  struct sigaction action {};
  action.sa_handler = [](int) { interrupted = 1; };
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
}

void check_interrupted() {
  if (interrupted != 0) fail("interrupted");
}

}  // namespace velo::bench
