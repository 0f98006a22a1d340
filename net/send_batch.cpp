#include "net/send_batch.hpp"

#include <liburing.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <span>
#include <utility>

namespace velo::net {

namespace {

using boost::system::error_code;

// No answer of the kernel's: its results are bytes or errors.
constexpr int unknown = -4096;

error_code error_of(int number) {
  return {number, boost::system::system_category()};
}

bool takes_nothing_now(int result) {
  return result == -EAGAIN || result == -EWOULDBLOCK || result == -EINTR;
}

}  // namespace

class send_batch::ring {
 public:
  ring() : failure_(-io_uring_queue_init(sends_max, &ring_, 0)) {}
  ~ring() {
    if (failure_ == 0) io_uring_queue_exit(&ring_);
  }
  ring(const ring&) = delete;
  ring& operator=(const ring&) = delete;

  [[nodiscard]] int failure() const { return failure_; }

  void add(std::size_t index, int socket, std::string_view bytes) {
    auto* request = io_uring_get_sqe(&ring_);
    assert(request != nullptr);  // as many as a batch holds
    io_uring_prep_send(request, socket, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    io_uring_sqe_set_data64(request, index);
  }

  // Calls each(index, result) of all `count` that were added. False where the kernel does
  // not go on: then those without a result that are not among the first `taken` are unsent.
  template <class Each>
  [[nodiscard]] bool run(std::size_t count, std::size_t& taken, counter& calls, Each&& each) {
    std::size_t done = 0;
    for (std::size_t turn = 0; done < count && turn < 2 * sends_max; ++turn) {
      const int submitted = io_uring_submit_and_wait(&ring_, static_cast<unsigned>(count - done));
      calls.add();
      if (submitted < 0 && submitted != -EINTR) return false;
      taken += static_cast<std::size_t>(std::max(submitted, 0));
      io_uring_cqe* completed = nullptr;
      unsigned head = 0;
      unsigned seen = 0;
      io_uring_for_each_cqe(&ring_, head, completed) {
        each(static_cast<std::size_t>(io_uring_cqe_get_data64(completed)), completed->res);
        ++seen;
      }
      io_uring_cq_advance(&ring_, seen);
      done += seen;
    }
    return done == count;
  }

 private:
  io_uring ring_{};
  int failure_;
};

send_batch::send_batch(outbox_buffers& buffers, socket_counters& counters)
    : buffers_(buffers), counters_(counters) {}

send_batch::~send_batch() {
  assert(count_ == 0);
}

error_code send_batch::use_ring() {
  auto fresh = std::make_unique<ring>();
  if (fresh->failure() != 0) return error_of(fresh->failure());
  ring_ = std::move(fresh);
  return {};
}

char* send_batch::room(std::size_t bytes) {
  assert(bytes <= bytes_max);
  if (used_ + bytes > bytes_max) send();
  if (memory_ == nullptr) memory_ = std::make_unique_for_overwrite<char[]>(bytes_max);
  return memory_.get() + used_;
}

std::uint32_t send_batch::add(int socket, std::size_t bytes, std::size_t frames, sender& whose) {
  entries_[count_++] = {&whose,
                        socket,
                        static_cast<std::uint32_t>(used_),
                        static_cast<std::uint32_t>(bytes),
                        static_cast<std::uint32_t>(frames),
                        unknown};
  used_ += bytes;
  const auto number = number_;
  if (ring_ == nullptr || count_ == sends_max) send();
  return number;
}

void send_batch::send() {
  if (count_ == 0) return;
  // Nobody is held any more, so those who are told may do what they like with their sockets.
  const auto sent = std::span(entries_).first(std::exchange(count_, 0));
  ++number_;
  // One alone is cheaper without the ring.
  if (ring_ != nullptr && sent.size() > 1) {
    send_by_ring(sent);
  } else {
    for (auto& e : sent) send_singly(e);
  }
  for (const auto& e : sent) tell(e);
  used_ = 0;
}

void send_batch::send_by_ring(std::span<entry> sent) {
  for (std::size_t i = 0; i < sent.size(); ++i) ring_->add(i, sent[i].socket, bytes_of(sent[i]));
  std::size_t taken = 0;
  const bool complete =
      ring_->run(sent.size(), taken, counters_.sends, [&](std::size_t index, int result) {
        sent[index].result = result;
        if (result > 0) counters_.sent_bytes.add(static_cast<std::uint64_t>(result));
      });
  if (complete) return;
  spdlog::warn(
      "io_uring does not take what is to be sent: from now on each socket has its own "
      "system call");
  ring_.reset();
  for (std::size_t i = 0; i < sent.size(); ++i) {
    if (sent[i].result != unknown) continue;
    // What the kernel has taken and not answered may be sent in part.
    if (i < taken) {
      sent[i].result = -EIO;
    } else {
      send_singly(sent[i]);
    }
  }
}

void send_batch::send_singly(entry& e) {
  error_code error;
  const auto taken = buffers_.send(e.socket, bytes_of(e), error);
  e.result = error ? -error.value() : static_cast<int>(taken);
}

void send_batch::tell(const entry& e) const {
  if (e.result == static_cast<int>(e.bytes)) return;
  if (e.result < 0 && !takes_nothing_now(e.result))
    return e.whose->not_sent({}, e.frames, error_of(-e.result));
  const auto taken = static_cast<std::size_t>(std::max(e.result, 0));
  e.whose->not_sent(bytes_of(e).substr(taken), e.frames, {});
}

}  // namespace velo::net
