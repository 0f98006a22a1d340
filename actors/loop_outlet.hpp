// How an actor reaches sockets: one message per loop, however many of the loop's
// sockets are meant.

#pragma once

#include "actors/channel_interfaces.hpp"

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace velo::actors {

/// Of one actor. What it sends to one loop arrives in order.
class loop_outlet {
 public:
  /// Must be called before anything is sent to that loop.
  void know(std::uint32_t loop, const loop_actor& actor);

  void tell(const socket_place& one, std::string frame) const;
  void refuse(const socket_place& one, std::string channel, subscription_failure why) const;

  /// Collects receivers of the same; `send` empties it.
  class audience {
   public:
    void add(std::uint32_t loop, attachment_id membership) {
      if (loop >= by_loop_.size()) by_loop_.resize(loop + 1);
      by_loop_[loop].push_back(membership);
      ++size_;
    }
    [[nodiscard]] std::size_t size() const { return size_; }

   private:
    friend class loop_outlet;
    std::vector<std::vector<attachment_id>> by_loop_;
    std::size_t size_ = 0;
  };
  void tell(audience all, std::string frame) const;
  void close(audience all, std::uint16_t code, const std::string& reason) const;

 private:
  std::vector<loop_actor> loops_;
};

}  // namespace velo::actors
