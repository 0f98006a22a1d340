// The bytes that one socket has yet to send, in order and bounded.
//
// Frames are copied behind one another into recycled buffers, so that many
// frames leave in one gathered write and an empty outbox holds no memory. A
// large body is not copied but kept alive by reference until it is sent.

#pragma once

#include "net/counters.hpp"

#include <boost/system/error_code.hpp>

#include <sys/uio.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace velo::net {

class tls_stream;

/// Recycles the buffers of all outboxes of one loop. Keeps some megabytes at
/// most; what is beyond goes back to the allocator. One thread only.
class outbox_buffers {
 public:
  struct buffer;

  /// Sends are counted there, where it is given.
  explicit outbox_buffers(socket_counters* counters = nullptr) : counters_(counters) {}
  outbox_buffers(const outbox_buffers&) = delete;
  outbox_buffers& operator=(const outbox_buffers&) = delete;
  ~outbox_buffers();

  /// An empty buffer with room for that many bytes at least.
  [[nodiscard]] buffer* take(std::size_t room);
  void give_back(buffer* b) noexcept;

  /// Bytes held for reuse.
  [[nodiscard]] std::size_t idle_bytes() const { return idle_bytes_; }

  /// Bytes that wait to be sent, of all outboxes together.
  [[nodiscard]] std::size_t queued_bytes() const { return queued_bytes_; }
  /// So many more wait, in an outbox or elsewhere, or fewer.
  void note_queued(std::ptrdiff_t bytes) noexcept {
    queued_bytes_ += static_cast<std::size_t>(bytes);
  }

  /// Sends without waiting: how much the kernel took, 0 where it takes nothing for
  /// now; `error` is set where the socket is dead.
  std::size_t send(int socket, std::string_view bytes, boost::system::error_code& error);
  std::size_t send(int socket, std::span<const iovec> pieces, boost::system::error_code& error);
  /// The same through TLS, by whose rule the rest has to come next.
  std::size_t send(tls_stream& to, std::string_view bytes, boost::system::error_code& error);
  std::size_t send(tls_stream& to, std::span<const iovec> pieces, boost::system::error_code& error);

 private:
  template <class Call>
  std::size_t send_by(Call&& call, boost::system::error_code& error);

  static constexpr std::size_t classes = 3;
  std::array<buffer*, classes> idle_{};
  std::size_t idle_bytes_ = 0;
  std::size_t queued_bytes_ = 0;
  socket_counters* counters_;
};

struct outbox_limits {
  std::size_t bytes_max = 1U << 20U;
  std::size_t frames_max = 4096;
};

/// One thread only. Knows nothing of WebSockets: a frame is what one append() brings.
class outbox {
 public:
  /// Bodies from this size on are worth a reference instead of a copy.
  static constexpr std::size_t shared_bytes_min = 4096;

  /// Both must outlive it; the limits are shared by all outboxes.
  outbox(outbox_buffers& buffers, const outbox_limits& limits)
      : buffers_(buffers), limits_(limits) {}
  outbox(const outbox&) = delete;
  outbox& operator=(const outbox&) = delete;
  ~outbox() { clear(); }

  /// Whether a frame of that size may be queued, when so much is promised already.
  [[nodiscard]] bool has_room(std::size_t bytes, std::size_t promised_bytes = 0,
                              std::size_t promised_frames = 0) const {
    return within_limits(bytes, promised_bytes, promised_frames, 0);
  }

  /// Queues one frame, given in pieces. False where it would exceed a limit:
  /// then nothing of it is queued.
  [[nodiscard]] bool append(std::span<const std::string_view> pieces);
  /// The same with `body` before `tail`, by reference where it is large.
  [[nodiscard]] bool append(std::span<const std::string_view> head,
                            std::shared_ptr<const std::string> body, std::string_view tail);
  /// Queue what has_room() was asked for. `frames` may end in the pieces, which may
  /// begin with the rest of one.
  void append_promised(std::span<const std::string_view> pieces, std::size_t frames = 1);
  void append_promised(std::span<const std::string_view> head,
                       std::shared_ptr<const std::string> body, std::string_view tail);

  /// As append(), for a frame of the protocol itself (pong, close): may exceed
  /// the limits by control_reserve bytes, so that a full outbox can still say goodbye.
  [[nodiscard]] bool append_control(std::span<const std::string_view> pieces);

  enum class progress : std::uint8_t {
    drained,  ///< All is sent.
    blocked,  ///< The kernel takes no more for now.
    failed,   ///< The socket is dead; `error` says why.
  };
  /// Hands as much to the kernel as it takes, without waiting.
  [[nodiscard]] progress write_to(int socket, boost::system::error_code& error);
  /// The same through TLS.
  [[nodiscard]] progress write_to(tls_stream& to, boost::system::error_code& error);

  /// Whether all of it is copies, none a large body.
  [[nodiscard]] bool is_copied() const;
  /// Moves all bytes() of what is_copied() to where `to` points, and returns what is behind
  /// them.
  char* move_to(char* to) noexcept;

  /// Drops what is queued and gives its memory back.
  void clear() noexcept;
  /// Drops all but what is queued first, at least up to the end of the frame that the
  /// kernel may have in part: what follows begins a frame.
  /// `offered`: a TLS stream has taken part of the first buffer for itself and wants to
  /// see it again, so all of that stays.
  void keep_first(bool offered = false) noexcept;

  [[nodiscard]] bool empty() const { return head_ == nullptr; }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  /// Frames not sent yet. Those that share a buffer count until all of it is sent.
  [[nodiscard]] std::size_t frames() const { return frames_; }

  static constexpr std::size_t control_reserve = 1024;

 private:
  using buffer = outbox_buffers::buffer;

  [[nodiscard]] bool within_limits(std::size_t bytes, std::size_t promised_bytes,
                                   std::size_t promised_frames, std::size_t reserve) const;
  template <class Socket>
  [[nodiscard]] progress write_all(Socket& to, boost::system::error_code& error);
  void copy(std::span<const std::string_view> pieces, std::size_t bytes);
  void count(std::ptrdiff_t bytes) noexcept;
  void push(buffer* b) noexcept;
  void pop() noexcept;
  void consume(std::size_t sent) noexcept;
  void end_frames(std::size_t ended) noexcept;

  outbox_buffers& buffers_;
  const outbox_limits& limits_;
  buffer* head_ = nullptr;  // sent first
  buffer* tail_ = nullptr;  // appended to
  std::size_t bytes_ = 0;
  std::size_t frames_ = 0;
};

}  // namespace velo::net
