// The name of a listening Unix socket in the file system: how it comes there and
// goes away again.

#pragma once

#include <boost/system/error_code.hpp>

#include <string>

namespace velo::net {

/// Whether the path fits into a socket's address.
[[nodiscard]] bool is_unix_socket_path(const std::string& path);

/// Makes way for a socket at `path`: removes one that nobody listens on any more.
/// Anything else that is there stays, and is address_in_use.
[[nodiscard]] boost::system::error_code remove_stale_socket(const std::string& path);

/// A file, whoever has replaced it by name since.
struct socket_file {
  std::string path;
  unsigned long device = 0;
  unsigned long inode = 0;
};

/// What is at `path` now.
[[nodiscard]] socket_file socket_file_at(const std::string& path);
/// Removes it, unless another one has taken its name.
void remove(const socket_file& file);

}  // namespace velo::net
