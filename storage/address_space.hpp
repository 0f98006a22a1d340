// How much address space can be had for a memory map. Reserving it costs no
// memory, but a limit (ulimit -v) or a small machine may refuse a terabyte.

#pragma once

#include <cstddef>

namespace velo::storage {

/// Whether the kernel would map this many bytes now: of nothing, or of a file
/// (a file system has its own limit).
bool address_space_holds(std::size_t bytes, int file = -1);

/// `wanted` if it can be mapped, else a part of what can, leaving room for the
/// rest of the program and for growing. In whole pages.
std::size_t fitting_map_bytes(std::size_t wanted);

/// The largest step by which a map of `current` bytes of a file can grow now, at
/// most doubling it; 0 if there is none. In whole pages.
std::size_t growth_step(std::size_t current, int file);

}  // namespace velo::storage
