#include "bench/velo_server.hpp"

#include <nlohmann/json.hpp>

#include <cstdlib>

#include "bench/error.hpp"

namespace velo::bench {
namespace {

constexpr std::string_view superuser_token = "bench-superuser-token-0123456789";

process_options command(const velo_options& options, const std::string& scratch) {
  return {.arguments = {options.program, "serve", "--host", "127.0.0.1", "--port", "0", "--threads",
                        std::to_string(options.threads), "--data", scratch + "/data"},
          .environment = {{"VELO_APP_ID", "bench"},
                          {"VELO_APP_KEY", std::string(velo_server::app_key)},
                          {"VELO_APP_SECRET", "bench-secret"},
                          {"VELO_SUPERUSER_TOKEN", std::string(superuser_token)}},
          .output_path = scratch + "/server.log",
          .cores = options.cores};
}

std::uint16_t port_of(const std::string& ready_line) {
  const auto port = std::strtoul(ready_line.c_str(), nullptr, 10);
  if (port == 0 || port > 65535) fail("the server's ready line names no port: '{}'", ready_line);
  return static_cast<std::uint16_t>(port);
}

}  // namespace

std::string filter_of(filter_kind kind, std::uint32_t index) {
  // The record has n = 0 and k = 100 + its class (record_template).
  switch (kind) {
    case filter_kind::none:
      return {};
    case filter_kind::own:
      return fmt::format("n != {}", index + 1);
    case filter_kind::one_percent:
      return fmt::format("k = {} AND n != {}", 100 + index % classes_of(kind), index + 1);
  }
  return {};
}

velo_server::velo_server(poller& poll, const velo_options& options)
    : scratch_(options.data_parent),
      process_(command(options, scratch_.path())),
      port_(port_of(
          process_.wait_for_line("velo ready on http://127.0.0.1:", std::chrono::seconds(20)))) {
  const nlohmann::json collection = {{"name", "bench"},
                                     {"type", "base"},
                                     {"rules", {{"list", ""}, {"view", ""}}},
                                     {"history", options.history},
                                     {"mirror", options.mirror}};
  http_call(poll, port_,
            http_request("POST", "/api/collections", superuser_token, collection.dump()),
            std::chrono::seconds(10));
}

std::vector<std::string> velo_server::subscribe(poller& poll, std::uint32_t count,
                                                filter_kind kind) const {
  std::vector<std::string> channels(count);
  http_run(
      poll, port_,
      {.count = count,
       .request =
           [&](std::size_t i) {
             nlohmann::json body = {{"collection", "bench"}};
             if (kind != filter_kind::none) {
               body["filter"] = filter_of(kind, static_cast<std::uint32_t>(i));
             }
             return http_request("POST", "/api/realtime/subscribe", {}, body.dump());
           },
       .on_response =
           [&](std::size_t i, const http_response& response) {
             const auto body = nlohmann::json::parse(response.body, nullptr, false);
             if (response.status != 200 || !body.is_object() || !body.contains("channel_name")) {
               fail("subscribe call {} was answered with {}: {}", i, response.status,
                    response.body);
             }
             channels[i] = body["channel_name"].get<std::string>();
           }});
  return channels;
}

http_publication velo_server::ingest(std::size_t record_bytes) {
  return {.target = "/api/realtime/changes",
          .token = std::string(superuser_token),
          .before_record = R"({"collection":"bench","action":"updated","record":)",
          .after_record = "}",
          .record_bytes = record_bytes};
}

http_publication velo_server::records(std::size_t record_bytes) {
  return {.target = "/api/collections/bench/records",
          .token = std::string(superuser_token),
          .before_record = {},
          .after_record = {},
          .record_bytes = record_bytes,
          .ids = 0};
}

send_count velo_server::sends(poller& poll) const {
  const auto text =
      http_call(poll, port_, http_request("GET", "/metrics", {}, {}), std::chrono::seconds(10));
  const auto value = [&text](const std::string& name) {
    const auto at = text.find("\n" + name + " ");
    return at == std::string::npos ? 0 : std::strtod(text.c_str() + at + name.size() + 2, nullptr);
  };
  return {value("velo_sends_total"), value("velo_deliveries_total")};
}

std::string velo_server::stop() {
  return process_.stop(std::chrono::seconds(6));
}

}  // namespace velo::bench
