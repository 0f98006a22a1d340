// A world with plain channels, clients that write down their frames, and an
// application that publishes to them and hears of them.

#pragma once

#include "tests/actors/support/world.hpp"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace velo::actors {

/// A client and what it was sent.
struct plain_client : client {
  /// Takes the frames that came since, one word each: the event without its
  /// `pusher:` or `pusher_internal:`, and whom or what it is about after a colon.
  std::string news() {
    std::string out;
    for (const auto& frame : std::exchange(session->frames, {})) {
      if (!out.empty()) out += ' ';
      auto name = frame.at("event").get<std::string>();
      if (const auto colon = name.find(':'); colon != std::string::npos) name.erase(0, colon + 1);
      out += name;
      if (const auto about = subject(frame); !about.empty()) out += ':' + about;
    }
    for (const auto& h : std::exchange(session->log, {})) {
      if (!out.empty()) out += ' ';
      out += h.what + ':' + std::to_string(h.status);
    }
    return out;
  }

  /// `data` as a client reads it.
  static json data_of(const json& frame) {
    const auto data = frame.value("data", json());
    if (!data.is_string()) return data;
    const auto text = data.get<std::string>();
    const auto parsed = json::parse(text, nullptr, false);
    return parsed.is_discarded() ? json(text) : parsed;
  }

 private:
  static std::string subject(const json& frame) {
    const auto data = data_of(frame);
    if (!data.is_object()) return data.is_null() ? std::string() : data.dump();
    for (const char* key : {"user_id", "subscription_count", "code"}) {
      if (data.contains(key))
        return data[key].is_string() ? data[key].get<std::string>() : data[key].dump();
    }
    return data.contains("presence") ? data["presence"]["ids"].dump() : std::string();
  }
};

struct channel_world : world {
  explicit channel_world(const channel_options& wanted = {}, bool counts = false) {
    app_options first;
    first.id = "app";
    first.subscription_count = counts;
    // Clients leave when the world ends, after this object's own members.
    first.webhooks = system->spawn([log = heard_]() -> webhook_actor::behavior_type {
      return {[log](const webhook_event_ptr& e) { log->push_back(*e); }};
    });
    app_options second;
    second.id = "other";
    second.client_events = false;
    open_channels({first, second}, wanted);
    app = channels.find_app("app");
    other = channels.find_app("other");
  }

  plain_client connect(const std::string& to = "app") { return {world::connect(to)}; }

  void join(const client& c, const std::string& channel,
            std::optional<channel_member> member = std::nullopt) {
    caf::anon_send(c.actor, client_join_ptr{std::make_shared<const client_join>(
                                client_join{channel, std::move(member)})});
    settle();
  }
  void join_as(const client& c, const std::string& channel, const std::string& user) {
    join(c, channel, channel_member{user, json{{"name", user}}.dump()});
  }
  void leave(const client& c, const std::string& channel) {
    caf::anon_send(c.actor, client_unsubscribe{channel});
    settle();
  }
  void begin_whisper(const client& c, const std::string& channel, const std::string& data = "{}",
                     const std::string& event = "client-typing") {
    caf::anon_send(
        c.actor,
        client_event_ptr{std::make_shared<const client_event>(client_event{channel, event, data})});
  }
  void whisper(const client& c, const std::string& channel, const std::string& data = "{}",
               const std::string& event = "client-typing") {
    begin_whisper(c, channel, data, event);
    settle();
  }
  void sign_in(const client& c, const std::string& user, std::vector<std::string> watchlist = {}) {
    caf::anon_send(c.actor,
                   client_signin_ptr{std::make_shared<const client_signin>(client_signin{
                       {user, "null"}, std::move(watchlist), false, R"({"id":")" + user + "\"}"})});
    settle();
  }

  publish_answer publish(publish_request what) {
    if (what.app == nullptr) what.app = app;
    return gather<publish_answer>([&](then<publish_answer> done) {
      actors::publish(asker(), channels, std::move(what), std::move(done));
    });
  }
  publish_answer publish(const std::string& channel, const std::string& data,
                         const std::string& except = {}) {
    return publish({app, "e", data, {channel}, except, {true, true}});
  }
  template <class Answer, class Question>
  Answer question(Question what) {
    if (what.app == nullptr) what.app = app;
    return gather<Answer>([&](then<Answer> done) {
      actors::ask(asker(), channels, std::move(what), std::move(done));
    });
  }
  channel_info info(const std::string& channel) {
    return question<channel_info>(channel_query{app, channel});
  }

  /// Takes what webhooks heard since: `name:channel` and the user, one word each.
  std::string hooks() {
    std::string out;
    for (const auto& e : std::exchange(*heard_, {})) {
      if (!out.empty()) out += ' ';
      out +=
          std::string(webhook_event_names.at(static_cast<std::size_t>(e.kind))) + ':' + e.channel;
      if (!e.user_id.empty()) out += ':' + e.user_id;
      if (e.subscription_count != 0) out += ':' + std::to_string(e.subscription_count);
    }
    return out;
  }

  app_ref app = nullptr, other = nullptr;
  [[nodiscard]] const std::vector<webhook_event>& heard() const { return *heard_; }

 private:
  std::shared_ptr<std::vector<webhook_event>> heard_ =
      std::make_shared<std::vector<webhook_event>>();

  template <class Answer, class Ask>
  Answer gather(Ask ask) {
    std::optional<Answer> answer;
    ask([&answer](const outcome<Answer>& a) {
      REQUIRE(a);
      answer = *a;
    });
    settle();
    REQUIRE(answer);
    return *answer;
  }
};

}  // namespace velo::actors
