#include "actors/token_watch.hpp"

#include <algorithm>
#include <iterator>

namespace velo::actors {

void token_watch::set(subscriber s, const storage::token_facts& token, std::int64_t now_ms,
                      std::int64_t notice_ms) {
  remove(s);
  if (token.expires_ms == 0 && token.id.empty()) return;
  row r;
  r.expires_ms = token.expires_ms;
  r.id = token.id;
  if (r.expires_ms != 0) {
    const auto left = std::max<std::int64_t>(r.expires_ms - now_ms, 0);
    r.next_ms = r.expires_ms - std::min(notice_ms, left / 2);
    queue_.emplace(r.next_ms, s);
  }
  if (!r.id.empty()) by_id_.emplace(r.id, s);
  rows_.emplace(s, std::move(r));
}

void token_watch::remove(subscriber s) {
  const auto at = rows_.find(s);
  if (at == rows_.end()) return;
  const auto& r = at->second;
  queue_.erase({r.next_ms, s});
  if (!r.id.empty()) {
    const auto [first, last] = by_id_.equal_range(r.id);
    const auto entry = std::find_if(first, last, [s](const auto& e) { return e.second == s; });
    if (entry != last) by_id_.erase(entry);
  }
  rows_.erase(at);
}

std::vector<token_watch::due> token_watch::take_due(std::int64_t now_ms) {
  std::vector<due> found;
  while (!queue_.empty() && queue_.begin()->first <= now_ms) {
    const auto s = queue_.begin()->second;
    queue_.erase(queue_.begin());
    auto& r = rows_.at(s);
    const bool expired = now_ms >= r.expires_ms;
    found.push_back({s, r.expires_ms, expired});
    r.next_ms = expired ? never : r.expires_ms;
    r.announced = true;
    if (!expired) queue_.emplace(r.next_ms, s);
  }
  return found;
}

std::int64_t token_watch::announced(subscriber s) const {
  const auto at = rows_.find(s);
  return at != rows_.end() && at->second.announced ? at->second.expires_ms : 0;
}

std::vector<token_watch::subscriber> token_watch::of_token(const std::string& id) const {
  std::vector<subscriber> found;
  const auto [first, last] = by_id_.equal_range(id);
  std::transform(first, last, std::back_inserter(found), [](const auto& e) { return e.second; });
  return found;
}

}  // namespace velo::actors
