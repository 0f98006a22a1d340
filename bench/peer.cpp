#include "bench/peer.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <fstream>
#include <thread>

#include "bench/clock.hpp"
#include "bench/error.hpp"
#include "bench/pusher_request.hpp"
#include "bench/stream_publisher.hpp"

namespace velo::bench {
namespace {

// Beside the sources: the packages of the real-client tests.
const std::string node_modules = VELO_SOURCE_DIR "/tests/clients/node_modules";
const std::string soketi_program = VELO_SOURCE_DIR "/tests/soketi/node_modules/.bin/soketi";
const std::string broadcast_script = VELO_SOURCE_DIR "/bench/ws_broadcast.mjs";
constexpr const char* nchan_module = "/usr/lib/nginx/modules/ngx_nchan_module.so";

struct place {
  std::string directory;
  std::uint16_t port = 0;          // of the WebSocket
  std::uint16_t publish_port = 0;  // where that is another
};

// Everything that differs between one server and the next.
struct kind {
  std::string name;
  std::string file;  // that is there when it is installed
  std::string install;
  std::string version_command;
  process_options (*start)(const place&, const peer_options&);
  greeting hello;
  std::unique_ptr<publisher> (*publish)(poller&, const place&, const peer_options&, std::size_t);
};

void write_file(const std::string& path, const std::string& text) {
  std::ofstream file(path);
  file << text;
  if (!file.flush()) fail("cannot write {}", path);
}

process_options command(const place& at, const peer_options& options,
                        std::vector<std::string> arguments,
                        std::vector<std::pair<std::string, std::string>> environment = {}) {
  return {.arguments = std::move(arguments),
          .environment = std::move(environment),
          .output_path = at.directory + "/peer.log",
          .cores = options.cores};
}

std::unique_ptr<publisher> publish_by_post(poller& poll, const place& at,
                                           const peer_options& options, std::size_t slots) {
  const http_publication how{.target = fmt::format("/pub?{}", class_channel),
                             .record_bytes = options.record_bytes,
                             .quote = '\''};
  return std::make_unique<http_publisher>(poll, at.publish_port, how, slots);
}

// -- a WebSocket server of npm's ws, in a dozen lines ---------------------------

process_options start_ws(const place& at, const peer_options& options) {
  return command(at, options, {"/usr/bin/env", "node", broadcast_script, std::to_string(at.port)},
                 {{"NODE_MODULES", node_modules}});
}

// -- nginx with the nchan module ----------------------------------------------

process_options start_nchan(const place& at, const peer_options& options) {
  // One process, no message kept: what Velo does for changes without history.
  write_file(
      at.directory + "/nginx.conf",
      fmt::format("load_module {};\ndaemon off;\nmaster_process off;\npid {}/pid;\n"
                  "error_log stderr error;\nevents {{ worker_connections {}; }}\n"
                  "http {{\n  access_log off;\n  keepalive_requests 100000000;\n"
                  "  client_body_temp_path {}/body;\n  nchan_shared_memory_size 512M;\n"
                  "  server {{\n    listen 127.0.0.1:{} backlog=4096;\n"
                  "    location = /sub {{ nchan_subscriber websocket; nchan_channel_id $args;\n"
                  "      nchan_subscriber_first_message newest; }}\n"
                  "    location = /pub {{ nchan_publisher; nchan_channel_id $args;\n"
                  "      nchan_store_messages off; }}\n  }}\n}}\n",
                  nchan_module, at.directory, options.connections + 1000, at.directory, at.port));
  return command(at, options, {"/usr/sbin/nginx", "-p", at.directory, "-c", "nginx.conf"});
}

// -- soketi ---------------------------------------------------------------------

process_options start_soketi(const place& at, const peer_options& options) {
  return command(at, options, {soketi_program, "start"},
                 {{"SOKETI_PORT", std::to_string(at.port)},
                  {"SOKETI_HOST", "127.0.0.1"},
                  {"SOKETI_METRICS_ENABLED", "0"},
                  {"SOKETI_DEFAULT_APP_ID", std::string(pusher_app_id)},
                  {"SOKETI_DEFAULT_APP_KEY", std::string(pusher_app_key)},
                  {"SOKETI_DEFAULT_APP_SECRET", std::string(pusher_app_secret)},
                  {"SOKETI_DEFAULT_APP_MAX_BACKEND_EVENTS_PER_SEC", "-1"},
                  {"SOKETI_DEFAULT_APP_MAX_CONNS", "-1"}});
}

std::unique_ptr<publisher> publish_by_pusher(poller& poll, const place& at,
                                             const peer_options& options, std::size_t slots) {
  const http_publication how{
      .before_record = fmt::format(R"({{"name":"e","channel":"{}","data":")", class_channel),
      .after_record = R"("})",
      .record_bytes = options.record_bytes,
      .quote = '\'',
      .complete = pusher_request};
  return std::make_unique<http_publisher>(poll, at.publish_port, how, slots);
}

