// How many commands of a client may be under way to its actor: as many as it takes to
// keep that one busy. Who sends them faster is not read from until it has caught up, so
// that the kernel's buffers and the client's own hold what is too much, not ours.

#pragma once

#include <cstdint>

namespace velo::actors {

/// Of one socket; its loop's thread only. The session has one, its actor tells it.
class command_window {
 public:
  /// Sent and not handled; beyond it nothing more is read.
  static constexpr std::uint32_t commands_max = 256;

  /// The oldest command was handled: what it asked others for is theirs to answer.
  virtual void handled() = 0;

 protected:
  command_window() = default;
  ~command_window() = default;
};

}  // namespace velo::actors
