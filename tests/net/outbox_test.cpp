#include "net/outbox.hpp"

#include "tests/support/catch.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>
#include <random>
#include <string>
#include <string_view>

using velo::net::outbox;
using velo::net::outbox_buffers;
using velo::net::outbox_limits;
using progress = outbox::progress;

namespace {

struct fixture {
  fixture() {
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()) == 0);
    const int smallest = 1;  // the kernel rounds up to its minimum
    ::setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &smallest, sizeof smallest);
  }
  ~fixture() {
    for (const int end : ends) ::close(end);
  }
  fixture(const fixture&) = delete;
  fixture& operator=(const fixture&) = delete;

  progress write(outbox& queue) {
    boost::system::error_code error;
    const auto result = queue.write_to(ends[0], error);
    REQUIRE(error.failed() == (result == progress::failed));
    return result;
  }

  /// Up to `most` bytes that have arrived, without waiting.
  std::string read(std::size_t most) {
    std::string bytes(most, '\0');
    const auto got = ::recv(ends[1], bytes.data(), most, MSG_DONTWAIT);
    bytes.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
    return bytes;
  }

  std::string read_all() {
    std::string all;
    for (auto piece = read(65536); !piece.empty(); piece = read(65536)) all += piece;
    return all;
  }

  std::array<int, 2> ends{};
  outbox_buffers buffers;
  outbox_limits limits;
};

bool append(outbox& queue, std::string_view frame) {
  return queue.append(std::array{frame});
}

bool append_shared(outbox& queue, std::string_view head, std::string body, std::string_view tail) {
  return queue.append(std::array{head}, std::make_shared<const std::string>(std::move(body)), tail);
}

}  // namespace

TEST_CASE_METHOD(fixture, "an outbox sends the pieces of its frames in order", "[net][outbox]") {
  outbox queue(buffers, limits);
  REQUIRE(write(queue) == progress::drained);
  REQUIRE(queue.append(std::array<std::string_view, 3>{"one ", "", "two "}));
  REQUIRE(append(queue, "three "));
  REQUIRE(append_shared(queue, "[", "small", "] "));
  REQUIRE(queue.frames() == 3);
  REQUIRE(queue.bytes() == 22);
  REQUIRE(write(queue) == progress::drained);
  REQUIRE(read_all() == "one two three [small] ");
  REQUIRE(queue.empty());
  REQUIRE(queue.frames() == 0);
  REQUIRE(queue.bytes() == 0);
}

TEST_CASE_METHOD(fixture, "a large body is sent from where it is", "[net][outbox]") {
  outbox queue(buffers, limits);
  const auto body = std::make_shared<const std::string>(outbox::shared_bytes_min, 'x');
  REQUIRE(append(queue, "before "));
  REQUIRE(queue.append(std::array<std::string_view, 1>{"head "}, body, " tail "));
  REQUIRE(body.use_count() == 2);
  REQUIRE(append(queue, "after"));
  std::string got;
  while (write(queue) == progress::blocked) got += read_all();
  got += read_all();
  REQUIRE(got == "before head " + *body + " tail after");
  REQUIRE(body.use_count() == 1);
}

TEST_CASE_METHOD(fixture,
                 "no frame is torn, doubled or reordered towards a reader that takes byte by byte",
                 "[net][outbox]") {
  outbox queue(buffers, limits);
  std::mt19937 random(7);
  std::string expected;
  std::string got;
  for (int i = 0; i < 3000; ++i) {
    const auto frame = "<" + std::to_string(i) + ":" +
                       std::string(random() % 600, static_cast<char>('a' + i % 26)) + ">";
    if (i % 97 == 0) {
      const std::string body(outbox::shared_bytes_min + random() % 9000, 'B');
      REQUIRE(append_shared(queue, frame, body, "."));
      expected += frame + body + ".";
    } else {
      REQUIRE(append(queue, frame));
      expected += frame;
    }
    // Mostly more comes in than goes out, then it has to wait.
    if (i % 3 == 0) write(queue);
    if (queue.bytes() > limits.bytes_max / 2) {
      while (write(queue) == progress::blocked) got += read(1 + random() % 3000);
    }
    got += read(1 + random() % 7);
  }
  // The rest byte by byte; every round moves one, so this ends.
  while (got.size() < expected.size()) {
    write(queue);
    const auto byte = read(1);
    REQUIRE(byte.size() == 1);
    got += byte;
  }
  REQUIRE((got == expected));
  REQUIRE(queue.empty());
  REQUIRE(queue.frames() == 0);
  REQUIRE(read_all().empty());
}

