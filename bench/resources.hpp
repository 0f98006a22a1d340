// What processes cost (CPU, memory), and what they may use (cores, open files).

#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

namespace velo::bench {

/// CPU time of all threads of a process, to the nanosecond. /proc/PID/stat counts
/// in ticks of 10 ms, too coarse for a window of a second.
[[nodiscard]] std::chrono::nanoseconds cpu_time(pid_t pid);

/// CPU time of everything on this machine, in ticks of 10 ms. What is not ours
/// of it disturbed us.
[[nodiscard]] std::chrono::nanoseconds machine_cpu_time();

struct memory_use {
  double resident = 0;   ///< Bytes, mapped files (such as LMDB's) included.
  double anonymous = 0;  ///< Bytes of heap and stacks alone.
};
[[nodiscard]] memory_use memory_of(pid_t pid);

/// The cores this process may run on.
[[nodiscard]] std::vector<int> allowed_cores();
void pin_to(const std::vector<int>& cores);

/// Raises the soft limit of open files to the hard one and returns it. Children inherit it.
std::size_t raise_open_files();

/// "AMD EPYC, 2 cores; Linux 6.1, tcp cubic; g++ 12.2.0; load 0.10".
[[nodiscard]] std::string machine_line();

}  // namespace velo::bench
