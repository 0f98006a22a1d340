// Which boot of the machine this is: a process may end as it likes without
// harm to what the kernel has taken, a machine may not.

#pragma once

#include <string>

namespace velo::storage {

/// The kernel's random id of this boot; empty where it gives none, which counts
/// as another boot than any.
std::string boot_id();

}  // namespace velo::storage
