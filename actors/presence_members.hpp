// Who is on a presence channel: one member per user, however many sockets. What
// a joining socket is told of all of them is kept as text while they come and go,
// so that nobody's entry is ever rendered twice.

#pragma once

#include "actors/messages.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace velo::actors {

class presence_members {
 public:
  struct member {
    std::size_t sockets = 0;
    /// Of a member without sockets who may still come back.
    std::optional<std::chrono::steady_clock::time_point> away_until;
  };
  /// A user and who that is: both stay where they are until remove().
  using entry = std::pair<const std::string, member>;

  /// Null where the user is no member.
  [[nodiscard]] entry* find(const std::string& user_id);
  /// A new member, without sockets yet; last in the order.
  entry& add(const channel_member& user);
  void remove(entry& gone);

  [[nodiscard]] std::size_t size() const { return by_id_.size(); }
  [[nodiscard]] bool empty() const { return by_id_.empty(); }
  /// In the order in which they came.
  [[nodiscard]] std::vector<std::string> user_ids() const;
  /// The frame that tells a socket of all of them.
  [[nodiscard]] std::string succeeded_frame(std::string_view channel) const;

 private:
  struct place {
    const entry* who = nullptr;
    std::uint32_t id_bytes = 0, hash_bytes = 0;  // of its part in the texts
  };

  std::unordered_map<std::string, member> by_id_;
  std::vector<place> order_;
  // Each part begins with the comma that parts it from the one before.
  std::string ids_, hash_;
};

}  // namespace velo::actors
