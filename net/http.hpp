// HTTP as endpoints see it: a request comes in whole, one response goes out,
// now or later. Sockets, parsing and framing are http_session's; bodies are read
// with http_body.hpp.

#pragma once

#include "actors/failure.hpp"
#include "net/url.hpp"

#include <boost/beast/http/fields.hpp>
#include <nlohmann/json.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace velo::net {

class reactor;

/// One request, read completely. Percent-encoding is undone exactly once, and
/// what it gave is valid UTF-8 without NUL.
struct request {
  std::string method;  ///< As sent: "HEAD" also where the handler is that of GET.
  std::string path;    ///< Decoded, without the mount prefix. A %2F shows as a slash here only.
  parameters params;   ///< What the route's {names} matched, decoded.
  parameters query_parameters;
  boost::beast::http::fields headers;
  std::string body;
  std::string content_type;    ///< Lower-case, without parameters; empty where none was sent.
  std::string remote_address;  ///< The client's, without port; `unix` over a Unix socket.
  bool local = false;          ///< It comes from this machine, and nothing has forwarded it.
  std::string id;              ///< What X-Request-Id answers.
  std::string raw_target;      ///< The request line's: prefix, encoding and query as sent.
  std::int64_t began = 0;      ///< When its head was complete: nanoseconds of the steady clock.
  reactor* loop = nullptr;     ///< On whose thread the handler runs and may be answered.

  /// The value of the route's {name}; empty where the route has no such name.
  [[nodiscard]] const std::string& param(std::string_view name) const;
  /// The last value of `name` in the query string.
  [[nodiscard]] std::optional<std::string> query(std::string_view name) const;
  /// The first value of a header, whatever its name's case; empty where absent.
  [[nodiscard]] std::string_view header(std::string_view name) const;
  /// `T` of `Authorization: Bearer T`. Nothing without such a header; an empty
  /// text, which is nobody's token, for one of another form.
  [[nodiscard]] std::optional<std::string> bearer_token() const;
  /// The target up to its query, as sent: what Pusher clients sign.
  [[nodiscard]] std::string_view raw_path() const;
};

struct response {
  unsigned status = 200;
  std::string body{};
  std::string content_type = "application/json";  ///< Sent where there is a body.
  std::vector<std::pair<std::string, std::string>> headers{};
};

[[nodiscard]] response json_response(unsigned status, const nlohmann::json& body);
/// `{"data": ...}`.
[[nodiscard]] response data_response(unsigned status, const nlohmann::json& data);
/// `{"message", "errors"}` with the status of HTTP_API.md for this kind of failure.
[[nodiscard]] response error_response(const actors::failure& why);
/// `{"message"}`.
[[nodiscard]] response error_response(unsigned status, std::string_view message);
/// 204.
[[nodiscard]] response no_content();

/// The status that HTTP_API.md gives to a kind of failure.
[[nodiscard]] unsigned status_of(actors::failure_kind kind);

/// So that a `result<T, response>` can throw where its value is taken unseen.
[[noreturn]] void throw_exception_from_error(const response& r, const boost::source_location&);

/// Answers one request, once: of all copies the first call counts. Calls belong
/// on the thread of `request::loop`; no handler runs inside of one. Where the
/// client is gone it does nothing. Dropping the last copy unanswered answers
/// 500, so that no client waits for ever; that may happen on any thread.
class respond {
 public:
  respond() = default;

  /// `Sink` is called with a `response&&`, at most once.
  template <class Sink>
  requires std::is_invocable_v<Sink&, response&&>
  explicit respond(Sink sink) : state_(std::make_shared<state_of<Sink>>(std::move(sink))) {}

  void operator()(response answer) const {
    if (state_ != nullptr) state_->answer(std::move(answer));
  }

 private:
  struct state {
    state() = default;
    state(const state&) = delete;
    state& operator=(const state&) = delete;
    virtual ~state() = default;
    virtual void answer(response&& answer) = 0;
  };

  template <class Sink>
  struct state_of final : state {
    explicit state_of(Sink s) : sink(std::move(s)) {}
    ~state_of() override {
      if (!answered) sink(error_response(500, "The request was not answered."));
    }
    void answer(response&& answer) override {
      if (!std::exchange(answered, true)) sink(std::move(answer));
    }

    Sink sink;
    bool answered = false;
  };

  std::shared_ptr<state> state_;
};

/// Runs on the thread of the connection's loop. An exception is answered with 500.
using handler = std::function<void(request&&, respond)>;

}  // namespace velo::net
