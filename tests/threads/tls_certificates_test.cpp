#include "net/tls_certificates.hpp"

#include "net/tls_stream.hpp"
#include "tests/net/tls_support.hpp"
#include "tests/storage/temp_directory.hpp"
#include "tests/support/catch.hpp"
#include "tests/threads/together.hpp"

#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <filesystem>
#include <string>

using namespace velo::net;
using namespace velo::net::test;
using velo::test::together;

namespace {

// The name that a connection is shown; empty where it fails.
std::string name_shown(tls_certificates& certificates) {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) != 0)
    return {};
  std::string name;
  {
    const auto server = certificates.open(ends[0]);
    const auto client = tls_client(ends[1]);
    for (int round = 0; round < 20; ++round) {
      SSL_do_handshake(client.get());
      if (server->shake_hands() != tls_stream::progress::done) continue;
      if (SSL_is_init_finished(client.get()) == 0) continue;
      name = common_name_of_peer(client.get());
      break;
    }
  }
  for (const int end : ends) ::close(end);
  return name;
}

}  // namespace

TEST_CASE("certificates are replaced while all threads open connections", "[tls]") {
  std::signal(SIGPIPE, SIG_IGN);
  const auto level = spdlog::get_level();
  spdlog::set_level(spdlog::level::off);  // pairs that were half replaced
  const velo::storage::temp_directory directory;
  const auto certificate = directory.path() / "certificate.pem";
  const auto key = directory.path() / "key.pem";
  make_certificate(certificate, key, "pair 0");
  tls_certificates certificates(certificate, key, std::chrono::milliseconds{0});

  constexpr int pairs = 20;
  std::atomic<bool> replaced = false;
  std::atomic<int> opened = 0;
  std::atomic<int> failed = 0;
  together(4, [&](std::size_t thread) {
    if (thread == 0) {
      for (int i = 1; i <= pairs; ++i)
        make_certificate(certificate, key, "pair " + std::to_string(i));
      replaced.store(true, std::memory_order_relaxed);
      return;
    }
    do {
      auto& count = name_shown(certificates).starts_with("pair ") ? opened : failed;
      count.fetch_add(1, std::memory_order_relaxed);
    } while (!replaced.load(std::memory_order_relaxed));
  });
  CHECK(opened > 0);
  CHECK(failed == 0);
  CHECK(name_shown(certificates) == "pair " + std::to_string(pairs));
  spdlog::set_level(level);
}
