// A server's WebSocket side without its HTTP side, and a client that speaks in
// raw bytes, so that a test says exactly what goes over the wire. Every wait is
// bounded by `patience`. With VELO_TEST_TLS in the environment all of it goes
// through TLS, with VELO_TEST_WITHOUT_RING each socket has its own system calls.

#pragma once

#include "actors/connection.hpp"
#include "net/reactor.hpp"
#include "net/tls_certificates.hpp"
#include "net/websocket.hpp"
#include "tests/net/tls_support.hpp"
#include "tests/storage/temp_directory.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <nlohmann/json.hpp>

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace velo::net::test {

constexpr auto patience = std::chrono::seconds{20};

enum class opcode : std::uint8_t {
  continuation = 0,
  text = 1,
  binary = 2,
  close = 8,
  ping = 9,
  pong = 10
};

struct frame {
  opcode op{};
  std::string payload;

  [[nodiscard]] nlohmann::json json() const { return nlohmann::json::parse(payload); }
  /// Of a close frame.
  [[nodiscard]] unsigned code() const;
  [[nodiscard]] std::string reason() const { return payload.substr(2); }
};

/// The peer of a WebSocket, blocking.
class raw_client {
 public:
  explicit raw_client(int descriptor);
  raw_client(raw_client&& other) noexcept;
  raw_client& operator=(raw_client&&) = delete;
  ~raw_client();

  /// The response's header, blank line and all.
  std::string read_handshake();
  /// Fails the test where there is none in time.
  frame read();
  /// A text frame's JSON.
  nlohmann::json read_json();
  /// Nothing more comes but the end of the connection, in good order; ends our side, too.
  bool at_end();
  std::string read_bytes(std::size_t count);

  void send_bytes(std::string_view bytes);
  /// False where the server takes no more.
  bool try_send(std::string_view bytes);
  void send(opcode op, std::string_view payload, bool fin = true);
  void text(std::string_view payload) { send(opcode::text, payload); }
  void say_goodbye(std::uint16_t code = 1000);

  /// Ends the connection with a reset.
  void abort();

  static std::string encode(opcode op, std::string_view payload, bool fin = true,
                            bool masked = true);

  /// Everything from here on through TLS, whose handshake the server is ready for.
  void shake_hands();

 private:
  [[nodiscard]] long receive(char* into, std::size_t size);
  [[nodiscard]] long transmit(std::string_view bytes, int flags);

  int descriptor_;
  ssl_ptr tls_;
};

/// What a session's actor was told, seen from the test's thread.
class actor_log {
 public:
  void add(std::string entry);
  /// Waits until there are that many.
  std::vector<std::string> wait_for(std::size_t count);
  std::vector<std::string> entries();

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> entries_;
};

class websocket_server {
  caf::actor_system_config config_;
  caf::actor_system system_;  // outlives all that follows

 public:
  explicit websocket_server(std::chrono::milliseconds tick = std::chrono::milliseconds{10});

  /// To be changed before the first connection only.
  websocket_settings settings;
  actor_log log;
  reactor loop;
  bool shares_sends = false;  ///< Up to send_batch::sends_max sockets share a system call.

  struct options {
    std::string target = "/app/key?protocol=7&client=js&version=8.4.0";
    std::string origin;
    std::optional<int> send_buffer;
    std::optional<int> receive_buffer;  ///< The client's.
    bool valid_upgrade = true;
  };
  /// A TCP connection on which the server has been asked for a WebSocket.
  raw_client upgrade(const options& how);
  raw_client upgrade() { return upgrade(options()); }
  /// Upgraded and past its first frame; its session is the last of sessions().
  raw_client connect(const options& how);
  raw_client connect() { return connect(options()); }

  /// Runs on the loop's thread; returns when it is done.
  void on_loop(const std::function<void()>& job);
  /// In the order they opened. To be called on the loop's thread only.
  [[nodiscard]] std::vector<std::shared_ptr<actors::session>> sessions();
  /// One event to the session that opened as number `index`.
  void deliver(std::size_t index, int number, std::size_t padding = 0);

 private:
  std::unique_ptr<tls_stream> open_tls(int accepted, raw_client& client);

  storage::temp_directory directory_;
  std::unique_ptr<tls_certificates> certificates_;  // null: without TLS
  boost::asio::io_context accepting_;
  boost::asio::ip::tcp::acceptor acceptor_;
  std::vector<std::weak_ptr<actors::session>> sessions_;
};

/// The event that deliver() makes, without a session.
actors::event numbered_event(int number, std::size_t padding = 0);
/// Its number, from the frame that brought it.
int number_of(const nlohmann::json& frame);

inline constexpr std::string_view channel_prefix = "velo.realtime.";
inline constexpr std::string_view channel_uuid = "8b1f6b0e-3c1f-4f0a-9a39-0d6f5c3f2b11";

/// The socket id that a connection_established frame gives.
std::string socket_id_of(const nlohmann::json& established);

}  // namespace velo::net::test
