#include "net/outbox.hpp"

#include "net/tls_stream.hpp"

#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>
#include <utility>

namespace velo::net {

namespace {

// Whole allocations, header included. A connection that gets a frame now and
// then takes the smallest; one with a backlog soon takes the largest.
constexpr std::array<std::size_t, 3> class_bytes{512, 4096, 32768};
constexpr std::size_t unpooled = class_bytes.size();

// Enough for one smallest buffer for each of some 8,000 connections in a turn.
constexpr std::size_t idle_bytes_max = 4U << 20U;

// Pieces per system call; IOV_MAX is 1024, but the array lives on the stack.
constexpr std::size_t pieces_max = 64;

std::size_t total(std::span<const std::string_view> pieces) {
  std::size_t bytes = 0;
  for (const auto piece : pieces) bytes += piece.size();
  return bytes;
}

}  // namespace

/// Bytes to send: [begin, end) of the body where there is one, else of the
/// storage that follows this header.
struct outbox_buffers::buffer {
  buffer* next = nullptr;
  std::size_t size_class = 0;
  std::size_t capacity = 0;
  std::size_t begin = 0;
  std::size_t end = 0;
  std::size_t frames = 0;     // that end here
  std::size_t frame_end = 0;  // where the first frame that ends here does
  std::shared_ptr<const std::string> body;

