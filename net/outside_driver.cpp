#include "net/outside_driver.hpp"

#include "actors/event_body.hpp"
#include "net/app.hpp"
#include "net/request_signature.hpp"

#include <spdlog/spdlog.h>
#include <caf/send.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

namespace velo::net {

namespace {

using nlohmann::json;

constexpr std::size_t logged_bytes_max = 500;  // of an answer
constexpr auto overflow_log_interval = std::chrono::seconds{10};

void put_event(std::string& out, const outgoing_event& event) {
  out.append(R"("name":")").append(actors::escape_json(event.name));
  out.append(R"(","data":")").append(event.data).append("\"");
  if (!event.socket_id.empty())
    out.append(R"(,"socket_id":")").append(actors::escape_json(event.socket_id)).append("\"");
}

// Whether a second try may be answered otherwise.
bool may_pass(unsigned status) {
  return status == 0 || status == 429 || status >= 500;
}

}  // namespace

std::string within_limit(const std::string& data, std::size_t bytes_max) {
  // Escaping only adds.
  if (data.size() <= bytes_max) return data;
  const actors::event whole{{}, data, 0};
  const auto text = actors::payload(whole);
  if (text.size() <= bytes_max) return data;
  const auto full = json::parse(text, nullptr, false);
  json thin = json::object();
  if (full.is_object()) {
    // Where it is in the order is what a client needs to fetch the rest.
    for (const auto* key : {"action", "sequence", "epoch", "last"})
      if (full.contains(key)) thin[key] = full[key];
    const auto record = full.find("record");
    if (record != full.end() && record->contains("id")) thin["record"]["id"] = (*record)["id"];
  }
  thin["truncated"] = true;
  return actors::escape_json(thin.dump());
}

std::string body_of(const outgoing_call& call) {
  std::string out = "{";
  if (call.is_one_event()) {
    put_event(out, *call.parts.front().event);
    out += R"(,"channels":[)";
    for (const auto& part : call.parts) {
      for (const auto& channel : part.channels) {
        if (out.back() != '[') out += ',';
        out.append("\"").append(channel).append("\"");
      }
    }
    return out + "]}";
  }
  out += R"("batch":[)";
  for (const auto& part : call.parts) {
    for (const auto& channel : part.channels) {
      if (out.back() != '[') out += ',';
      out.append(R"({"channel":")").append(channel).append("\",");
      put_event(out, *part.event);
      out += '}';
    }
  }
  return out + "]}";
}

outside_driver_behavior::outside_driver_behavior(caf::actor_config& config,
                                                 const driver_config& settings, http_client& client,
                                                 driver_counters& counters)
    : outside_driver_actor::base(config),
      settings_(settings),
      client_(client),
      counters_(counters),
      lanes_({settings.connections, settings.queue_events, settings.queue_bytes,
              settings.drop_oldest}),
      random_(std::random_device{}()) {}

outside_driver_behavior::behavior_type outside_driver_behavior::make_behavior() {
  return {
      [this](const actors::matched_event_ptr& e) { take(*e); },
      [this](actors::flush) {
        auto promise = make_response_promise<actors::ack>();
        flushes_.emplace_back(lanes_.last(), promise);
        answer_flushes();
        return promise;
      },
      [this](const call_answered& answer) { answered(answer); },
      [this](const try_again& again) { try_call(again.call); },
  };
}

void outside_driver_behavior::on_exit() {
  if (lanes_.events() > 0)
    spdlog::warn("driver {}: {} deliveries were not sent", settings_.name, lanes_.events());
  for (auto& [number, promise] : flushes_) promise.deliver(actors::ack{});
  flushes_.clear();
}

void outside_driver_behavior::take(const actors::matched_event& e) {
  ++counters_.events;
  counters_.deliveries += e.channels.size();
  const auto data = within_limit(e.what->data, settings_.event_bytes);
  if (data != e.what->data) ++counters_.truncated;
  put_in_line(e, data, true);
  put_in_line(e, data, false);
  send_what_may_go();
}

void outside_driver_behavior::put_in_line(const actors::matched_event& e, const std::string& data,
                                          bool leaves_origin_out) {
  std::vector<std::string> channels;
  for (const auto& c : e.channels)
    if (c.leaves_origin_out == leaves_origin_out) channels.push_back(c.name);
  outgoing_event event;
  event.name = e.what->name;
  event.data = data;
  if (leaves_origin_out) event.socket_id = e.socket_id;
  if (const auto dropped = lanes_.add(std::move(event), std::move(channels)); dropped > 0)
    note_overflow(dropped);
}

