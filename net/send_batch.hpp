// Sends of one loop to many sockets, with one system call for some dozens of them.
//
// io_uring takes them all at once and, as nothing waits, has done them when the call
// returns. Where the kernel has none, or does not let us, each socket has a call of
// its own.

#pragma once

#include "net/outbox.hpp"

#include <boost/system/error_code.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

namespace velo::net {

/// One thread only.
class send_batch {
 public:
  /// Whose bytes they are.
  class sender {
   public:
    /// The kernel took all but `rest`, which ends so many frames; or the socket is dead,
    /// as `error` says. Not called where all was taken. May add nothing to the batch.
    virtual void not_sent(std::string_view rest, std::size_t frames,
                          const boost::system::error_code& error) = 0;

   protected:
    ~sender() = default;
  };

  /// What a batch holds.
  static constexpr std::size_t bytes_max = 64U << 10U;
  static constexpr std::size_t sends_max = 64;

  /// Both must outlive it.
  send_batch(outbox_buffers& buffers, socket_counters& counters);
  ~send_batch();
  send_batch(const send_batch&) = delete;
  send_batch& operator=(const send_batch&) = delete;

  /// From now on with io_uring; why not, where it cannot be had. On the thread that sends:
  /// at the ring's end the kernel interrupts whoever made it. Before the first add().
  boost::system::error_code use_ring();

  /// Room for so many bytes, at most bytes_max, to be filled and given to add(). What was
  /// added before may be sent for it.
  [[nodiscard]] char* room(std::size_t bytes);
  /// The `bytes` at room(), in whole frames, go to `socket` by the next send(). Until then
  /// neither `whose` nor the socket may end, nor may anything else be sent there: holds()
  /// says whether it is so for the number that this returns.
  std::uint32_t add(int socket, std::size_t bytes, std::size_t frames, sender& whose);
  [[nodiscard]] bool holds(std::uint32_t number) const { return count_ > 0 && number == number_; }

  /// Sends what was added, and tells whom it did not go all.
  void send();

 private:
  struct entry {
    sender* whose;
    int socket;
    std::uint32_t begin;
    std::uint32_t bytes;
    std::uint32_t frames;
    int result;  // bytes taken, or a negative errno
  };
  class ring;

  [[nodiscard]] std::string_view bytes_of(const entry& e) const {
    return {memory_.get() + e.begin, e.bytes};
  }
  void send_by_ring(std::span<entry> sent);
  void send_singly(entry& e);
  void tell(const entry& e) const;

  outbox_buffers& buffers_;
  socket_counters& counters_;
  std::unique_ptr<ring> ring_;  // null: each by itself
  std::unique_ptr<char[]> memory_;
  std::array<entry, sends_max> entries_{};
  std::size_t count_ = 0;
  std::size_t used_ = 0;      // of memory_
  std::uint32_t number_ = 1;  // of the batch that is being filled
};

}  // namespace velo::net
