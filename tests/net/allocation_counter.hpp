// Counts what a thread allocates: the test program's operator new is replaced.

#pragma once

#include <cstdint>

namespace velo::net::test {

/// Allocations of the calling thread so far.
[[nodiscard]] std::uint64_t allocations_of_this_thread();

}  // namespace velo::net::test
