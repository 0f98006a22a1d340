#include "actors/positions.hpp"

#include "actors/time_text.hpp"

#include <spdlog/spdlog.h>
#include <caf/send.hpp>

#include <algorithm>
#include <optional>
#include <utility>

namespace velo::actors {

namespace {

// What a crash of the server may have its clients hear twice, in time.
constexpr auto write_interval = std::chrono::seconds{1};
constexpr std::size_t places_max = 64;  // of a connection; 16 sockets may be live

}  // namespace

// -- of one connection -------------------------------------------------------------

connection_positions::connection_positions(std::vector<storage::position> stored,
                                           std::int64_t now_ms) {
  for (auto& p : stored) places_.push_back({std::move(p), false, now_ms});
  // An heir that was live as well has heard what was left to it.
  const auto has_heir = [this](const place& p) {
    return !p.at.heir.empty() &&
           std::any_of(places_.begin(), places_.end(), [&](const place& other) {
             return other.at.socket_id == p.at.heir && other.at.sequence >= p.at.sequence;
           });
  };
  for (std::size_t i = 0; i < places_.size();) {
    if (has_heir(places_[i]))
      forget(i);
    else
      ++i;
  }
}

begin_answer connection_positions::begin(const begin_position& newcomer) {
  begin_answer answer;
  answer.sequence = newcomer.sequence;
  place* inherits = nullptr;
  std::size_t others = 0;
  const auto may_be_its_own = [&newcomer](const place& p) {
    return p.at.client == newcomer.client || p.at.client == 0 || newcomer.client == 0;
  };
  // One that was never here, or not from there, may be any of those that left.
  const bool known = std::any_of(places_.begin(), places_.end(), may_be_its_own);
  for (auto& p : places_) {
    if (known && !may_be_its_own(p)) continue;
    const bool same = p.at.predicate == newcomer.predicate;
    if (others++ == 0) {
      answer.what = begin_answer::kind::resumes;
      answer.sequence = p.at.sequence;
      answer.previous = p.at.socket_id;
    } else {
      answer.sequence = std::min(answer.sequence, p.at.sequence);
      answer.previous.clear();
    }
    if (!same) answer.what = begin_answer::kind::changed;
    if (known && !p.live && p.at.heir.empty() &&
        (inherits == nullptr || p.at.sequence > inherits->at.sequence))
      inherits = &p;
  }
  answer.beside_live = others > 0 && inherits == nullptr;
  if (inherits != nullptr) {
    inherits->at.heir = newcomer.socket_id;
    touch(inherits->at.socket_id);
  }
  // The same socket may have left the channel and come back to it.
  std::erase_if(places_, [&](const place& p) { return p.at.socket_id == newcomer.socket_id; });
  places_.push_back(
      {{newcomer.socket_id, answer.sequence, newcomer.predicate, {}, newcomer.client}, true, 0});
  touch(newcomer.socket_id);
  return answer;
}

void connection_positions::report(const position_report& heard, std::int64_t now_ms) {
  const auto own = std::find_if(places_.begin(), places_.end(),
                                [&](const place& p) { return p.at.socket_id == heard.socket_id; });
  if (own == places_.end()) return;
  own->at.sequence = std::max(own->at.sequence, heard.sequence);
  // Equal to no predicate: whoever goes on from here is told to reset.
  if (heard.outdated) own->at.predicate = 0;
  touch(heard.socket_id);
  if (!heard.left) return;
  own->live = false;
  own->left_ms = now_ms;
  // It was the one it inherited from, if it was any, and it is where it is now.
  const auto reached = own->at.sequence;
  for (std::size_t i = 0; i < places_.size();) {
    const bool inherited = places_[i].at.heir == heard.socket_id;
    if (inherited && places_[i].at.sequence <= reached) {
      forget(i);
      continue;
    }
    if (inherited) {
      // It did not get that far: somebody else may have to.
      places_[i].at.heir.clear();
      touch(places_[i].at.socket_id);
    }
    ++i;
  }
}

void connection_positions::expire(std::int64_t cutoff_ms) {
  for (std::size_t i = 0; i < places_.size();) {
    if (!places_[i].live && places_[i].left_ms < cutoff_ms)
      forget(i);
    else
      ++i;
  }
  while (places_.size() > places_max) {
    // The oldest goes on to stand for the one that is given up.
    const auto gone =
        std::find_if(places_.begin(), places_.end(), [](const place& p) { return !p.live; });
    if (gone == places_.end()) return;
    const auto sequence = gone->at.sequence;
    forget(static_cast<std::size_t>(gone - places_.begin()));
    const auto next =
        std::find_if(places_.begin(), places_.end(), [](const place& p) { return !p.live; });
    if (next == places_.end()) return;
    next->at.sequence = std::min(next->at.sequence, sequence);
    touch(next->at.socket_id);
  }
}

bool connection_positions::anybody_live() const {
  return std::any_of(places_.begin(), places_.end(), [](const place& p) { return p.live; });
}

void connection_positions::touch(const std::string& socket_id) {
  if (std::find(changed_.begin(), changed_.end(), socket_id) == changed_.end())
    changed_.push_back(socket_id);
}

void connection_positions::forget(std::size_t at) {
  touch(places_[at].at.socket_id);
  places_.erase(places_.begin() + static_cast<std::ptrdiff_t>(at));
}

void connection_positions::take_updates(std::uint64_t connection,
                                        std::vector<storage::position_update>& out) {
  for (auto& socket_id : changed_) {
    const auto p = std::find_if(places_.begin(), places_.end(),
                                [&](const place& each) { return each.at.socket_id == socket_id; });
    out.push_back(
        {connection, socket_id, p == places_.end() ? std::nullopt : std::optional(p->at)});
  }
  changed_.clear();
}

// -- the actor ---------------------------------------------------------------------

positions_behavior::positions_behavior(caf::actor_config& config,
                                       std::unique_ptr<storage::position_table> table,
                                       const engine_options& options)
    : positions_actor::base(config), table_(std::move(table)), options_(options) {}

positions_behavior::behavior_type positions_behavior::make_behavior() {
  return {
      [this](const begin_position& newcomer) {
        auto& places = of(newcomer.connection);
        places.expire(now_ms() - options_.stale_after.count());
        auto answer = places.begin(newcomer);
        changed(newcomer.connection);
        return answer;
      },
      [this](const position_reports_ptr& reports) {
        const auto now = now_ms();
        for (const auto& r : *reports) {
          of(r.connection).report(r, now);
          changed(r.connection);
        }
      },
      [this](const forget_positions& gone) {
        known_.erase(gone.connection);
        forgotten_.push_back({gone.connection, {}, std::nullopt});
        changed(gone.connection);
      },
      [this](write_positions) { write(); },
  };
}

void positions_behavior::on_exit() {
  write();
  table_.reset();
}

connection_positions& positions_behavior::of(std::uint64_t connection) {
  const auto known = known_.find(connection);
  if (known != known_.end()) return known->second;
  std::vector<storage::position> stored;
  if (table_) {
    if (auto read = table_->of(connection))
      stored = std::move(*read);
    else
      spdlog::warn("positions: {}", read.error().message());
  }
  return known_.emplace(connection, connection_positions(std::move(stored), now_ms()))
      .first->second;
}

void positions_behavior::changed(std::uint64_t connection) {
  if (changed_.empty() || changed_.back() != connection) changed_.push_back(connection);
  if (std::exchange(write_scheduled_, true)) return;
  caf::delayed_anon_send(caf::actor_cast<positions_actor>(this), write_interval, write_positions{});
}

void positions_behavior::write() {
  write_scheduled_ = false;
  auto updates = std::move(forgotten_);
  forgotten_.clear();
  std::sort(changed_.begin(), changed_.end());
  changed_.erase(std::unique(changed_.begin(), changed_.end()), changed_.end());
  for (const auto connection : changed_) {
    const auto at = known_.find(connection);
    if (at == known_.end()) continue;
    at->second.take_updates(connection, updates);
    // Without a table they are kept for the next who comes.
    if (table_ && !at->second.anybody_live()) known_.erase(at);
  }
  changed_.clear();
  if (!table_ || updates.empty()) return;
  const auto done = table_->apply(updates);
  if (!done && !std::exchange(failed_, true))
    spdlog::warn("positions: clients may hear twice what they heard: {}", done.error().message());
  if (done) failed_ = false;
}

}  // namespace velo::actors
