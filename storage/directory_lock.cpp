#include "storage/directory_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>

namespace velo::storage {

directory_lock::~directory_lock() {
  if (fd_ >= 0) ::close(fd_);
}

result<directory_lock> directory_lock::acquire(const std::filesystem::path& directory) {
  return lock(directory, O_CREAT);
}

result<directory_lock> directory_lock::acquire_existing(const std::filesystem::path& directory) {
  auto held = lock(directory, 0);
  if (!held && held.error() == boost::system::errc::no_such_file_or_directory)
    return directory_lock();
  return held;
}

result<directory_lock> directory_lock::lock(const std::filesystem::path& directory,
                                            int open_flags) {
  const auto path = directory / "velo.lock";
  const int fd = ::open(path.c_str(), open_flags | O_RDWR | O_CLOEXEC, 0600);
  if (fd < 0) return error_from_errno(errno);
  directory_lock held(fd);
  int rc = 0;
  do {
    rc = ::flock(fd, LOCK_EX | LOCK_NB);
  } while (rc != 0 && errno == EINTR);
  if (rc == 0) return held;
  if (errno == EWOULDBLOCK) return errc::locked_by_other_process;
  return error_from_errno(errno);
}

}  // namespace velo::storage
