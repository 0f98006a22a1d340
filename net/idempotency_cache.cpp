#include "net/idempotency_cache.hpp"

#include <utility>

namespace velo::net {

idempotency_cache::verdict idempotency_cache::begin(const std::string& scope,
                                                    const std::string& body_hash,
                                                    const respond& answer, clock::time_point now) {
  response known;
  {
    const std::lock_guard lock(mutex_);
    trim(now, entries_.contains(scope) ? entries_max_ + 1 : entries_max_);
    const auto [at, is_first] = entries_.try_emplace(scope);
    auto& e = at->second;
    if (is_first) {
      e.body_hash = body_hash;
      e.created = now;
      e.age = by_age_.insert(by_age_.end(), scope);
      return verdict::first;
    }
    if (e.body_hash != body_hash) return verdict::conflict;
    if (!e.done) {
      e.waiting.push_back(answer);
      return verdict::repeated;
    }
    known = e.answer;
  }
  answer(std::move(known));
  return verdict::repeated;
}

void idempotency_cache::finish(const std::string& scope, const response& answer) {
  std::vector<respond> waiting;
  {
    const std::lock_guard lock(mutex_);
    const auto at = entries_.find(scope);
    if (at == entries_.end()) return;
    waiting = std::exchange(at->second.waiting, {});
    if (answer.status == 200) {
      at->second.done = true;
      at->second.answer = answer;
    } else {
      by_age_.erase(at->second.age);
      entries_.erase(at);
    }
  }
  for (const auto& repeated : waiting) repeated(answer);
}

// Those under way are young: with their number bounded by that of connections,
// only what has been answered is ever trimmed.
void idempotency_cache::trim(clock::time_point now, std::size_t below) {
  while (!by_age_.empty()) {
    const auto oldest = entries_.find(by_age_.front());
    const bool surplus = entries_.size() >= below;
    if (!oldest->second.done || !(surplus || oldest->second.created + age_max_ < now)) return;
    entries_.erase(oldest);
    by_age_.pop_front();
  }
}

}  // namespace velo::net
