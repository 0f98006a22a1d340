// When the tokens of live subscriptions expire, and who lives by which token.
// One queue in order of time for all of them: a collection needs one timer.
// Subscriptions whose token neither expires nor has an id are not in here.

#pragma once

#include "rules/predicate_index.hpp"
#include "storage/connection.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace velo::actors {

/// Plain data. All moments are Unix milliseconds.
class token_watch {
 public:
  using subscriber = rules::subscriber_id;
  static constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();

  struct due {
    subscriber who = 0;
    std::int64_t expires_ms = 0;
    bool expired = false;  ///< Otherwise it expires soon.
  };

  /// `token` speaks for `s` from now on. Its end is announced `notice_ms` before, or when
  /// half of what is left of its life has passed, whichever is later.
  void set(subscriber s, const storage::token_facts& token, std::int64_t now_ms,
           std::int64_t notice_ms);
  void remove(subscriber s);

  /// When take_due() has something next.
  [[nodiscard]] std::int64_t next() const { return queue_.empty() ? never : queue_.begin()->first; }
  /// Takes out what is due, once each, the earliest first.
  [[nodiscard]] std::vector<due> take_due(std::int64_t now_ms);

  /// When the token of `s` expires, if that was announced; else 0.
  [[nodiscard]] std::int64_t announced(subscriber s) const;
  /// Those who live by the token of this id.
  [[nodiscard]] std::vector<subscriber> of_token(const std::string& id) const;

  [[nodiscard]] std::size_t size() const { return rows_.size(); }

 private:
  struct row {
    std::int64_t expires_ms = 0;  // 0: never
    std::int64_t next_ms = never;
    bool announced = false;
    std::string id;
  };

  std::unordered_map<subscriber, row> rows_;
  std::set<std::pair<std::int64_t, subscriber>> queue_;
  std::unordered_multimap<std::string, subscriber> by_id_;
};

}  // namespace velo::actors
