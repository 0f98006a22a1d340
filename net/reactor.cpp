#include "net/reactor.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <caf/intrusive_ptr.hpp>

#include <algorithm>
#include <cassert>
#include <utility>

namespace velo::net {

namespace {

// The lines of a connection that its flush touches.
void prefetch_around(const flushable& item) {
  constexpr std::ptrdiff_t line = 64;
  const auto* const at = reinterpret_cast<const char*>(&item);
  for (std::ptrdiff_t i = -1; i < 5; ++i) __builtin_prefetch(at + i * line);
}

// System calls drive those whose turn comes out of the cache: so many are on their way back.
constexpr std::size_t fetched_ahead = 8;

constexpr auto slice_length = std::chrono::milliseconds{100};

constexpr int visits_per_turn = 64;

// After stop(), rounds of handlers that may still post one another.
constexpr int last_rounds_max = 1000;
constexpr int last_rounds_given = 100;

}  // namespace

reactor::reactor(caf::actor_system& system, std::uint32_t index, std::chrono::milliseconds tick,
                 boost::asio::io_context* given)
    : event_loop(system),
      index_(index),
      tick_(tick),
      own_(given == nullptr ? std::make_unique<boost::asio::io_context>(1) : nullptr),
      io_(given == nullptr ? *own_ : *given),
      sockets_(io_),
      work_(io_.get_executor()),
      tick_timer_(io_),
      drain_timer_(io_) {}

reactor::~reactor() {
  stop();
  join();
  // Of a loop that never ran.
  if (watched() > 0) stop_all();
}

void reactor::start() {
  assert(!thread_.joinable() && !ended_);
  if (own_) {
    thread_ = std::thread([this] { thread_main(); });
    return;
  }
  ended_.emplace();
  boost::asio::post(io_, [this] {
    own_thread_ = std::this_thread::get_id();
    arm_tick();
  });
}

void reactor::stop() {
  if (own_) {
    io_.stop();
  } else if (ended_ && !ending_.exchange(true)) {
    boost::asio::post(io_, [this] { begin_end(); });
  }
}

void reactor::join() {
  if (thread_.joinable()) thread_.join();
  if (ended_) ended_->get_future().wait();
  ended_.reset();
}

void reactor::begin_end() {
  stop_all();
  end_after(last_rounds_given);
}

// Others use the io_context too, so it is never known to be idle; what our own end
// causes takes a few handlers, one after another.
void reactor::end_after(int rounds) {
  if (rounds > 0) {
    boost::asio::post(io_, [this, rounds] { end_after(rounds - 1); });
    return;
  }
  own_thread_ = std::thread::id{};
  ended_->set_value();
}

bool reactor::on_own_thread() const {
  const auto own = own_thread_.load(std::memory_order_relaxed);
  return own == std::thread::id{} || own == std::this_thread::get_id();
}

void reactor::thread_main() {
  own_thread_ = std::this_thread::get_id();
  arm_tick();
  io_.run();
  stop_all();
  own_thread_ = std::thread::id{};
}

void reactor::stop_all() {
  end_visits();
  watched_.splice(watched_.end(), to_drain_);
  watch_list stopping;
  stopping.swap(watched_);
  while (!stopping.empty()) {
    auto& item = stopping.front();
    stopping.pop_front();
    item.on_stop();
  }
  // Actors hear of their sockets' end, cancelled operations let go of their sessions.
  tick_timer_.cancel();
  drain_timer_.cancel();
  if (!own_) return;
  io_.restart();
  for (int i = 0; i < last_rounds_max && io_.poll() > 0; ++i) {
  }
}

void reactor::post(caf::resumable* job) {
  // Owned, so that a loop that is destroyed before its jobs ran releases them.
  caf::intrusive_ptr<caf::resumable> owned{job, false};
  if (!own_) {
    // The io_context may outlive the loop.
    boost::asio::post(io_,
                      [this, alive = std::weak_ptr(alive_), owned = std::move(owned)]() mutable {
                        if (!alive.expired()) run(owned.release());
                      });
    return;
  }
  boost::asio::post(io_, [this, owned = std::move(owned)]() mutable { run(owned.release()); });
}

void reactor::flush_at_turn_end(flushable& item) {
  assert(on_own_thread());
  if (item.is_listed()) return;
  const bool first = to_flush_.size() == 0;
  to_flush_.add(item);
  if (first) boost::asio::post(io_, [this] { end_turn(); });
}

void reactor::after_output(std::function<void()>&& then) {
  if (to_flush_.size() == 0) return then();
  after_output_.push_back(std::move(then));
}

void reactor::end_turn() {
  flush_all();
  deliveries_.clear();
  for (const auto& then : after_output_) then();
  after_output_.clear();
}

void reactor::flush_all() {
  // Taken whole: who queues itself anew while it flushes has its turn in the next round.
  auto now = std::exchange(to_flush_, std::move(emptied_));
  for (std::size_t i = 0; i < now.size(); ++i) {
    const auto next = i + fetched_ahead;
    if (const auto* item = next < now.size() ? now.at(next) : nullptr) prefetch_around(*item);
    if (auto* item = now.take(i)) item->flush();
  }
  sends_.send();
  now.clear();
  emptied_ = std::move(now);
  deliveries_.clear_deliveries();
  shed_beyond_bound();
}

// What is held back for acknowledgements may grow while nothing is sent at all. Not at
// once: whoever holds it is in the middle of a fan-out.
void reactor::note_held(std::ptrdiff_t bytes) {
  buffers_.note_queued(bytes);
  if (outbox_bytes_max_ == 0 || buffers_.queued_bytes() <= outbox_bytes_max_) return;
  if (std::exchange(shedding_, true)) return;
  boost::asio::post(io_, [this] {
    shedding_ = false;
    shed_beyond_bound();
  });
}

void reactor::shed_beyond_bound() {
  if (outbox_bytes_max_ != 0 && buffers_.queued_bytes() > outbox_bytes_max_) shed();
  counters_.queued_bytes.set(buffers_.queued_bytes());
}

void reactor::shed() {
  std::vector<std::pair<std::size_t, timed*>> full;
  for (auto* list : {&watched_, &to_drain_, &unvisited_, &unvisited_to_drain_}) {
    for (auto& item : *list) {
      if (const auto bytes = item.queued_bytes(); bytes > 0) full.emplace_back(bytes, &item);
    }
  }
  std::sort(full.begin(), full.end(),
            [](const auto& a, const auto& b) { return a.first > b.first; });
  // Well below the bound, so that it does not take a look at everybody again and again.
  const auto goal = outbox_bytes_max_ / 4 * 3;
  auto queued = buffers_.queued_bytes();
  for (const auto& [bytes, item] : full) {
    if (queued <= goal) return;
    queued -= std::min(queued, bytes);
    item->shed();
  }
}

void reactor::watch(timed& item) {
  assert(on_own_thread());
  if (!item.watch_hook_.is_linked()) watched_.push_back(item);
}

void reactor::unwatch(timed& item) {
  assert(on_own_thread());
  item.watch_hook_.unlink();
}

std::size_t reactor::watched() const {
  assert(on_own_thread());
  return watched_.size() + to_drain_.size() + unvisited_.size() + unvisited_to_drain_.size();
}

void reactor::arm_tick() {
  tick_timer_.expires_after(tick_);
  tick_timer_.async_wait([this](boost::system::error_code error) {
    if (error || ending_) return;
    unvisited_.splice(unvisited_.end(), watched_);
    unvisited_to_drain_.splice(unvisited_to_drain_.end(), to_drain_);
    visit_some();
  });
}

// Thousands of deadlines may be over at once: others have their turns between them.
void reactor::visit_some() {
  if (ending_) return;
  const auto now = std::chrono::steady_clock::now();
  for (int i = 0; i < visits_per_turn; ++i) {
    auto& list = unvisited_.empty() ? unvisited_to_drain_ : unvisited_;
    if (list.empty()) {
      counters_.queued_bytes.set(buffers_.queued_bytes());
      return arm_tick();
    }
    auto& item = list.front();
    list.pop_front();
    // Back before the call, in which it may end.
    (&list == &unvisited_ ? watched_ : to_drain_).push_back(item);
    item.on_tick(now);
  }
  boost::asio::post(io_, [this] { visit_some(); });
}

// Those whose turn has not come are visited at the next tick.
void reactor::end_visits() {
  watched_.splice(watched_.end(), unvisited_);
  to_drain_.splice(to_drain_.end(), unvisited_to_drain_);
}

void reactor::drain(std::uint16_t close_code, std::string reason,
                    std::chrono::milliseconds duration) {
  boost::asio::post(io_, [this, close_code, reason = std::move(reason), duration]() mutable {
    begin_drain(close_code, std::move(reason), duration);
  });
}

void reactor::begin_drain(std::uint16_t close_code, std::string reason,
                          std::chrono::milliseconds duration) {
  drain_code_ = close_code;
  drain_reason_ = std::move(reason);
  drain_slices_left_ = static_cast<std::size_t>(std::max<std::int64_t>(duration / slice_length, 1));
  end_visits();
  to_drain_.splice(to_drain_.end(), watched_);
  drain_slice();
}

void reactor::drain_slice() {
  // A timer that had fired already when another drain took over.
  if (drain_slices_left_ == 0) return;
  end_visits();
  const auto waiting = to_drain_.size();
  auto now = (waiting + drain_slices_left_ - 1) / drain_slices_left_;
  for (; now > 0 && !to_drain_.empty(); --now) {
    auto& item = to_drain_.front();
    to_drain_.pop_front();
    watched_.push_back(item);
    item.on_drain(drain_code_, drain_reason_);
  }
  if (--drain_slices_left_ == 0 || to_drain_.empty()) return;
  drain_timer_.expires_after(slice_length);
  drain_timer_.async_wait([this](boost::system::error_code error) {
    if (!error) drain_slice();
  });
}

}  // namespace velo::net
