#include "net/poll_set.hpp"

#include <cerrno>
#include <system_error>

namespace velo::net {

namespace {

using descriptor_type = boost::asio::posix::descriptor_base;

boost::system::error_code last_error() {
  return {errno, boost::system::system_category()};
}

int make_set() {
  const int set = ::epoll_create1(EPOLL_CLOEXEC);
  if (set < 0) throw std::system_error(errno, std::system_category(), "epoll_create1");
  return set;
}

epoll_event interest(pollable& who, std::uint32_t events) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = &who;
  return event;
}

}  // namespace

poll_set::poll_set(boost::asio::io_context& io) : set_(io.get_executor(), make_set()) {}

poll_set::~poll_set() = default;

boost::system::error_code poll_set::add(int socket, pollable& who) {
  auto event = interest(who, EPOLLIN);
  if (::epoll_ctl(set_.native_handle(), EPOLL_CTL_ADD, socket, &event) != 0) return last_error();
  wait();
  return {};
}

void poll_set::await_writable(int socket, pollable& who, bool wanted) {
  auto event = interest(who, wanted ? EPOLLIN | EPOLLOUT : EPOLLIN);
  ::epoll_ctl(set_.native_handle(), EPOLL_CTL_MOD, socket, &event);
}

void poll_set::remove(int socket, pollable& who) {
  epoll_event unused{};
  ::epoll_ctl(set_.native_handle(), EPOLL_CTL_DEL, socket, &unused);
  // What was reported already must not reach it any more.
  for (auto i = next_; i < end_; ++i) {
    if (ready_[i].data.ptr == &who) ready_[i].data.ptr = nullptr;
  }
}

void poll_set::wait() {
  if (waiting_) return;
  waiting_ = true;
  set_.async_wait(descriptor_type::wait_read, [this](boost::system::error_code error) {
    if (error) return;
    waiting_ = false;
    dispatch();
    wait();
  });
}

void poll_set::dispatch() {
  const int count =
      ::epoll_wait(set_.native_handle(), ready_.data(), static_cast<int>(ready_.size()), 0);
  end_ = count > 0 ? static_cast<std::size_t>(count) : 0;
  for (next_ = 0; next_ < end_;) {
    const auto event = ready_[next_++];
    auto* who = static_cast<pollable*>(event.data.ptr);
    if (who == nullptr) continue;
    const bool both = (event.events & EPOLLOUT) != 0 && (event.events & ~EPOLLOUT) != 0;
    if (both) {
      // Reading may be its end; then writable() finds another entry in its place.
      ready_[--next_].data.ptr = who;
      ready_[next_].events = EPOLLOUT;
      who->readable();
    } else if ((event.events & EPOLLOUT) != 0) {
      who->writable();
    } else {
      who->readable();
    }
  }
  end_ = 0;
}

}  // namespace velo::net