// -- NATS -------------------------------------------------------------------------

process_options start_nats(const place& at, const peer_options& options) {
  write_file(at.directory + "/nats.conf",
             fmt::format("host: 127.0.0.1\nport: {}\nmax_connections: {}\n"
                         "websocket {{ host: 127.0.0.1, port: {}, no_tls: true }}\n",
                         at.publish_port, options.connections + 1000, at.port));
  return command(at, options, {"/usr/sbin/nats-server", "-c", at.directory + "/nats.conf"},
                 {{"GOMAXPROCS", std::to_string(std::max<std::size_t>(1, options.cores.size()))}});
}

std::unique_ptr<publisher> publish_by_nats(poller& poll, const place& at,
                                           const peer_options& options, std::size_t slots) {
  return std::make_unique<stream_publisher>(
      poll, at.publish_port,
      stream_publication{
          .greeting = "CONNECT {\"verbose\":false,\"pedantic\":false}\r\n",
          .before_record = fmt::format("PUB {} {}\r\n", class_channel, options.record_bytes),
          .after_record = "\r\n",
          .record_bytes = options.record_bytes},
      slots);
}

// -- MQTT ---------------------------------------------------------------------------

process_options start_mosquitto(const place& at, const peer_options& options) {
  write_file(at.directory + "/mosquitto.conf",
             fmt::format("per_listener_settings false\nallow_anonymous true\npersistence false\n"
                         "max_queued_messages 0\nset_tcp_nodelay true\nlog_type error\n"
                         "listener {} 127.0.0.1\nlistener {} 127.0.0.1\nprotocol websockets\n",
                         at.publish_port, at.port));
  return command(at, options, {"/usr/sbin/mosquitto", "-c", at.directory + "/mosquitto.conf"});
}

std::unique_ptr<publisher> publish_by_mqtt(poller& poll, const place& at,
                                           const peer_options& options, std::size_t slots) {
  return std::make_unique<stream_publisher>(
      poll, at.publish_port,
      stream_publication{.greeting = mqtt_connect(),
                         .before_record = mqtt_publish_head(class_channel, options.record_bytes),
                         .after_record = {},
                         .record_bytes = options.record_bytes},
      slots);
}

