// One server per data directory: an flock on the file velo.lock in it.
//
// The kernel drops the lock when the process ends, however it ends, so there
// is no stale lock to clean up; the file itself stays.

#pragma once

#include "storage/error.hpp"

#include <filesystem>
#include <utility>

namespace velo::storage {

/// Owns the lock until destroyed; movable. An empty one holds nothing.
class directory_lock {
 public:
  directory_lock() = default;
  directory_lock(directory_lock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  directory_lock& operator=(directory_lock&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~directory_lock();

  /// Locks, creating the lock file if need be.
  static result<directory_lock> acquire(const std::filesystem::path& directory);

  /// Locks if there is a lock file, else returns an empty lock and touches nothing.
  static result<directory_lock> acquire_existing(const std::filesystem::path& directory);

  bool held() const { return fd_ >= 0; }

 private:
  explicit directory_lock(int fd) : fd_(fd) {}
  static result<directory_lock> lock(const std::filesystem::path& directory, int open_flags);

  int fd_ = -1;
};

}  // namespace velo::storage
