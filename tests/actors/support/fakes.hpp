// A client's socket that writes down what it is told, and an event loop whose
// jobs run when the test says so.

#pragma once

#include "actors/acknowledgements.hpp"
#include "actors/event_loop.hpp"
#include "actors/session.hpp"

#include <caf/intrusive_ptr.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace velo::actors {

struct fake_session : session {
  struct heard {
    std::string what;  ///< succeeded | error | close, or the event's name.
    std::string channel;
    nlohmann::json data;  ///< An event's payload, as a client would parse it.
    int status = 0;
    std::string reason;
  };
  std::vector<heard> log;
  std::vector<nlohmann::json> frames;  ///< Those of plain channels and users, whole.
  std::function<void(const heard&)> on_deliver = [](const heard&) {};

  void deliver(const event& what, std::string_view prefix, std::string_view channel) override {
    const auto text = nlohmann::json::parse('"' + what.data + '"').get<std::string>();
    log.push_back(
        {what.name, std::string(prefix).append(channel), nlohmann::json::parse(text), 0, {}});
    on_deliver(log.back());
  }
  void deliver_text(const text_ptr& frame) override {
    frames.push_back(nlohmann::json::parse(*frame));
  }
  std::string socket_id;  ///< What `acks` names.
  /// Set where the session is asked to acknowledge.
  std::optional<acknowledgements> acks;
  bool answers_pings = true;  ///< As stock clients do.
  unsigned pings = 0;         ///< Those not answered.

  acknowledgements* acknowledged() override { return acks ? &*acks : nullptr; }
  void ask_for_acknowledgement() override {
    acks->pinged();
    if (answers_pings)
      acks->ponged();
    else
      ++pings;
  }
  void subscription_succeeded(std::string_view channel) override {
    log.push_back({"succeeded", std::string(channel), {}, 0, {}});
  }
  void subscription_error(std::string_view channel, const subscription_failure& why) override {
    log.push_back({"error", std::string(channel), {}, why.status, why.reason});
  }
  void close(std::uint16_t code, std::string_view reason) override {
    log.push_back({"close", {}, {}, code, std::string(reason)});
  }

  /// In order, one word each: `succeeded created:r1 error:403`.
  [[nodiscard]] std::string story() const {
    std::string out;
    for (const auto& h : log) {
      if (!out.empty()) out += ' ';
      out += h.what;
      if (h.data.contains("record")) out += ':' + h.data.at("record").at("id").get<std::string>();
      if (h.data.contains("records")) {
        out += ':';
        for (const auto& r : h.data.at("records")) out += r.at("id").get<std::string>() + ',';
      }
      if (h.status != 0) out += ':' + std::to_string(h.status);
    }
    return out;
  }
};

class manual_loop : public event_loop {
 public:
  using event_loop::event_loop;

  ~manual_loop() override {
    for (auto* job : jobs_) caf::intrusive_ptr_release(job);
  }

  /// Runs what was posted by now and meanwhile; returns how many jobs.
  std::size_t run_all() {
    std::size_t count = 0;
    for (caf::resumable* job = nullptr; (job = take()) != nullptr; ++count) run(job);
    return count;
  }

  /// Runs jobs as they come until `done` holds; false if it does not within `limit`.
  bool run_until(const std::function<bool()>& done,
                 std::chrono::milliseconds limit = std::chrono::seconds{10}) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    for (;;) {
      run_all();
      if (done()) return true;
      std::unique_lock lock(mutex_);
      if (!posted_.wait_until(lock, deadline, [this] { return !jobs_.empty(); })) return false;
    }
  }

 protected:
  void post(caf::resumable* job) override {
    {
      const std::lock_guard lock(mutex_);
      jobs_.push_back(job);
    }
    posted_.notify_one();
  }

 private:
  caf::resumable* take() {
    const std::lock_guard lock(mutex_);
    if (jobs_.empty()) return nullptr;
    auto* job = jobs_.front();
    jobs_.pop_front();
    return job;
  }

  std::mutex mutex_;
  std::condition_variable posted_;
  std::deque<caf::resumable*> jobs_;
};

}  // namespace velo::actors