const std::vector<kind>& kinds() {
  static const std::vector<kind> all{
      {"ws",
       node_modules + "/ws/package.json",
       "./dev test once (npm ci in tests/clients)",
       "node -p '\"npm ws \" + require(\"" + node_modules +
           "/ws/package.json\").version + \", node \" + process.versions.node'",
       start_ws,
       {protocol::bare, "/sub?"},
       publish_by_post},
      {"nchan",
       nchan_module,
       "apt-get install libnginx-mod-nchan",
       "dpkg-query -W -f 'nchan ${Version}' libnginx-mod-nchan",
       start_nchan,
       {protocol::bare, "/sub?"},
       publish_by_post},
      {"soketi",
       soketi_program,
       "npm ci in tests/soketi",
       "node -p '\"soketi \" + require(\"" VELO_SOURCE_DIR
       "/tests/soketi/node_modules/@soketi/soketi/package.json\").version'",
       start_soketi,
       {protocol::pusher, fmt::format("/app/{}?protocol=7", pusher_app_key)},
       publish_by_pusher},
      {"nats",
       "/usr/sbin/nats-server",
       "apt-get install nats-server",
       "dpkg-query -W -f 'nats-server ${Version}' nats-server",
       start_nats,
       {protocol::nats, "/"},
       publish_by_nats},
      {"mosquitto",
       "/usr/sbin/mosquitto",
       "apt-get install mosquitto",
       "dpkg-query -W -f 'mosquitto ${Version}' mosquitto",
       start_mosquitto,
       {protocol::mqtt, "/mqtt"},
       publish_by_mqtt}};
  return all;
}

const kind& kind_named(const std::string& name) {
  const auto at = std::ranges::find_if(kinds(), [&](const kind& k) { return k.name == name; });
  if (at == kinds().end()) fail("there is no peer named {}", name);
  return *at;
}

std::uint16_t free_port() {
  std::uint16_t port = 0;
  const auto closed_again = listen_loopback(port);
  return port;
}

bool accepts(std::uint16_t port) {
  const auto fd = start_connect(port);
  std::this_thread::sleep_for(1ms);  // loopback decides at once; a miss is tried again
  int error = 0;
  socklen_t size = sizeof error;
  sockaddr_storage name{};
  socklen_t name_size = sizeof name;
  return ::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0 &&
         ::getpeername(fd.get(), reinterpret_cast<sockaddr*>(&name), &name_size) == 0;
}

class running_peer final : public peer {
 public:
  explicit running_peer(const peer_options& options)
      : options_(options),
        kind_(kind_named(options.name)),
        scratch_(options.data_parent),
        at_(place_for(kind_, scratch_.path())),
        process_(kind_.start(at_, options)) {
    for (const deadline end{20s}; !accepts(at_.port) || !accepts(at_.publish_port);) {
      if (end.passed() || !process_.running()) {
        fail("{} did not come up. Its output:\n{}", options.name, process_.output_tail());
      }
      std::this_thread::sleep_for(20ms);
    }
  }

  child_process& process() override { return process_; }
  [[nodiscard]] std::uint16_t port() const override { return at_.port; }
  [[nodiscard]] greeting hello() const override { return kind_.hello; }
  std::unique_ptr<publisher> publish(poller& poll, std::size_t slots) override {
    return kind_.publish(poll, at_, options_, slots);
  }

 private:
  static place place_for(const kind& k, const std::string& directory) {
    place at{directory, free_port(), 0};
    const bool two = k.hello.speaks == protocol::nats || k.hello.speaks == protocol::mqtt;
    at.publish_port = two ? free_port() : at.port;
    return at;
  }

  const peer_options options_;
  const kind& kind_;
  scratch_directory scratch_;
  place at_;
  child_process process_;
};

}  // namespace

const std::vector<std::string>& peer_names() {
  static const auto names = [] {
    std::vector<std::string> all;
    for (const auto& k : kinds()) all.push_back(k.name);
    return all;
  }();
  return names;
}

bool peer_installed(const std::string& name, std::string& how) {
  const auto& k = kind_named(name);
  how = k.install;
  return ::access(k.file.c_str(), R_OK) == 0;
}

std::string peer_version(const std::string& name) {
  const auto close = [](FILE* pipe) { ::pclose(pipe); };
  const std::unique_ptr<FILE, decltype(close)> pipe(
      ::popen((kind_named(name).version_command + " 2>/dev/null").c_str(), "r"), close);
  std::array<char, 200> line{};
  if (!pipe || std::fgets(line.data(), line.size(), pipe.get()) == nullptr) return name;
  std::string text(line.data());
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

std::unique_ptr<peer> start_peer(const peer_options& options) {
  return std::make_unique<running_peer>(options);
}

}  // namespace velo::bench
