// Socket activation (sd_listen_fds(3)): the service manager listens, and hands
// the sockets over. They stay open while we are restarted: who connects meanwhile
// waits in the kernel's queue instead of being refused.

#pragma once

#include <vector>

namespace velo::net {

/// The listening sockets, TCP or Unix, that were handed to this process, in their order;
/// none where there were none. Ours from then on. Throws std::runtime_error with a
/// sentence where something else was handed over.
///
/// Removes LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES, so that no child takes them for its own.
[[nodiscard]] std::vector<int> take_activated_sockets();

}  // namespace velo::net
