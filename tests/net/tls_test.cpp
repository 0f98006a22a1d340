#include "net/tls_certificates.hpp"
#include "net/tls_stream.hpp"
#include "tests/net/tls_support.hpp"
#include "tests/storage/temp_directory.hpp"
#include "tests/support/catch.hpp"

#include <boost/asio/error.hpp>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <fstream>
#include <string>
#include <thread>

using namespace velo::net;
using namespace velo::net::test;
using namespace std::chrono_literals;
using Catch::Contains;

namespace {

struct fixture {
  fixture() {
    std::signal(SIGPIPE, SIG_IGN);
    make_certificate(certificate, key, "first");
  }

  velo::storage::temp_directory directory;
  const std::filesystem::path certificate = directory.path() / "certificate.pem";
  const std::filesystem::path key = directory.path() / "key.pem";
};

/// Both ends of a connection; neither blocks.
struct connection {
  explicit connection(tls_certificates& certificates) {
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) == 0);
    server = certificates.open(ends[0]);
    REQUIRE(server != nullptr);
    client = tls_client(ends[1]);
  }
  ~connection() {
    server.reset();
    client.reset();
    for (const int end : ends) ::close(end);
  }

  tls_stream::progress shake_hands() {
    auto progress = tls_stream::progress::wants_to_read;
    constexpr int rounds_max = 20;
    for (int round = 0; round < rounds_max; ++round) {
      SSL_do_handshake(client.get());
      progress = server->shake_hands();
      if (progress == tls_stream::progress::failed) break;
      if (progress == tls_stream::progress::done && SSL_is_init_finished(client.get()) != 0) break;
    }
    return progress;
  }

  // All that has arrived at the client.
  std::string read() {
    std::string text;
    std::array<char, 5000> block{};
    std::size_t got = 0;
    while (SSL_read_ex(client.get(), block.data(), block.size(), &got) == 1)
      text.append(block.data(), got);
    return text;
  }

  std::array<int, 2> ends{};
  std::unique_ptr<tls_stream> server;
  ssl_ptr client;
};

}  // namespace

