#include "bench/process.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

#include "bench/clock.hpp"
#include "bench/error.hpp"
#include "bench/poller.hpp"
#include "bench/resources.hpp"

namespace velo::bench {
namespace {

std::string contents_of(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// Runs in the child between fork and exec; the harness has one thread, so any call is safe here.
[[noreturn]] void become(const process_options& options, pid_t parent, int input) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(126);
  ::signal(SIGPIPE, SIG_DFL);
  const int output =
      ::open(options.output_path.c_str(), O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
  ::dup2(input, STDIN_FILENO);
  ::dup2(output, STDOUT_FILENO);
  ::dup2(output, STDERR_FILENO);
  pin_to(options.cores);
  for (const auto& [name, value] : options.environment) ::setenv(name.c_str(), value.c_str(), 1);
  std::vector<char*> arguments;
  for (const auto& argument : options.arguments) {
    arguments.push_back(const_cast<char*>(argument.c_str()));
  }
  arguments.push_back(nullptr);
  ::execv(arguments[0], arguments.data());
  const auto text = fmt::format("cannot run {}: {}\n", arguments[0], std::strerror(errno));
  [[maybe_unused]] const auto ignored = ::write(STDERR_FILENO, text.data(), text.size());
  ::_exit(127);
}

}  // namespace

child_process::child_process(process_options options) : options_(std::move(options)) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) fail("cannot open a pipe: {}", std::strerror(errno));
  const file_descriptor reading{ends[0]};
  input_ = file_descriptor{ends[1]};
  const auto parent = ::getpid();
  pid_ = ::fork();
  if (pid_ < 0) fail("cannot fork: {}", std::strerror(errno));
  if (pid_ == 0) become(options_, parent, reading.get());
}

child_process::~child_process() {
  if (reaped_) return;
  ::kill(pid_, SIGKILL);
  reap(0);
}

void child_process::reap(int options) {
  if (reaped_) return;
  pid_t result = 0;
  do {
    result = ::waitpid(pid_, &status_, options);
  } while (result < 0 && errno == EINTR);
  reaped_ = result == pid_;
}

bool child_process::running() {
  reap(WNOHANG);
  return !reaped_;
}

std::string child_process::wait_for_line(const std::string& prefix, std::chrono::seconds patience) {
  for (const deadline end{patience}; !end.passed();) {
    check_interrupted();
    const bool alive = running();
    const auto text = "\n" + contents_of(options_.output_path);
    if (const auto at = text.find("\n" + prefix); at != std::string::npos) {
      const auto from = at + 1 + prefix.size();
      if (const auto to = text.find('\n', from); to != std::string::npos) {
        return text.substr(from, to - from);
      }
    }
    if (!alive) {
      fail("{} ended before it was ready. Its output:\n{}", options_.arguments[0], output_tail());
    }
    std::this_thread::sleep_for(5ms);
  }
  fail("{} did not print '{}...' within {} s. Its output:\n{}", options_.arguments[0], prefix,
       patience.count(), output_tail());
}

std::string child_process::stop(std::chrono::seconds patience) {
  if (!running()) return ending();
  ::kill(pid_, SIGTERM);
  for (const deadline end{patience}; running() && !end.passed();) {
    std::this_thread::sleep_for(2ms);
  }
  if (running()) {
    ::kill(pid_, SIGKILL);
    reap(0);
    return fmt::format("did not end within {} s of SIGTERM and was killed", patience.count());
  }
  return ending();
}

std::string child_process::ending() const {
  if (WIFSIGNALED(status_)) return fmt::format("ended by signal {}", WTERMSIG(status_));
  return fmt::format("ended with exit code {}", WEXITSTATUS(status_));
}

std::string child_process::output_tail() const {
  constexpr std::size_t bytes_max = 2000;
  auto text = contents_of(options_.output_path);
  if (text.size() > bytes_max) text.erase(0, text.size() - bytes_max);
  return text;
}

scratch_directory::scratch_directory(const std::string& parent)
    : path_(parent + "/velo-bench-XXXXXX") {
  if (::mkdtemp(path_.data()) == nullptr) {
    fail("cannot make a directory below {}: {}", parent, std::strerror(errno));
  }
}

scratch_directory::~scratch_directory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace velo::bench