  char* storage() { return reinterpret_cast<char*>(this + 1); }
  [[nodiscard]] std::size_t room() const { return body ? 0 : capacity - end; }
  [[nodiscard]] iovec unsent() {
    // writev's interface is not const-correct; nothing writes through it.
    char* data = body ? const_cast<char*>(body->data()) : storage();
    return {data + begin, end - begin};
  }
};

outbox_buffers::~outbox_buffers() {
  for (auto* list : idle_) {
    while (list != nullptr) ::operator delete(std::exchange(list, list->next));
  }
}

outbox_buffers::buffer* outbox_buffers::take(std::size_t room) {
  const auto bytes = room + sizeof(buffer);
  const auto fits = std::find_if(class_bytes.begin(), class_bytes.end(),
                                 [bytes](std::size_t size) { return bytes <= size; });
  const auto size_class = static_cast<std::size_t>(fits - class_bytes.begin());
  const auto size = size_class == unpooled ? bytes : *fits;
  void* memory = nullptr;
  if (size_class != unpooled && idle_[size_class] != nullptr) {
    memory = std::exchange(idle_[size_class], idle_[size_class]->next);
    idle_bytes_ -= size;
  } else {
    memory = ::operator new(size);
  }
  auto* b = new (memory) buffer;
  b->size_class = size_class;
  b->capacity = size - sizeof(buffer);
  return b;
}

void outbox_buffers::give_back(buffer* b) noexcept {
  const auto size_class = b->size_class;
  if (size_class == unpooled || idle_bytes_ + class_bytes[size_class] > idle_bytes_max) {
    b->~buffer();
    ::operator delete(b);
    return;
  }
  b->body.reset();
  b->next = std::exchange(idle_[size_class], b);
  idle_bytes_ += class_bytes[size_class];
}

template <class Call>
std::size_t outbox_buffers::send_by(Call&& call, boost::system::error_code& error) {
  for (;;) {
    const ssize_t sent = call(MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && errno != EAGAIN && errno != EWOULDBLOCK) {
      error.assign(errno, boost::system::system_category());
    }
    if (counters_ != nullptr) {
      counters_->sends.add();
      if (sent > 0) counters_->sent_bytes.add(static_cast<std::uint64_t>(sent));
    }
    return sent < 0 ? 0 : static_cast<std::size_t>(sent);
  }
}

std::size_t outbox_buffers::send(int socket, std::string_view bytes,
                                 boost::system::error_code& error) {
  return send_by([&](int flags) { return ::send(socket, bytes.data(), bytes.size(), flags); },
                 error);
}

std::size_t outbox_buffers::send(int socket, std::span<const iovec> pieces,
                                 boost::system::error_code& error) {
  msghdr message{};
  // sendmsg's interface is not const-correct; it writes to none of this.
  message.msg_iov = const_cast<iovec*>(pieces.data());
  message.msg_iovlen = pieces.size();
  return send_by([&](int flags) { return ::sendmsg(socket, &message, flags); }, error);
}

std::size_t outbox_buffers::send(tls_stream& to, std::string_view bytes,
                                 boost::system::error_code& error) {
  const auto sent = to.write(bytes, error);
  if (counters_ != nullptr) {
    counters_->sends.add();
    counters_->sent_bytes.add(sent);
  }
  return sent;
}

std::size_t outbox_buffers::send(tls_stream& to, std::span<const iovec> pieces,
                                 boost::system::error_code& error) {
  std::size_t total = 0;
  for (const auto& piece : pieces) {
    const std::string_view bytes(static_cast<const char*>(piece.iov_base), piece.iov_len);
    const auto sent = send(to, bytes, error);
    total += sent;
    if (sent < bytes.size()) break;
  }
  return total;
}

bool outbox::within_limits(std::size_t bytes, std::size_t promised_bytes,
                           std::size_t promised_frames, std::size_t reserve) const {
  // What is queued already counts, not what comes: a client that keeps up gets
  // an event of any size, and no more than one waits beyond the bound.
  const auto waiting = bytes_ + promised_bytes;
  return (waiting == 0 || waiting + bytes <= limits_.bytes_max + reserve) &&
         frames_ + promised_frames < limits_.frames_max + reserve / 16;
}

bool outbox::append(std::span<const std::string_view> pieces) {
  const auto bytes = total(pieces);
  if (!has_room(bytes)) return false;
  append_promised(pieces);
  return true;
}

void outbox::append_promised(std::span<const std::string_view> pieces, std::size_t frames) {
  copy(pieces, total(pieces));
  end_frames(frames);
}

bool outbox::append_control(std::span<const std::string_view> pieces) {
  const auto bytes = total(pieces);
  if (!within_limits(bytes, 0, 0, control_reserve)) return false;
  append_promised(pieces);
  return true;
}

bool outbox::append(std::span<const std::string_view> head, std::shared_ptr<const std::string> body,
                    std::string_view tail) {
  if (!has_room(total(head) + body->size() + tail.size())) return false;
  append_promised(head, std::move(body), tail);
  return true;
}

void outbox::append_promised(std::span<const std::string_view> head,
                             std::shared_ptr<const std::string> body, std::string_view tail) {
  copy(head, total(head));
  const std::array<std::string_view, 2> rest{*body, tail};
  if (body->size() < shared_bytes_min) {
    copy(rest, body->size() + tail.size());
  } else {
    auto* b = buffers_.take(0);
    b->end = body->size();
    b->body = std::move(body);
    count(static_cast<std::ptrdiff_t>(b->end));
    push(b);
    copy(std::span(rest).subspan(1), tail.size());
  }
  end_frames(1);
}

void outbox::copy(std::span<const std::string_view> pieces, std::size_t bytes) {
  if (tail_ == nullptr || tail_->room() < bytes) {
    // A backlog grows: fewer and larger buffers, thus fewer pieces per write.
    const auto room = tail_ == nullptr ? bytes : std::max(bytes, tail_->capacity + 1);
    const auto largest = class_bytes.back() - sizeof(buffer);
    push(buffers_.take(std::max(bytes, std::min(room, largest))));
  }
  auto* to = tail_->storage() + tail_->end;
  for (const auto piece : pieces) {
    if (!piece.empty()) std::memcpy(to, piece.data(), piece.size());
    to += piece.size();
  }
  tail_->end += bytes;
  count(static_cast<std::ptrdiff_t>(bytes));
}

void outbox::count(std::ptrdiff_t bytes) noexcept {
  bytes_ += static_cast<std::size_t>(bytes);
  buffers_.note_queued(bytes);
}

void outbox::end_frames(std::size_t ended) noexcept {
  if (tail_->frames == 0) tail_->frame_end = tail_->end;
  tail_->frames += ended;
  frames_ += ended;
}

void outbox::push(buffer* b) noexcept {
  (tail_ == nullptr ? head_ : tail_->next) = b;
  tail_ = b;
}

void outbox::pop() noexcept {
  auto* b = std::exchange(head_, head_->next);
  if (head_ == nullptr) tail_ = nullptr;
  frames_ -= b->frames;
  buffers_.give_back(b);
}

void outbox::consume(std::size_t sent) noexcept {
  count(-static_cast<std::ptrdiff_t>(sent));
  while (head_ != nullptr) {
    const auto taken = std::min(sent, head_->end - head_->begin);
    head_->begin += taken;
    sent -= taken;
    if (head_->begin < head_->end) return;
    pop();
  }
}

template <class Socket>
outbox::progress outbox::write_all(Socket& to, boost::system::error_code& error) {
  while (head_ != nullptr) {
    std::array<iovec, pieces_max> pieces;
    std::size_t taken = 0;
    std::size_t offered = 0;
    for (auto* b = head_; b != nullptr && taken < pieces.size(); b = b->next) {
      pieces[taken] = b->unsent();
      offered += pieces[taken++].iov_len;
    }
    const auto sent = buffers_.send(to, std::span(pieces).first(taken), error);
    if (error) return progress::failed;
    consume(sent);
    // The kernel took part of it: asking again would only be told to wait.
    if (sent < offered) return progress::blocked;
  }
  return progress::drained;
}

outbox::progress outbox::write_to(int socket, boost::system::error_code& error) {
  return write_all(socket, error);
}

outbox::progress outbox::write_to(tls_stream& to, boost::system::error_code& error) {
  return write_all(to, error);
}

bool outbox::is_copied() const {
  for (const auto* b = head_; b != nullptr; b = b->next) {
    if (b->body != nullptr) return false;
  }
  return true;
}

char* outbox::move_to(char* to) noexcept {
  for (auto* b = head_; b != nullptr; b = b->next) {
    const auto unsent = b->unsent();
    std::memcpy(to, unsent.iov_base, unsent.iov_len);
    to += unsent.iov_len;
  }
  clear();
  return to;
}

void outbox::clear() noexcept {
  while (head_ != nullptr) pop();
  count(-static_cast<std::ptrdiff_t>(bytes_));
}

void outbox::keep_first(bool offered) noexcept {
  auto* last = offered && head_ != nullptr ? head_->next : head_;
  // Where it has been sent already, what follows it in its buffer is in part.
  while (last != nullptr && last->frame_end <= last->begin) last = last->next;
  if (last == nullptr) return;
  count(-static_cast<std::ptrdiff_t>(last->end - last->frame_end));
  last->end = last->frame_end;
  frames_ -= last->frames - 1;
  last->frames = 1;
  auto* b = std::exchange(last->next, nullptr);
  tail_ = last;
  while (b != nullptr) {
    count(-static_cast<std::ptrdiff_t>(b->end - b->begin));
    frames_ -= b->frames;
    buffers_.give_back(std::exchange(b, b->next));
  }
}

}  // namespace velo::net