TEST_CASE_METHOD(fixture, "what is written in parts arrives whole and in order", "[net][tls]") {
  tls_certificates certificates(certificate, key);
  connection c(certificates);
  REQUIRE(c.shake_hands() == tls_stream::progress::done);
  const int small = 4096;
  ::setsockopt(c.ends[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof small);

  std::string all;
  for (int i = 0; all.size() < 500'000; ++i) all += std::to_string(i) + ',';
  // The rest is offered from another place each time, with more behind it.
  std::string unsent;
  std::string received;
  std::size_t offered = 0;
  std::size_t blocked = 0;
  for (int round = 0; received.size() < all.size() && round < 100'000; ++round) {
    const auto more = std::min<std::size_t>(all.size() - offered, 700 + 1300 * (round % 30));
    unsent = std::string(unsent) + all.substr(offered, more);
    offered += more;
    boost::system::error_code error;
    const auto taken = c.server->write(unsent, error);
    REQUIRE_FALSE(error);
    blocked += taken < unsent.size() ? 1 : 0;
    unsent.erase(0, taken);
    if (round % 3 == 0) received += c.read();
  }
  CHECK(blocked > 10);
  CHECK((received == all));
}

TEST_CASE_METHOD(fixture, "reading tells nothing, something and the end apart", "[net][tls]") {
  tls_certificates certificates(certificate, key);
  connection c(certificates);
  REQUIRE(c.shake_hands() == tls_stream::progress::done);
  std::array<char, tls_stream::record_bytes_max> block{};
  boost::system::error_code error;
  CHECK(c.server->read(block, error) == 0);
  CHECK(error == boost::asio::error::would_block);
  SSL_write(c.client.get(), "hello", 5);
  error = {};
  CHECK(c.server->read(block, error) == 5);
  CHECK_FALSE(error);
  SSL_shutdown(c.client.get());
  CHECK(c.server->read(block, error) == 0);
  CHECK(error == boost::asio::error::eof);
}

TEST_CASE_METHOD(fixture, "a connection that is cut off is not taken for its end", "[net][tls]") {
  tls_certificates certificates(certificate, key);
  connection c(certificates);
  REQUIRE(c.shake_hands() == tls_stream::progress::done);
  ::shutdown(c.ends[1], SHUT_RDWR);
  std::array<char, tls_stream::record_bytes_max> block{};
  boost::system::error_code error;
  CHECK(c.server->read(block, error) == 0);
  CHECK((error && error != boost::asio::error::would_block && error != boost::asio::error::eof));
  c.server->shut_down();
}

TEST_CASE_METHOD(fixture, "nothing below TLS 1.2 and no other protocol is spoken", "[net][tls]") {
  tls_certificates certificates(certificate, key);
  {
    connection c(certificates);
    SSL_set_max_proto_version(c.client.get(), TLS1_1_VERSION);
    SSL_set_cipher_list(c.client.get(), "ALL:@SECLEVEL=0");
    CHECK(c.shake_hands() == tls_stream::progress::failed);
  }
  {
    connection c(certificates);
    SSL_set_max_proto_version(c.client.get(), TLS1_2_VERSION);
    SSL_set_cipher_list(c.client.get(), "AES128-SHA");
    CHECK(c.shake_hands() == tls_stream::progress::failed);
  }
  {
    connection c(certificates);
    SSL_set_max_proto_version(c.client.get(), TLS1_2_VERSION);
    CHECK(c.shake_hands() == tls_stream::progress::done);
  }
  const auto offer = [](connection& c, const std::string& protocols) {
    SSL_set_alpn_protos(c.client.get(), reinterpret_cast<const unsigned char*>(protocols.data()),
                        static_cast<unsigned>(protocols.size()));
    return c.shake_hands();
  };
  {
    connection c(certificates);
    CHECK(offer(c, "\x02h2") == tls_stream::progress::failed);
  }
  connection c(certificates);
  CHECK(offer(c, "\x02h2\x08http/1.1") == tls_stream::progress::done);
  const unsigned char* chosen = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(c.client.get(), &chosen, &size);
  CHECK(std::string(reinterpret_cast<const char*>(chosen), size) == "http/1.1");
}

TEST_CASE_METHOD(fixture, "plain HTTP is told from other nonsense", "[net][tls]") {
  tls_certificates certificates(certificate, key);
  for (const auto& [bytes, plain] :
       {std::pair<std::string, bool>{"GET / HTTP/1.1\r\nHost: a\r\n\r\n", true},
        std::pair<std::string, bool>{"nonsense, not TLS\r\n\r\n", false}}) {
    connection c(certificates);
    REQUIRE(::send(c.ends[1], bytes.data(), bytes.size(), MSG_NOSIGNAL) > 0);
    CHECK(c.server->shake_hands() == tls_stream::progress::failed);
    CHECK(c.server->was_plain_http() == plain);
    CHECK_FALSE(c.server->failure().empty());
  }
}

TEST_CASE_METHOD(fixture, "a new pair is shown to who comes from then on", "[net][tls]") {
  tls_certificates certificates(certificate, key, 0ms);
  connection before(certificates);
  REQUIRE(before.shake_hands() == tls_stream::progress::done);
  CHECK(common_name_of_peer(before.client.get()) == "first");

  make_certificate(certificate, key, "second");
  connection after(certificates);
  REQUIRE(after.shake_hands() == tls_stream::progress::done);
  CHECK(common_name_of_peer(after.client.get()) == "second");

  boost::system::error_code error;
  CHECK(before.server->write("still here", error) == 10);
  CHECK(before.read() == "still here");
}

TEST_CASE_METHOD(fixture, "a broken pair leaves the old one in use, until it is mended",
                 "[net][tls]") {
  tls_certificates certificates(certificate, key, 0ms);
  const auto shown = [&] {
    connection c(certificates);
    REQUIRE(c.shake_hands() == tls_stream::progress::done);
    return common_name_of_peer(c.client.get());
  };
  std::ofstream(certificate) << "no certificate\n";
  CHECK(shown() == "first");
  std::filesystem::remove(certificate);
  CHECK(shown() == "first");
  // The certificate is there already, its key is not yet.
  make_certificate(certificate, directory.path() / "key.new", "second");
  CHECK(shown() == "first");
  std::filesystem::rename(directory.path() / "key.new", key);
  CHECK(shown() == "second");
}

TEST_CASE_METHOD(fixture, "what is no pair is named", "[net][tls]") {
  CHECK_THROWS_WITH(tls_certificates(directory.path() / "none.pem", key), Contains("none.pem"));
  CHECK_THROWS_WITH(tls_certificates(certificate, directory.path() / "none.key"),
                    Contains("none.key"));
  make_certificate(directory.path() / "other.pem", directory.path() / "other.key");
  CHECK_THROWS_WITH(tls_certificates(certificate, directory.path() / "other.key"),
                    Contains("other.key") && Contains("mismatch"));
}
