// How many stored subscriptions each user has, and whether one more may be kept.
//
// Counted in memory, from one look at storage at start: a count on disk would be
// one more write for each subscription. Without a bound nothing is counted.

#pragma once

#include "actors/interned_texts.hpp"
#include "storage/connection.hpp"
#include "storage/connection_table.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>

namespace velo::actors {

/// The store's alone. Guests and superusers are not counted.
class subscription_quota {
 public:
  /// What one transaction adds and takes away, by user; nothing of it counts for
  /// others before commit().
  using changes = std::unordered_map<std::string, std::int64_t>;

  /// At most `max` of one user; 0: no bound.
  explicit subscription_quota(std::size_t max) : max_(max) {}

  [[nodiscard]] bool is_bounded() const { return max_ != 0; }
  [[nodiscard]] std::size_t max() const { return max_; }

  /// Counts what is stored; where nothing is bounded, without looking.
  storage::result<void> load(const storage::connection_table& table,
                             const storage::transaction& transaction);

  /// Whether `c` may be kept beside what its user has, `pending` included.
  [[nodiscard]] bool has_room(const changes& pending, const storage::connection& c) const;

  /// Each does nothing where nothing is bounded.
  void add(changes& pending, const storage::connection& c) const { note(pending, c, 1); }
  void remove(changes& pending, const storage::connection& c) const { note(pending, c, -1); }

  void commit(const changes& done);

  /// Of a user, by identity::key().
  [[nodiscard]] std::size_t count(const std::string& identity_key) const;

 private:
  void note(changes& pending, const storage::connection& c, std::int64_t by) const;

  std::size_t max_;
  interned_texts users_;  ///< A use for each subscription.
};

}  // namespace velo::actors
