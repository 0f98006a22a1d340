// Small files that only their owner may read: written whole, durably, or not at all.

#pragma once

#include <boost/system/result.hpp>

#include <optional>
#include <stdexcept>
#include <string>

namespace velo::net {

struct file_error {
  std::string sentence;
};
[[noreturn]] inline void throw_exception_from_error(const file_error& e,
                                                    const boost::source_location&) {
  throw std::runtime_error(e.sentence);
}

struct private_text {
  std::string text;
  bool was_readable = false;  ///< Others could read it; now they cannot.
};

/// Nothing where there is no such file. Refuses what is no regular file of this
/// user (a symbolic link included), what others may write, and more than 64 KiB.
[[nodiscard]] boost::system::result<std::optional<private_text>, file_error> read_private_file(
    const std::string& path);

/// Writes `text` with mode 0600 beside `path`, syncs it, then moves it there.
/// Without `replace` a file that is there stays, and the answer is false.
[[nodiscard]] boost::system::result<bool, file_error> write_private_file(const std::string& path,
                                                                         const std::string& text,
                                                                         bool replace);

/// Makes the directory with mode 0700, its parents with the usual one. Nothing
/// happens where it is there.
[[nodiscard]] boost::system::result<void, file_error> make_private_directory(
    const std::string& path);

}  // namespace velo::net
