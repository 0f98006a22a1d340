#include "storage/backup.hpp"

#include "storage/data_file.hpp"
#include "storage/directory_lock.hpp"

#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <system_error>

namespace velo::storage {

namespace {

namespace fs = std::filesystem;

constexpr auto data_file = "data.mdb";
// What is not complete yet has another name than what can be opened.
constexpr auto unfinished = "unfinished";
constexpr auto secrets_file = "secrets.json";

result<void> make_empty_directory(const fs::path& directory) {
  std::error_code failed;
  if (const auto parent = directory.parent_path(); !parent.empty())
    fs::create_directories(parent, failed);
  if (failed) return error_from_errno(failed.value());
  if (::mkdir(directory.c_str(), 0700) == 0) return {};
  if (errno != EEXIST) return error_from_errno(errno);
  const bool empty = fs::is_empty(directory, failed);
  if (failed) return error_from_errno(failed.value());
  return empty ? result<void>() : result<void>(errc::not_empty);
}

result<void> copy_secrets(const fs::path& from, const fs::path& to) {
  std::error_code failed;
  if (!fs::exists(from / secrets_file, failed) || fs::exists(to / secrets_file, failed)) return {};
  // Made with the mode of the source, which is its owner's only.
  fs::copy_file(from / secrets_file, to / secrets_file, failed);
  return failed ? result<void>(error_from_errno(failed.value())) : result<void>();
}

result<void> move_file(const fs::path& from, const fs::path& to) {
  std::error_code failed;
  fs::rename(from, to, failed);
  return failed ? result<void>(error_from_errno(failed.value())) : result<void>();
}

}  // namespace

result<void> back_up(const fs::path& data, const fs::path& target) {
  const auto there = check_data_file(data / data_file);
  if (!there) return fail(there.error());
  if (*there == data_file_state::absent) return errc::not_found;
  if (auto made = make_empty_directory(target); !made) return made;
  if (auto done = environment::copy(data, target / unfinished); !done) return done;
  if (auto done = copy_secrets(data, target); !done) return done;
  return move_file(target / unfinished, target / data_file);
}

result<void> restore(const fs::path& backup, const fs::path& data) {
  const auto source = check_data_file(backup / data_file);
  if (!source) return fail(source.error());
  if (*source == data_file_state::absent) return errc::not_found;
  std::error_code failed;
  fs::create_directories(data, failed);
  if (failed) return error_from_errno(failed.value());
  fs::permissions(data, fs::perms::owner_all, failed);
  const auto lock = directory_lock::acquire(data);
  if (!lock) return fail(lock.error());
  const auto before = check_data_file(data / data_file);
  if (!before || *before != data_file_state::absent) return errc::not_empty;

  const auto staging = data / unfinished;
  fs::remove_all(staging, failed);
  if (!failed) fs::create_directory(staging, failed);
  if (!failed) fs::copy_file(backup / data_file, staging / data_file, failed);
  if (failed) return error_from_errno(failed.value());
  {
    // Only a copy that says it is another log takes the place of the database.
    auto copy = database::open(staging);
    if (!copy) return fail(copy.error());
    auto renewed =
        (*copy)->env().write([&](write_transaction& txn) { return (*copy)->renew_epochs(txn); });
    if (!renewed) return renewed;
  }
  // What clients had heard of another log is of no use.
  fs::remove_all(data / "positions", failed);
  if (auto done = copy_secrets(backup, data); !done) return done;
  if (auto done = move_file(staging / data_file, data / data_file); !done) return done;
  fs::remove_all(staging, failed);
  return {};
}

}  // namespace velo::storage
