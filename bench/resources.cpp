#include "bench/resources.hpp"

#include <sched.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>

#include "bench/error.hpp"

namespace velo::bench {
namespace {

// The text after "key<blanks>:" in a /proc file, or empty.
std::string proc_value(const std::string& path, const std::string& key) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    if (line.compare(0, key.size(), key) != 0) continue;
    const auto colon = line.find(':');
    const auto text = colon == std::string::npos ? colon : line.find_first_not_of(" \t", colon + 1);
    return text == std::string::npos ? std::string{} : line.substr(text);
  }
  return {};
}

double kilobytes(const std::string& text) {
  return std::strtod(text.c_str(), nullptr) * 1024;
}

}  // namespace

std::chrono::nanoseconds cpu_time(pid_t pid) {
  clockid_t clock{};
  timespec time{};
  if (::clock_getcpuclockid(pid, &clock) != 0 || ::clock_gettime(clock, &time) != 0) {
    fail("cannot read the CPU time of process {}: it has ended", pid);
  }
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

std::chrono::nanoseconds machine_cpu_time() {
  std::ifstream file("/proc/stat");
  std::string cpu;
  // user, nice, system, idle, iowait, irq, softirq, steal
  std::array<long long, 8> ticks{};
  file >> cpu;
  for (auto& each : ticks) file >> each;
  const auto busy = ticks[0] + ticks[1] + ticks[2] + ticks[5] + ticks[6] + ticks[7];
  return std::chrono::nanoseconds(busy * 1'000'000'000LL / ::sysconf(_SC_CLK_TCK));
}

memory_use memory_of(pid_t pid) {
  const auto path = fmt::format("/proc/{}/status", pid);
  return {.resident = kilobytes(proc_value(path, "VmRSS")),
          .anonymous = kilobytes(proc_value(path, "RssAnon"))};
}

std::vector<int> allowed_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (::sched_getaffinity(0, sizeof set, &set) != 0) return {0};
  std::vector<int> cores;
  for (int core = 0; core < CPU_SETSIZE; ++core) {
    if (CPU_ISSET(core, &set)) cores.push_back(core);
  }
  return cores;
}

void pin_to(const std::vector<int>& cores) {
  if (cores.empty()) return;
  cpu_set_t set;
  CPU_ZERO(&set);
  for (const int core : cores) CPU_SET(core, &set);
  if (::sched_setaffinity(0, sizeof set, &set) != 0) {
    fail("cannot pin to core {}: {}", cores.front(), std::strerror(errno));
  }
}

std::size_t raise_open_files() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  ::getrlimit(RLIMIT_NOFILE, &limit);
  return limit.rlim_cur;
}

std::string machine_line() {
  utsname system{};
  ::uname(&system);
  double load = 0;
  ::getloadavg(&load, 1);
#if defined(__clang__)
  const auto* compiler = "clang " __clang_version__;
#else
  const auto* compiler = "g++ " __VERSION__;
#endif
  std::string congestion;
  std::ifstream("/proc/sys/net/ipv4/tcp_congestion_control") >> congestion;
  return fmt::format("{}, {} cores; Linux {}, tcp {}; {}; load {:.2f}",
                     proc_value("/proc/cpuinfo", "model name"), allowed_cores().size(),
                     system.release, congestion, compiler, load);
}

}  // namespace velo::bench