void outside_driver_behavior::note_overflow(std::size_t deliveries) {
  counters_.overflowed += deliveries;
  overflow_unlogged_ += deliveries;
  const auto now = clock::now();
  if (now - overflow_logged_ < overflow_log_interval) return;
  overflow_logged_ = now;
  spdlog::error("driver {}: the queue is full, {} deliveries were dropped", settings_.name,
                std::exchange(overflow_unlogged_, 0));
}

void outside_driver_behavior::send_what_may_go() {
  while (auto call = lanes_.next()) {
    const auto number = ++last_call_;
    auto& c = calls_[number];
    c.what = std::move(*call);
    c.path = "/apps/" + settings_.app_id + (c.what.is_one_event() ? "/events" : "/batch_events");
    c.body = body_of(c.what);
    c.first_try = clock::now();
    try_call(number);
  }
  counters_.waiting = lanes_.events();
  counters_.waiting_bytes = lanes_.bytes();
}

void outside_driver_behavior::try_call(std::uint64_t number) {
  auto& c = calls_.at(number);
  ++c.tries;
  ++counters_.calls;
  if (c.tries > 1) ++counters_.retries;
  // Signed anew with each try, since a signature grows old.
  const auto now = std::chrono::duration_cast<std::chrono::seconds>(
      std::chrono::system_clock::now().time_since_epoch());
  const auto query =
      signed_query({settings_.key, settings_.secret}, "POST", c.path, {}, c.body, now);
  http_call call;
  call.to = {settings_.tls, settings_.host, settings_.port, settings_.path + c.path + "?" + query};
  call.headers = {{"Content-Type", "application/json"}, {"Accept", "application/json"}};
  call.body = c.body;
  call.timeout = settings_.timeout;
  client_.send(std::move(call),
               [self = caf::actor_cast<outside_driver_actor>(this), number](http_outcome o) {
                 call_answered answer{number, 0, {}};
                 if (o) {
                   answer.status = o->status;
                   answer.text = std::move(o->body);
                 } else {
                   answer.text = o.error().sentence;
                 }
                 caf::anon_send(self, std::move(answer));
               });
}

std::chrono::milliseconds outside_driver_behavior::pause_after(unsigned tries) {
  auto pause = settings_.retry_first;
  for (unsigned i = 1; i < tries && pause < settings_.retry_max; ++i) pause *= 2;
  pause = std::min(pause, settings_.retry_max);
  // Many who failed together do not come back together.
  const auto half = pause.count() / 2;
  return std::chrono::milliseconds{half +
                                   std::uniform_int_distribution<std::int64_t>(0, half)(random_)};
}

void outside_driver_behavior::answered(const call_answered& answer) {
  const auto at = calls_.find(answer.call);
  if (at == calls_.end()) return;
  const auto& c = at->second;
  const auto deliveries = c.what.deliveries();
  const auto said = answer.status == 0 ? answer.text
                                       : "status " + std::to_string(answer.status) + ": " +
                                             answer.text.substr(0, logged_bytes_max);
  if (answer.status >= 200 && answer.status < 300) {
    counters_.sent += deliveries;
  } else if (!may_pass(answer.status)) {
    counters_.refused += deliveries;
    spdlog::error("driver {}: refused {} deliveries, {}", settings_.name, deliveries, said);
  } else {
    const auto pause = pause_after(c.tries);
    if (clock::now() + pause - c.first_try < settings_.retry_time) {
      if (c.tries == 1)
        spdlog::warn("driver {}: a call failed and is tried again, {}", settings_.name, said);
      return delayed_send(caf::actor_cast<outside_driver_actor>(this), pause,
                          try_again{answer.call});
    }
    counters_.given_up += deliveries;
    spdlog::error("driver {}: gave up {} deliveries after {} tries, {}", settings_.name, deliveries,
                  c.tries, said);
  }
  finish(answer.call);
}

void outside_driver_behavior::finish(std::uint64_t number) {
  const auto call = calls_.extract(number);
  lanes_.done(call.mapped().what);
  send_what_may_go();
  answer_flushes();
}

void outside_driver_behavior::answer_flushes() {
  while (!flushes_.empty() && flushes_.front().first < lanes_.oldest_unsettled()) {
    flushes_.front().second.deliver(actors::ack{});
    flushes_.pop_front();
  }
}

}  // namespace velo::net
