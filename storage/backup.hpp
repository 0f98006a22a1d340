// A copy of the database while a server uses it, and the way back.

#pragma once

#include "storage/database.hpp"

#include <filesystem>

namespace velo::storage {

/// Copies the database of the data directory `data` into the directory `target`,
/// which must be new or empty, as one state: that of one moment while it runs.
/// Writers go on. The generated secrets go with it where there are any. When it
/// returns, the copy is on disk; a copy that was cut off cannot be restored.
result<void> back_up(const std::filesystem::path& data, const std::filesystem::path& target);

/// Puts a backup into the data directory `data`, which must not hold a database.
/// Every log gets a new epoch, so that whoever was ahead of the copy is told.
result<void> restore(const std::filesystem::path& backup, const std::filesystem::path& data);

}  // namespace velo::storage
