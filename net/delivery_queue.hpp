// What the sessions of one loop are to get at the end of the turn, by reference.
//
// A delivery notes which event goes out under which name; the frame is put
// together right before its system call, in a buffer that is in the cache. To
// write each frame into each socket's own buffer first would drive all of them
// through the cache twice.

#pragma once

#include "actors/session.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace velo::net {

/// One thread only.
class delivery_queue {
 public:
  /// One event as a WebSocket frame, but for the part of the channel's name in
  /// which its receivers differ.
  struct frame {
    std::string head;  ///< From the header to the common beginning of the name.
    std::string tail;  ///< From behind the name to the body, and where that is small to the end.
    std::shared_ptr<const std::string> body;  ///< Of a large one; body_tail comes behind it.
    std::string_view body_tail{};
    std::size_t bytes = 0;  ///< Of the whole frame.

    /// Writes all `bytes` of a frame without body of its own.
    void write_to(char* to, std::string_view channel) const {
      std::memcpy(to, head.data(), head.size());
      std::memcpy(to + head.size(), channel.data(), channel.size());
      std::memcpy(to + head.size() + channel.size(), tail.data(), tail.size());
    }
  };

  /// The deliveries that one session has to come, in order.
  struct chain {
    std::uint32_t first = none;
    std::uint32_t last = none;
    std::uint32_t frames = 0;
    std::uint32_t bytes = 0;

    [[nodiscard]] bool empty() const { return first == none; }
  };

  /// Longer ones do not fit into a queue; they are delivered otherwise.
  static constexpr std::size_t channel_bytes_max = 39;

  /// The frame of `d` for names whose rest has that many bytes; made where it was not.
  [[nodiscard]] std::uint32_t prepare(actors::delivery& d, std::size_t channel_bytes);
  /// The frame of a whole message. Many calls in a row with the same text make it once.
  [[nodiscard]] std::uint32_t prepare(const std::shared_ptr<const std::string>& text);
  [[nodiscard]] const frame& at(std::uint32_t index) const { return frames_[index]; }

  void add(chain& to, std::uint32_t index, std::string_view channel);

  /// Empties `from`, calling each(const frame&, std::string_view channel) in order.
  template <class Each>
  void take(chain& from, Each&& each) {
    for (auto i = from.first; i != none; i = links_[i].next) {
      const auto& l = links_[i];
      each(frames_[l.frame], std::string_view(l.channel, l.channel_bytes));
    }
    from = {};
  }

  /// Whether none of them has a body of its own.
  [[nodiscard]] bool are_small(const chain& c) const;

  /// So many wait that it is time to send them.
  [[nodiscard]] bool full() const { return links_.size() >= links_max; }
  /// Forgets the deliveries; chains that were not taken must be dropped.
  void clear_deliveries() { links_.clear(); }
  /// And the frames: what is under way to many must have reached them.
  void clear();

 private:
  static constexpr std::uint32_t none = ~std::uint32_t{0};
  static constexpr std::size_t links_max = 1U << 16U;  // 3 MB

  struct link {
    std::uint32_t frame;
    std::uint32_t next;
    std::uint8_t channel_bytes;
    char channel[channel_bytes_max];
  };

  std::vector<frame> frames_;
  std::shared_ptr<const std::string> last_text_;  // of the last frame, where it is a message
  std::vector<link> links_;
};

}  // namespace velo::net
