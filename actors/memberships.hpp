// What the sessions of one loop have with plain channels and users, under ids
// that a channel's actor can hold without knowing sockets. Unlike an attachment
// to a record channel it needs no name: frames come whole.

#pragma once

#include "actors/messages.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace velo::actors {

/// Its loop's thread only.
class memberships {
 public:
  /// `owner` must stay until remove().
  attachment_id add(session& owner);
  /// Forgets it: what is under way to it is dropped. Unknown ids are no error.
  void remove(attachment_id id);
  [[nodiscard]] bool has(attachment_id id) const { return find(id) != nullptr; }
  [[nodiscard]] std::size_t size() const { return slots_.size() - free_.size(); }

  void deliver(const text_fan_out& message) const;
  void refuse(const membership_refused& message);
  void close(const sockets_closed& message) const;

 private:
  struct slot {
    session* owner = nullptr;
    std::uint32_t generation = 0;
  };
  [[nodiscard]] session* find(attachment_id id) const;

  std::vector<slot> slots_;
  std::vector<std::uint32_t> free_;
};

}  // namespace velo::actors
