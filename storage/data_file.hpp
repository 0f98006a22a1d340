// A look at LMDB's data file with ordinary reads, before it is mapped.
//
// LMDB trusts its file: in a truncated one, touching a page beyond the end is a
// SIGBUS that takes the server down. So what the file says of itself is
// compared with how long it is, and nothing is written to it.

#pragma once

#include "storage/error.hpp"

#include <filesystem>

namespace velo::storage {

enum class data_file_state {
  absent,  ///< No file, or an empty one: a new database.
  sound,
};

/// errc::corrupt if the file is no LMDB file of this machine's kind, a header is
/// damaged, or something it needs lies beyond its end.
result<data_file_state> check_data_file(const std::filesystem::path& file);

}  // namespace velo::storage
