#include "net/log.hpp"

#include "net/config.hpp"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>

namespace velo::net {

namespace {

constexpr std::string_view access_name = "access";

// Set once, before there is any other thread.
bool json_lines = false;

std::string json_text(std::string_view text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

// The message as a JSON string; what clients sent cannot break the line.
class json_message final : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm&,
              spdlog::memory_buf_t& out) override {
    const std::string_view text(message.payload.data(), message.payload.size());
    // Lines of the access log have their fields already.
    const auto members =
        message.logger_name == access_name ? std::string(text) : R"("message":)" + json_text(text);
    out.append(members.data(), members.data() + members.size());
  }
  [[nodiscard]] std::unique_ptr<custom_flag_formatter> clone() const override {
    return std::make_unique<json_message>();
  }
};

std::shared_ptr<spdlog::logger>& access_log() {
  static std::shared_ptr<spdlog::logger> log;
  return log;
}

}  // namespace

void set_up_log(const log_config& wanted) {
  auto log =
      std::make_shared<spdlog::logger>("velo", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  if (wanted.format == log_format::json) {
    auto formatter = std::make_unique<spdlog::pattern_formatter>();
    formatter->add_flag<json_message>('*').set_pattern(
        R"({"time":"%Y-%m-%dT%H:%M:%S.%e%z","level":"%l",%*})");
    log->set_formatter(std::move(formatter));
  } else {
    log->set_pattern("%Y-%m-%d %H:%M:%S.%e %l %v");
  }
  log->set_level(spdlog::level::from_str(wanted.level));
  log->flush_on(spdlog::level::info);
  json_lines = wanted.format == log_format::json;
  access_log() = log->clone(std::string(access_name));
  spdlog::set_default_logger(std::move(log));
}

void log_access(const access_entry& entry, bool wanted) {
  auto& log = access_log();
  const auto level = wanted ? spdlog::level::info : spdlog::level::debug;
  if (log == nullptr || !log->should_log(level)) return;
  const auto method = entry.method.empty() ? "-" : entry.method;
  const auto path = entry.path.empty() ? "-" : entry.path;
  if (json_lines) {
    log->log(level,
             R"("address":{},"method":{},"path":{},"status":{},"bytes":{},"microseconds":{},)"
             R"("request_id":{})",
             json_text(entry.address), json_text(method), json_text(path), entry.status,
             entry.bytes, entry.took.count(), json_text(entry.request_id));
  } else {
    log->log(level, "{} {} {} {} {}B {}us {}", entry.address, method, path, entry.status,
             entry.bytes, entry.took.count(), entry.request_id);
  }
}

}  // namespace velo::net
