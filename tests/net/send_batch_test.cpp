#include "net/send_batch.hpp"

#include "tests/support/catch.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <future>
#include <string>
#include <string_view>
#include <vector>

using namespace velo::net;

namespace {

/// One end of a connection that does not block, and what it is told.
class peer final : public send_batch::sender {
 public:
  peer() {
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends_.data()) == 0);
    const int smallest = 1;  // the kernel rounds up to its minimum
    ::setsockopt(ends_[0], SOL_SOCKET, SO_SNDBUF, &smallest, sizeof smallest);
  }
  ~peer() {
    for (const int end : ends_) ::close(end);
  }
  peer(const peer&) = delete;
  peer& operator=(const peer&) = delete;

  [[nodiscard]] int socket() const { return ends_[0]; }
  void hang_up() { ::shutdown(ends_[1], SHUT_RDWR); }

  void not_sent(std::string_view rest, std::size_t frames,
                const boost::system::error_code& error) override {
    ++told;
    left += rest;
    frames_left = frames;
    failure = error;
  }

  std::string read() {
    std::string all;
    std::array<char, 65536> block;
    for (;;) {
      const auto got = ::recv(ends_[1], block.data(), block.size(), MSG_DONTWAIT);
      if (got <= 0) return all;
      all.append(block.data(), static_cast<std::size_t>(got));
    }
  }

  int told = 0;
  std::string left;
  std::size_t frames_left = 0;
  boost::system::error_code failure;

 private:
  std::array<int, 2> ends_{};
};

std::uint32_t add(send_batch& batch, peer& to, std::string_view text) {
  std::memcpy(batch.room(text.size()), text.data(), text.size());
  return batch.add(to.socket(), text.size(), 1, to);
}

/// With the ring and without; where the kernel has none, only without.
struct fixture {
  fixture() : ring(GENERATE(true, false)) {}

  /// On a thread of its own: the end of a ring interrupts the thread that used it, in
  /// whatever it does then.
  void run(const std::function<void()>& body) {
    std::async(std::launch::async, [&] {
      if (ring) {
        if (const auto why = batch.use_ring(); why) {
          WARN("io_uring: " << why.message());
          ring = false;
        }
      }
      body();
    }).get();
  }

  [[nodiscard]] std::uint64_t sends() const { return counters.sends.value(); }

  socket_counters counters;
  outbox_buffers buffers{&counters};
  send_batch batch{buffers, counters};
  bool ring;
};

}  // namespace

TEST_CASE_METHOD(fixture, "a batch goes to all its sockets, with few system calls",
                 "[net][send_batch]") {
  run([&] {
    constexpr std::size_t count = 3 * send_batch::sends_max + 1;
    std::vector<peer> peers(count);
    std::size_t bytes = 0;
    for (std::size_t round = 0; round < 3; ++round) {
      for (std::size_t i = 0; i < count; ++i) {
        const auto text = std::to_string(round * count + i);
        bytes += text.size();
        add(batch, peers[i], text);
      }
      batch.send();
      for (std::size_t i = 0; i < count; ++i)
        REQUIRE(peers[i].read() == std::to_string(round * count + i));
    }
    for (const auto& p : peers) REQUIRE(p.told == 0);
    // The last of a round is alone.
    const std::uint64_t calls = ring ? 12 : 3 * count;
    REQUIRE(sends() == calls);
    REQUIRE(counters.sent_bytes.value() == bytes);
    batch.send();  // of nothing
    REQUIRE(sends() == calls);
  });
}

TEST_CASE_METHOD(fixture, "who is told of the rest has it whole, the others notice nothing",
                 "[net][send_batch]") {
  run([&] {
    std::vector<peer> peers(5);
    const std::string large(send_batch::bytes_max / 2, 'x');
    for (std::size_t i = 0; i < peers.size(); ++i) {
      // No two of the large ones fit into a batch together with the small ones.
      add(batch, peers[i], i % 2 == 1 ? large : "small");
    }
    batch.send();
    for (std::size_t i = 0; i < peers.size(); i += 2) {
      REQUIRE(peers[i].told == 0);
      REQUIRE(peers[i].read() == "small");
    }
    for (std::size_t i = 1; i < peers.size(); i += 2) {
      auto& p = peers[i];
      REQUIRE(p.told == 1);
      REQUIRE(!p.failure);
      REQUIRE(p.frames_left == 1);
      const auto got = p.read();
      REQUIRE(!got.empty());
      REQUIRE(!p.left.empty());
      REQUIRE((got + p.left == large));
    }
    // A full socket takes nothing, and that is no failure.
    auto& full = peers[1];
    while (::send(full.socket(), "y", 1, MSG_DONTWAIT) == 1) {
    }
    full.left.clear();
    add(batch, full, "late");
    add(batch, peers[0], "small");
    batch.send();
    REQUIRE(full.told == 2);
    REQUIRE(!full.failure);
    REQUIRE(full.left == "late");
    REQUIRE(peers[0].read() == "small");
  });
}

TEST_CASE_METHOD(fixture, "a dead socket is told so, the others get theirs", "[net][send_batch]") {
  run([&] {
    std::vector<peer> peers(6);
    for (std::size_t i = 0; i < peers.size(); i += 2) peers[i].hang_up();
    for (auto& p : peers) add(batch, p, "text");
    batch.send();
    for (std::size_t i = 0; i < peers.size(); ++i) {
      const bool dead = i % 2 == 0;
      REQUIRE(peers[i].told == (dead ? 1 : 0));
      REQUIRE(peers[i].failure.value() == (dead ? EPIPE : 0));
      REQUIRE(peers[i].left.empty());
      REQUIRE(peers[i].read() == (dead ? "" : "text"));
    }
  });
}

TEST_CASE_METHOD(fixture, "a batch holds what it was given until it is sent", "[net][send_batch]") {
  run([&] {
    std::vector<peer> peers(2);
    REQUIRE(!batch.holds(0));
    const auto first = add(batch, peers[0], "a");
    REQUIRE(batch.holds(first) == ring);
    const auto second = add(batch, peers[1], "b");
    REQUIRE((first == second) == ring);
    batch.send();
    REQUIRE(!batch.holds(first));
    REQUIRE(!batch.holds(second));
    const auto third = add(batch, peers[0], "c");
    REQUIRE(batch.holds(third) == ring);
    REQUIRE(!batch.holds(first));
    batch.send();
    REQUIRE(peers[0].read() == "ac");
    REQUIRE(peers[1].read() == "b");
  });
}
