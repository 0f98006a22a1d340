// The WebSockets of one loop, in an epoll set of their own inside of the loop's.
//
// A socket of Asio's and the wait outstanding on it take some 300 bytes for each
// connection, most of which never say a word. Here an idle connection is an entry
// in the kernel and nothing else.

#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/system/error_code.hpp>

#include <sys/epoll.h>

#include <array>
#include <cstddef>

namespace velo::net {

/// Hears of its socket. Either call may remove or destroy itself and any other.
class pollable {
 public:
  /// There is something to read, or the connection has ended.
  virtual void readable() = 0;
  /// The kernel takes more; only while await_writable() asks for it.
  virtual void writable() = 0;

 protected:
  pollable() = default;
  ~pollable() = default;
};

/// One thread only: that of `io`.
class poll_set {
 public:
  explicit poll_set(boost::asio::io_context& io);
  ~poll_set();
  poll_set(const poll_set&) = delete;
  poll_set& operator=(const poll_set&) = delete;

  /// `who` hears whenever `socket` is readable, until remove(); it owns the socket.
  boost::system::error_code add(int socket, pollable& who);
  void await_writable(int socket, pollable& who, bool wanted);
  /// To be called before `socket` is closed.
  void remove(int socket, pollable& who);

 private:
  void wait();
  void dispatch();

  boost::asio::posix::basic_stream_descriptor<boost::asio::io_context::executor_type> set_;
  bool waiting_ = false;

  std::array<epoll_event, 128> ready_{};
  std::size_t next_ = 0;  // of those in ready_ to hear
  std::size_t end_ = 0;
};

}  // namespace velo::net
