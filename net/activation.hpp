// Socket activation (sd_listen_fds(3)): the service manager listens, and hands
// the socket over. It stays open while we are restarted: who connects meanwhile
// waits in the kernel's queue instead of being refused.

#pragma once

#include <optional>

namespace velo::net {

/// The listening TCP socket that was handed to this process, or nothing where none
/// was. Ours from then on. Throws std::runtime_error with a sentence where what was
/// handed over is another number of sockets or no listening TCP socket.
///
/// Removes LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES, so that no child takes them for its own.
[[nodiscard]] std::optional<int> take_activated_socket();

}  // namespace velo::net
