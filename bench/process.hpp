// A child process that never outlives its owner.

#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "bench/socket.hpp"

namespace velo::bench {

struct process_options {
  std::vector<std::string> arguments;                            ///< The program first.
  std::vector<std::pair<std::string, std::string>> environment;  ///< Added to ours.
  std::string output_path;  ///< Receives stdout and stderr: a file cannot fill up and block.
  std::vector<int> cores;   ///< Empty: not pinned.
};

/// Started by the constructor; the destructor kills and reaps it. The kernel
/// kills it too if the harness itself dies.
class child_process {
 public:
  explicit child_process(process_options options);
  child_process(const child_process&) = delete;
  child_process& operator=(const child_process&) = delete;
  ~child_process();

  [[nodiscard]] pid_t pid() const { return pid_; }

  /// The writing end of the child's stdin.
  [[nodiscard]] int input() const { return input_.get(); }

  [[nodiscard]] bool running();

  /// Waits for an output line that begins with `prefix` and returns the rest of
  /// it. Throws, quoting the output, when the child ends or `patience` is over.
  std::string wait_for_line(const std::string& prefix, std::chrono::seconds patience);

  /// How it ended, such as "ended by signal 11"; only when it is not running().
  [[nodiscard]] std::string ending() const;

  /// SIGTERM, then SIGKILL after `patience`. Returns how it ended, for the reader.
  std::string stop(std::chrono::seconds patience);

  /// The last lines of the output, for an error message.
  [[nodiscard]] std::string output_tail() const;

 private:
  void reap(int options);

  process_options options_;
  pid_t pid_ = -1;
  bool reaped_ = false;
  int status_ = 0;
  file_descriptor input_;
};

/// A directory that disappears with its owner.
class scratch_directory {
 public:
  /// Made below `parent`.
  explicit scratch_directory(const std::string& parent);
  scratch_directory(const scratch_directory&) = delete;
  scratch_directory& operator=(const scratch_directory&) = delete;
  ~scratch_directory();

  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace velo::bench
