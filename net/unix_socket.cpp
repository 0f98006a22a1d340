#include "net/unix_socket.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace velo::net {

namespace {

using boost::system::error_code;

error_code last_error() {
  return {errno, boost::system::system_category()};
}

// 0 where somebody listens, else what connect(2) says.
int try_to_connect(const std::string& path) {
  const int probe = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (probe < 0) return errno;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  const int connected = ::connect(probe, reinterpret_cast<sockaddr*>(&address), sizeof address);
  const int error = connected == 0 ? 0 : errno;
  ::close(probe);
  return error;
}

}  // namespace

bool is_unix_socket_path(const std::string& path) {
  return !path.empty() && path.size() < sizeof sockaddr_un{}.sun_path &&
         path.find('\0') == std::string::npos;
}

error_code remove_stale_socket(const std::string& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) return errno == ENOENT ? error_code{} : last_error();
  if (!S_ISSOCK(status.st_mode) || try_to_connect(path) != ECONNREFUSED)
    return {EADDRINUSE, boost::system::system_category()};
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return last_error();
  return {};
}

socket_file socket_file_at(const std::string& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) return {path};
  return {path, status.st_dev, status.st_ino};
}

void remove(const socket_file& file) {
  const auto there = socket_file_at(file.path);
  if (there.inode != 0 && there.device == file.device && there.inode == file.inode)
    ::unlink(file.path.c_str());
}

}  // namespace velo::net
