// Any bytes as text frames, one a line, of a client with a whole server: session,
// signatures, channels and users answer, and every answer must be JSON. A line that
// begins with `>` is a second client's. `@auth` stands for the app's signature, `@record`
// and `@private` for record channels that somebody has asked for.

#include "net/pusher.hpp"
#include "net/signature.hpp"
#include "tests/fuzz/served.hpp"
#include "tests/fuzz/time_bound.hpp"
#include "tests/fuzz/websocket_client.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace {

using namespace velo;

// The name of a new channel.
std::string subscribe(const fuzz::served& server, const std::string& collection,
                      std::string_view more_headers = {}) {
  const auto body = R"({"collection":")" + collection + R"("})";
  const auto answer = server.exchange(
      "POST /api/realtime/subscribe HTTP/1.1\r\nHost: a\r\n" + std::string(more_headers) +
      "Content-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
      "\r\n\r\n" + body);
  if (answer) {
    const auto from = std::min(answer->find("\r\n\r\n"), answer->size());
    const auto json = nlohmann::json::parse(answer->substr(from), nullptr, false);
    if (json.is_object() && json.contains("channel_name"))
      return (json["is_public"] == true ? "" : "private-") +
             json["channel_name"].get<std::string>();
  }
  std::fprintf(stderr, "no channel: %s\n", answer ? answer->c_str() : "no answer");
  std::abort();
}

// Record channels for as many inputs as come before they go stale: asking for one takes
// longer than all the rest.
class record_channels {
 public:
  explicit record_channels(const fuzz::served& server) : server_(server) {}

  const std::string& open() { return fresh(open_, "posts"); }
  const std::string& listed_for_users() {
    return fresh(private_, "notes", "Authorization: Bearer superuser\r\n");
  }

 private:
  struct known {
    std::string name;
    std::chrono::steady_clock::time_point since;
  };

  const std::string& fresh(known& channel, const std::string& collection,
                           std::string_view more_headers = {}) const {
    const auto now = std::chrono::steady_clock::now();
    if (channel.name.empty() || now - channel.since > std::chrono::seconds{10})
      channel = {subscribe(server_, collection, more_headers), now};
    return channel.name;
  }

  const fuzz::served& server_;
  known open_;
  known private_;
};

// Where the frame asks for something that an app signs, its signature.
std::optional<std::string> signature(const net::app_key& key, std::string_view socket_id,
                                     std::string_view text) {
  const auto frame = net::parse_client_frame(text);
  if (!frame) return std::nullopt;
  if (const auto* f = std::get_if<net::subscribe_frame>(&*frame))
    return net::sign_channel(key.key, key.secret, socket_id, f->channel, f->channel_data);
  if (const auto* f = std::get_if<net::signin_frame>(&*frame))
    return net::sign_user(key.key, key.secret, socket_id, f->user_data);
  return std::nullopt;
}

// Who talks in one input.
class talk {
 public:
  talk(const fuzz::served& server, record_channels& channels)
      : server_(server), channels_(channels) {}

  void say(std::string_view line) {
    const std::size_t who = line.starts_with('>') ? 1 : 0;
    auto& client = clients_[who];
    if (!client) client.emplace(server_);
    if (who != last_ && clients_[last_]) clients_[last_]->settle();  // one after the other
    last_ = who;
    std::string text(line.substr(who));
    replace(text, "@record", [&] { return record_ = channels_.open(); });
    replace(text, "@private", [&] { return private_ = channels_.listed_for_users(); });
    replace(text, "@auth", [&] { return signature(server_.key(), client->socket_id(), text); });
    client->text(text);
  }

  void end() {
    for (auto& client : clients_)
      if (client) client->settle();
    // Collections answer later than a connection's actor: wait behind who came before.
    for (const auto& channel : {record_, private_})
      if (!channel.empty()) listen(channel);
    for (auto& client : clients_)
      if (client) client->leave();
  }

 private:
  template <class Value>
  static void replace(std::string& in, std::string_view mark, Value value) {
    const auto at = in.find(mark);
    if (at == std::string::npos) return;
    if (const std::optional<std::string> by = value()) in.replace(at, mark.size(), *by);
  }

  void listen(const std::string& channel) const {
    fuzz::websocket_client client(server_);
    const auto& [key, secret] = server_.key();
    client.subscribe(channel,
                     net::sign_channel(key, secret, client.socket_id(), channel).value_or(""));
    client.leave();
  }

  const fuzz::served& server_;
  record_channels& channels_;
  std::array<std::optional<fuzz::websocket_client>, 2> clients_;
  std::size_t last_ = 0;
  std::string record_;   // what @record stood for; empty: nothing
  std::string private_;  // the same of @private
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // Of the thread: CAF's own objects of the thread are gone before what is static.
  static thread_local const fuzz::served server;
  static thread_local record_channels channels(server);
  const fuzz::time_bound bound(size, fuzz::time_bound::of::process);
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  talk all(server, channels);
  while (!rest.empty()) {
    const auto end = std::min(rest.find('\n'), rest.size());
    all.say(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  all.end();
  return 0;
}
