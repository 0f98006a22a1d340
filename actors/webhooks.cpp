#include "actors/webhooks.hpp"

#include "actors/time_text.hpp"
#include "actors/webhook_text.hpp"

#include <spdlog/spdlog.h>
#include <caf/send.hpp>

#include <algorithm>
#include <utility>

namespace velo::actors {

namespace {

constexpr std::size_t batch_events_max = 100;
constexpr std::size_t batch_bytes_max = 256U << 10U;
constexpr auto retry_pause_max = std::chrono::minutes{1};
constexpr unsigned doublings_max = 16;
constexpr std::uint64_t dropped_per_warning = 1'000;
// Channels and members that are remembered over a crash; beyond, nobody hears that they left.
constexpr std::size_t present_max = 100'000;
// After a crash, stock clients are back within this, unless they are gone.
constexpr std::chrono::milliseconds return_time = std::chrono::seconds{10};

// What ends what this event begins, or what this one ends itself; nothing for the others.
std::optional<webhook_event_kind> end_of(webhook_event_kind kind) {
  using enum webhook_event_kind;
  if (kind == channel_occupied || kind == channel_vacated) return channel_vacated;
  if (kind == member_added || kind == member_removed) return member_removed;
  return std::nullopt;
}

std::string key_of(const webhook_event& end) {
  return std::to_string(static_cast<int>(end.kind)) + end.channel + '\n' + end.user_id;
}

// A log holds no query: it may be the receiver's secret.
std::string_view shown(std::string_view url) {
  return url.substr(0, url.find('?'));
}

std::string_view as_text(std::uint64_t dropped) {
  return dropped == 1 ? "event was" : "events were";
}

}  // namespace

bool webhook_target::wants(const webhook_event& e) const {
  return e.channel.starts_with(channel_prefix) &&
         (events.empty() || std::find(events.begin(), events.end(), e.kind) != events.end());
}

webhook_behavior::webhook_behavior(caf::actor_config& config, webhook_options options,
                                   store_actor store, const storage::database& database,
                                   webhook_transport& transport)
    : webhook_queue_actor::base(config),
      options_(std::move(options)),
      store_(std::move(store)),
      database_(database),
      transport_(transport),
      order_(options_.delay),
      targets_(options_.targets.size()) {}

webhook_behavior::behavior_type webhook_behavior::make_behavior() {
  load();
  return {
      [this](const webhook_event_ptr& e) {
        take(e);
        release();
        save();
      },
      [this](webhook_tick) {
        wake_.reset();
        release();
        save();
        for (std::size_t i = 0; i < targets_.size(); ++i) send_next(i);
      },
      [this](const webhook_answered& answer) { answered(answer); },
      [this](flush) {
        auto promise = make_response_promise<ack>();
        flushing_.push_back(promise);
        save();
        return promise;
      },
  };
}

webhook_behavior::time_point webhook_behavior::now() {
  return clock().now();
}

bool webhook_behavior::wanted(const webhook_event& e) const {
  return std::any_of(options_.targets.begin(), options_.targets.end(),
                     [&](const webhook_target& t) { return t.wants(e); });
}

// What a former run left: certain events wait to be sent, the others once more
// for whoever returns.
void webhook_behavior::load() {
  auto transaction = database_.begin_read();
  if (!transaction) return spdlog::error("storage: {}", transaction.error().message());
  std::size_t unknown = 0;
  const auto read = database_.webhooks.for_each(
      *transaction, options_.app_id, [&](storage::webhook_entry&& entry) {
        last_number_ = entry.number;
        const auto target = std::find_if(options_.targets.begin(), options_.targets.end(),
                                         [&](const auto& t) { return t.key == entry.target; });
        if (target != options_.targets.end()) {
          put_in_line(static_cast<std::size_t>(target - options_.targets.begin()),
                      {entry.number, std::move(entry.event)});
        } else if (auto e =
                       entry.target.empty() ? parse_webhook_event(entry.event) : std::nullopt) {
          order_.add(std::make_shared<const webhook_event>(std::move(*e)), entry.number, now(),
                     false);
        } else {
          unsaved_.erase.push_back(entry.number);
          ++unknown;
        }
        return true;
      });
  if (!read) spdlog::error("storage: {}", read.error().message());
  load_present();
  if (unknown > 0)
    spdlog::warn("webhooks of app {}: {} events are for a URL that is no longer configured",
                 options_.app_id, unknown);
  wake_at(now());
}

// Who was there when a former run ended without a word has left, unless it comes back.
void webhook_behavior::load_present() {
  auto transaction = database_.begin_read();
  if (!transaction) return;
  std::vector<webhook_event_ptr> ends;
  const auto read =
      database_.webhooks.for_each(*transaction, present_key(), [&](storage::webhook_entry&& entry) {
        last_number_ = std::max(last_number_, entry.number);
        auto e = parse_webhook_event(entry.event);
        if (e && wanted(*e)) {
          e->time_ms = now_ms();
          present_.emplace(key_of(*e), entry.number);
          ends.push_back(std::make_shared<const webhook_event>(std::move(*e)));
        } else {
          unsaved_present_.erase.push_back(entry.number);
        }
        return true;
      });
  if (!read) spdlog::error("storage: {}", read.error().message());
  // Members leave before their channel is empty.
  std::stable_partition(ends.begin(), ends.end(), [](const auto& e) {
    return e->kind == webhook_event_kind::member_removed;
  });
  // What is kept of them is that they are present, until it is certain that they are not.
  for (auto& e : ends) order_.add(std::move(e), 0, now(), false, return_time);
}

// Before its end is held back or told: that it is over is known from there on.
void webhook_behavior::note_present(const webhook_event& e) {
  const auto end = end_of(e.kind);
  if (!end) return;
  webhook_event gone;
  gone.kind = *end;
  gone.channel = e.channel;
  gone.user_id = e.user_id;
  if (e.kind == *end) return no_longer_present(gone);
  if (!wanted(gone) || present_.size() >= present_max) return;
  if (!present_.emplace(key_of(gone), last_number_ + 1).second) return;
  unsaved_present_.put.push_back({++last_number_, {}, e.channel, to_json_text(gone)});
}

void webhook_behavior::no_longer_present(const webhook_event& gone) {
  const auto at = present_.find(key_of(gone));
  if (at == present_.end()) return;
  unsaved_present_.erase.push_back(at->second);
  present_.erase(at);
}

void webhook_behavior::take(const webhook_event_ptr& e) {
  note_present(*e);
  if (const auto number = order_.take_back(*e)) {
    if (*number != 0) unsaved_.erase.push_back(*number);
    return;
  }
  if (!wanted(*e)) return;
  if (!order_.waits(*e)) return tell(*e);
  // Held back it must survive a restart as well.
  const auto number = ++last_number_;
  unsaved_.put.push_back({number, {}, e->channel, to_json_text(*e)});
  order_.add(e, number, now(), order_.size() >= options_.events_max);
}

void webhook_behavior::release() {
  for (const auto& held : order_.release(now())) {
    if (held.number != 0)
      unsaved_.erase.push_back(held.number);
    else
      no_longer_present(*held.what);
    tell(*held.what);
  }
  if (const auto due = order_.next_due()) wake_at(*due);
}

// It is certain: for each target that wants it.
void webhook_behavior::tell(const webhook_event& e) {
  const auto text = to_json_text(e);
  for (const auto& target : options_.targets) {
    if (target.wants(e)) unsaved_.put.push_back({++last_number_, target.key, {}, text});
  }
}

// -- on disk -------------------------------------------------------------------

// One change at a time: what comes meanwhile shares the next.
void webhook_behavior::save() {
  if (saving_) return;
  if (unsaved_.put.empty() && unsaved_.erase.empty()) {
    save_present();
    if (saving_present_) return;
    for (auto& promise : flushing_) promise.deliver(ack{});
    flushing_.clear();
    return;
  }
  saving_ = true;
  unsaved_.app_id = options_.app_id;
  const auto change =
      std::make_shared<const webhook_change>(std::exchange(unsaved_, webhook_change{}));
  request(store_, caf::infinite, webhook_change_ptr{change})
      .then([this, change](ack) { saved(*change); },
            [this, change](const caf::error&) {
              // Told all the same: what cannot be kept can still be sent.
              spdlog::error("webhooks of app {}: events could not be stored", options_.app_id);
              saved(*change);
            });
}

// Behind the events themselves, so that an end is never forgotten before it is kept.
void webhook_behavior::save_present() {
  if (saving_present_ || (unsaved_present_.put.empty() && unsaved_present_.erase.empty())) return;
  saving_present_ = true;
  unsaved_present_.app_id = present_key();
  const auto done = [this] {
    saving_present_ = false;
    save();
  };
  request(store_, caf::infinite,
          webhook_change_ptr{std::make_shared<const webhook_change>(
              std::exchange(unsaved_present_, webhook_change{}))})
      .then([done](ack) { done(); },
            [this, done](const caf::error&) {
              spdlog::error("webhooks of app {}: who is present could not be stored",
                            options_.app_id);
              done();
            });
}

void webhook_behavior::saved(const webhook_change& change) {
  saving_ = false;
  for (const auto& entry : change.put) {
    const auto target = std::find_if(options_.targets.begin(), options_.targets.end(),
                                     [&](const auto& t) { return t.key == entry.target; });
    if (target == options_.targets.end()) continue;  // Held back.
    put_in_line(static_cast<std::size_t>(target - options_.targets.begin()),
                {entry.number, entry.event});
  }
  for (std::size_t i = 0; i < targets_.size(); ++i) send_next(i);
  save();
}

void webhook_behavior::put_in_line(std::size_t target, ready_event e) {
  auto& t = targets_[target];
  t.queue.push_back(std::move(e));
  if (t.queue.size() <= options_.events_max || t.queue.size() <= t.sending + 1) return;
  const auto oldest = t.queue.begin() + static_cast<std::ptrdiff_t>(t.sending);
  unsaved_.erase.push_back(oldest->number);
  t.queue.erase(oldest);
  if (t.dropped++ % dropped_per_warning == 0)
    spdlog::warn("webhooks of app {}: more than {} events wait for {}; {} {} dropped",
                 options_.app_id, options_.events_max, shown(options_.targets[target].key),
                 t.dropped, as_text(t.dropped));
}

// -- to the outside --------------------------------------------------------------

void webhook_behavior::send_next(std::size_t target) {
  auto& t = targets_[target];
  if (t.asked) return;
  if (t.sending == 0) {
    if (t.queue.empty()) return;
    t.body = R"({"time_ms":)" + std::to_string(now_ms()) + R"(,"events":[)";
    for (const auto& e : t.queue) {
      if (t.sending > 0 &&
          (t.sending >= batch_events_max || t.body.size() + e.event.size() > batch_bytes_max))
        break;
      if (t.sending++ > 0) t.body += ',';
      t.body += e.event;
    }
    t.body += "]}";
    t.tries = 0;
    t.first_try = t.next_try = now();
  }
  if (now() >= t.next_try)
    try_request(target);
  else
    wake_at(t.next_try);
}

void webhook_behavior::try_request(std::size_t target) {
  auto& t = targets_[target];
  t.asked = true;
  ++t.tries;
  const auto attempt = ++t.attempt;
  transport_.post(
      options_.app_id, target, t.body,
      [self = caf::actor_cast<webhook_queue_actor>(this), target, attempt](std::string why_not) {
        caf::anon_send(self, webhook_answered{target, attempt, std::move(why_not)});
      });
}

void webhook_behavior::answered(const webhook_answered& answer) {
  auto& t = targets_[answer.target];
  if (!t.asked || answer.attempt != t.attempt) return;
  t.asked = false;
  const auto key = shown(options_.targets[answer.target].key);
  if (answer.why_not.empty()) {
    if (t.tries > 1) spdlog::info("webhooks of app {}: {} accepts again", options_.app_id, key);
    forget_request(answer.target);
  } else if (const auto pause = std::min<std::chrono::milliseconds>(
                 options_.retry_first * (1U << std::min(t.tries - 1, doublings_max)),
                 retry_pause_max);
             now() + pause - t.first_try > options_.retry_time) {
    spdlog::error("webhooks of app {}: {} events for {} are given up after {} tries: {}",
                  options_.app_id, t.sending, key, t.tries, answer.why_not);
    forget_request(answer.target);
  } else {
    if (t.tries == 1)
      spdlog::warn("webhooks of app {}: {} does not accept: {}; trying again", options_.app_id, key,
                   answer.why_not);
    t.next_try = now() + pause;
  }
  send_next(answer.target);
  save();
}

void webhook_behavior::forget_request(std::size_t target) {
  auto& t = targets_[target];
  for (; t.sending > 0; --t.sending) {
    unsaved_.erase.push_back(t.queue.front().number);
    t.queue.pop_front();
  }
  std::string{}.swap(t.body);
}

void webhook_behavior::wake_at(time_point when) {
  if (wake_ && *wake_ <= when) return;
  wake_ = when;
  const auto pause = std::max<time_point::duration>(when - now(), std::chrono::milliseconds{1});
  caf::delayed_anon_send(caf::actor_cast<webhook_queue_actor>(this), pause, webhook_tick{});
}

}  // namespace velo::actors