TEST_CASE_METHOD(fixture, "a frame over a limit is refused whole", "[net][outbox]") {
  limits.bytes_max = 10;
  limits.frames_max = 3;
  outbox queue(buffers, limits);
  REQUIRE(append(queue, "123456"));
  REQUIRE_FALSE(append(queue, "78901"));
  REQUIRE_FALSE(append_shared(queue, "7", "8", "901"));
  REQUIRE(append(queue, "7890"));
  SECTION("by bytes") {}
  SECTION("by frames") {
    REQUIRE(append(queue, ""));
    REQUIRE_FALSE(append(queue, ""));
  }
  REQUIRE(queue.append_control(std::array<std::string_view, 1>{"bye"}));
  REQUIRE_FALSE(queue.append_control(
      std::array<std::string_view, 1>{std::string(outbox::control_reserve, 'x')}));
  REQUIRE(write(queue) == progress::drained);
  REQUIRE(read_all() == "1234567890bye");
  REQUIRE(append(queue, "again"));
}

TEST_CASE_METHOD(fixture, "a drained outbox holds no memory, and its buffers are used again",
                 "[net][outbox]") {
  outbox first(buffers, limits);
  outbox second(buffers, limits);
  for (int i = 0; i < 100; ++i) REQUIRE(append(first, std::string(300, 'x')));
  REQUIRE(buffers.idle_bytes() == 0);
  while (write(first) == progress::blocked) read_all();
  const auto idle = buffers.idle_bytes();
  REQUIRE(idle >= 30000);
  REQUIRE(append(second, "x"));
  REQUIRE(buffers.idle_bytes() < idle);
  second.clear();
  REQUIRE(second.empty());
  REQUIRE(buffers.idle_bytes() == idle);
}

TEST_CASE_METHOD(fixture, "a frame larger than every pooled buffer is sent all the same",
                 "[net][outbox]") {
  outbox queue(buffers, limits);
  const std::string frame(200'000, 'y');
  REQUIRE(append(queue, "a"));
  REQUIRE(append(queue, frame));
  REQUIRE(append(queue, "z"));
  std::string got;
  while (write(queue) == progress::blocked) got += read_all();
  got += read_all();
  REQUIRE((got == "a" + frame + "z"));
}

TEST_CASE_METHOD(fixture, "a dead socket is a failure, not a signal", "[net][outbox]") {
  outbox queue(buffers, limits);
  ::shutdown(ends[1], SHUT_RDWR);
  REQUIRE(append(queue, "x"));
  boost::system::error_code error;
  REQUIRE(queue.write_to(ends[0], error) == progress::failed);
  REQUIRE(error == boost::system::errc::broken_pipe);
}

TEST_CASE_METHOD(fixture, "an outbox that gives up keeps the frame that the peer has in part",
                 "[net][outbox]") {
  outbox queue(buffers, limits);
  const auto body = std::make_shared<const std::string>(300'000, 'b');
  std::string first = "<";
  first += *body + ">";
  // A large body is one frame in three buffers; the kernel takes a part of it.
  REQUIRE(queue.append(std::array{std::string_view("<")}, body, ">"));
  REQUIRE(write(queue) == progress::blocked);
  for (int i = 0; i < 200; ++i) REQUIRE(append(queue, std::string(1'000, 'x')));
  REQUIRE(buffers.queued_bytes() == queue.bytes());
  // What TLS has been offered is the rest of that frame here, so it makes no difference.
  queue.keep_first(GENERATE(false, true));
  REQUIRE(queue.bytes() < 300'000);
  REQUIRE(buffers.queued_bytes() == queue.bytes());
  REQUIRE(append(queue, "goodbye"));
  std::string got;
  for (int i = 0; i < 10'000 && !queue.empty(); ++i) {
    got += read_all();
    static_cast<void>(write(queue));
  }
  got += read_all();
  REQUIRE(got == first + "goodbye");
  REQUIRE(queue.frames() == 0);
  REQUIRE(buffers.queued_bytes() == 0);
}

TEST_CASE_METHOD(fixture, "what outboxes have queued is counted for all of them together",
                 "[net][outbox]") {
  {
    outbox one(buffers, limits);
    outbox other(buffers, limits);
    REQUIRE(append(one, std::string(1'000, 'a')));
    REQUIRE(append(other, std::string(5'000, 'b')));
    REQUIRE(buffers.queued_bytes() == 6'000);
    one.clear();
    REQUIRE(buffers.queued_bytes() == 5'000);
  }
  REQUIRE(buffers.queued_bytes() == 0);
}
