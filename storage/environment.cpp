// The only file that includes <lmdb.h>: everything of LMDB is called, and its
// return codes are translated, here.

#include "storage/environment.hpp"

#include "storage/address_space.hpp"
#include "storage/data_file.hpp"

#include <fcntl.h>
#include <lmdb.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace velo::storage {

namespace {

constexpr unsigned tables_max = 64;
constexpr std::size_t map_bytes_min = std::size_t{1} << 20;
constexpr mode_t file_mode = 0600;
constexpr auto grow_patience = std::chrono::seconds(5);

boost::system::error_code translate(int code) {
  switch (code) {
    case MDB_SUCCESS:
      return {};
    case MDB_NOTFOUND:
      return errc::not_found;
    case MDB_MAP_FULL:
      return errc::map_full;
    case MDB_READERS_FULL:
      return errc::too_many_readers;
    case MDB_BAD_VALSIZE:
      return errc::invalid_key;
    case MDB_INVALID:
    case MDB_VERSION_MISMATCH:
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
      return errc::corrupt;
    case MDB_INCOMPATIBLE:
      return errc::foreign_schema;
    default:
      if (code > 0) return error_from_errno(code);
      return errc::io;
  }
}

MDB_val to_val(std::string_view bytes) {
  // LMDB only reads through these; its struct has no const.
  return {bytes.size(), const_cast<char*>(bytes.data())};
}

std::string_view to_view(const MDB_val& value) {
  return {static_cast<const char*>(value.mv_data), value.mv_size};
}

result<void> make_directory(const std::filesystem::path& directory) {
  std::error_code failed;
  if (const auto parent = directory.parent_path(); !parent.empty())
    std::filesystem::create_directories(parent, failed);
  if (failed) return error_from_errno(failed.value());
  if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) return error_from_errno(errno);
  return {};
}

/// Makes the names of new files in a directory durable.
void sync_directory(const std::filesystem::path& directory) {
  const int fd = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  ::fsync(fd);
  ::close(fd);
}

}  // namespace

// --- cursor ---

cursor::cursor(cursor&& other) noexcept
    : handle_(std::exchange(other.handle_, nullptr)), key_(other.key_), value_(other.value_) {}

cursor::~cursor() {
  if (handle_ != nullptr) mdb_cursor_close(handle_);
}

result<bool> cursor::seek(std::string_view key) {
  return move(key.empty() ? MDB_FIRST : MDB_SET_RANGE, key);
}

result<bool> cursor::last() {
  return move(MDB_LAST, {});
}

result<bool> cursor::next() {
  return move(MDB_NEXT, {});
}

result<bool> cursor::previous() {
  return move(MDB_PREV, {});
}

result<bool> cursor::move(int operation, std::string_view key) {
  MDB_val k = to_val(key);
  MDB_val v{};
  const int rc = mdb_cursor_get(handle_, &k, &v, static_cast<MDB_cursor_op>(operation));
  if (rc == MDB_NOTFOUND) return false;
  if (rc != MDB_SUCCESS) return fail(translate(rc));
  key_ = to_view(k);
  value_ = to_view(v);
  return true;
}

// --- transaction ---

transaction::transaction(transaction&& other) noexcept
    : handle_(std::exchange(other.handle_, nullptr)), gate_(other.gate_) {}

transaction& transaction::operator=(transaction&& other) noexcept {
  if (this == &other) return *this;
  abort();
  handle_ = std::exchange(other.handle_, nullptr);
  gate_ = other.gate_;
  return *this;
}

transaction::~transaction() {
  abort();
}

void transaction::abort() noexcept {
  if (handle_ == nullptr) return;
  mdb_txn_abort(std::exchange(handle_, nullptr));
  gate_->leave();
}

result<std::optional<std::string_view>> transaction::get(table where, std::string_view key) const {
  MDB_val k = to_val(key);
  MDB_val v{};
  const int rc = mdb_get(handle_, where.handle, &k, &v);
  if (rc == MDB_NOTFOUND) return std::optional<std::string_view>();
  if (rc != MDB_SUCCESS) return fail(translate(rc));
  return std::optional(to_view(v));
}

result<cursor> transaction::open_cursor(table where) const {
  MDB_cursor* opened = nullptr;
  if (const int rc = mdb_cursor_open(handle_, where.handle, &opened); rc != MDB_SUCCESS)
    return fail(translate(rc));
  return cursor(opened);
}

result<std::uint64_t> transaction::count(table where) const {
  MDB_stat stat{};
  if (const int rc = mdb_stat(handle_, where.handle, &stat); rc != MDB_SUCCESS)
    return fail(translate(rc));
  return std::uint64_t{stat.ms_entries};
}

result<table> transaction::open_table(const char* name) const {
  table opened;
  if (const int rc = mdb_dbi_open(handle_, name, 0, &opened.handle); rc != MDB_SUCCESS)
    return fail(translate(rc));
  return opened;
}

result<bool> transaction::empty() const {
  table names;  // LMDB keeps its tables' names in an unnamed table
  if (const int rc = mdb_dbi_open(handle_, nullptr, 0, &names.handle); rc != MDB_SUCCESS)
    return fail(translate(rc));
  const auto held = count(names);
  if (!held) return fail(held.error());
  return *held == 0;
}

// --- write_transaction ---

result<void> write_transaction::put(table where, std::string_view key, std::string_view value) {
  MDB_val k = to_val(key);
  MDB_val v = to_val(value);
  return keep_failure(mdb_put(handle_, where.handle, &k, &v, 0));
}

result<bool> write_transaction::erase(table where, std::string_view key) {
  MDB_val k = to_val(key);
  const int rc = mdb_del(handle_, where.handle, &k, nullptr);
  if (rc == MDB_NOTFOUND) return false;
  if (auto done = keep_failure(rc); !done) return fail(done.error());
  return true;
}

result<table> write_transaction::create_table(const char* name) {
  table opened;
  auto done = keep_failure(mdb_dbi_open(handle_, name, MDB_CREATE, &opened.handle));
  if (!done) return fail(done.error());
  return opened;
}

result<void> write_transaction::commit() {
  if (failure_) {
    abort();
    return failure_;
  }
  const int rc = mdb_txn_commit(std::exchange(handle_, nullptr));
  gate_->leave();
  return keep_failure(rc);
}

result<void> write_transaction::keep_failure(int code) {
  if (code == MDB_SUCCESS) return {};
  auto error = translate(code);
  // LMDB says EIO when the disk took only a part of a write.
  if (code == EIO && owner_->disk_is_full()) error = errc::disk_full;
  // A bad key is refused before anything is written; all else dooms the transaction.
  if (!failure_ && code != MDB_BAD_VALSIZE) failure_ = error;
  // After the first failure LMDB only says that there was one.
  return failure_ ? failure_ : error;
}

// --- environment ---

result<std::unique_ptr<environment>> environment::open(const std::filesystem::path& directory,
                                                       const environment_options& options,
                                                       const inspector& inspect) {
  if (auto made = make_directory(directory); !made) return fail(made.error());
  // Ours has a lock file; to look into anybody else's directory we make none.
  auto lock = directory_lock::acquire_existing(directory);
  if (!lock) return fail(lock.error());
  const auto state = check_data_file(directory / "data.mdb");
  if (!state) return fail(state.error());
  if (*state == data_file_state::sound && inspect) {
    if (auto fine = inspect_existing(directory, inspect); !fine) return fail(fine.error());
  }
  if (!lock->held()) lock = directory_lock::acquire(directory);
  if (!lock) return fail(lock.error());

  const unsigned flags = options.durable ? 0 : MDB_NOSYNC;
  auto map_bytes = fitting_map_bytes(options.map_bytes);
  auto opened = open_handle(directory, map_bytes, flags, options.max_readers);
  // A file system may refuse what the address space would hold.
  while (!opened && map_bytes > map_bytes_min &&
         (opened.error() == boost::system::errc::not_enough_memory ||
          opened.error() == boost::system::errc::value_too_large)) {
    map_bytes /= 4;
    opened = open_handle(directory, map_bytes, flags, options.max_readers);
  }
  if (!opened) return fail(opened.error());
  (*opened)->lock_ = std::move(*lock);
  if (*state == data_file_state::absent) {
    sync_directory(directory);
    sync_directory(directory.parent_path());
  }
  return opened;
}

environment::~environment() {
  unsigned flags = 0;
  // A clean end loses nothing, whatever `durable` was.
  if (mdb_env_get_flags(handle_, &flags) == MDB_SUCCESS && (flags & MDB_NOSYNC) != 0)
    mdb_env_sync(handle_, 1);
  mdb_env_close(handle_);
}

result<std::unique_ptr<environment>> environment::open_handle(
    const std::filesystem::path& directory, std::size_t map_bytes, unsigned int flags,
    unsigned max_readers) {
  MDB_env* handle = nullptr;
  if (const int rc = mdb_env_create(&handle); rc != MDB_SUCCESS) return fail(translate(rc));
  std::unique_ptr<environment> opened(new environment(directory, handle));
  for (const int rc :
       {mdb_env_set_maxreaders(handle, max_readers), mdb_env_set_maxdbs(handle, tables_max),
        map_bytes == 0 ? MDB_SUCCESS : mdb_env_set_mapsize(handle, map_bytes)})
    if (rc != MDB_SUCCESS) return fail(translate(rc));
  // NOTLS: a reader belongs to its transaction, not to a thread.
  if (const int rc = mdb_env_open(handle, directory.c_str(), flags | MDB_NOTLS, file_mode);
      rc != MDB_SUCCESS)
    return fail(translate(rc));
  return opened;
}

result<void> environment::inspect_existing(const std::filesystem::path& directory,
                                           const inspector& inspect) {
  // Without lock file and writing; nobody writes, since nobody holds our lock.
  // The map is at least as large as the file, whatever is asked for.
  const auto opened = open_handle(directory, map_bytes_min, MDB_RDONLY | MDB_NOLOCK, 1);
  if (!opened) return fail(opened.error());
  const auto txn = (*opened)->begin_read();
  if (!txn) return fail(txn.error());
  return inspect(*txn);
}

result<read_transaction> environment::begin_read() const {
  gate_.enter();
  MDB_txn* begun = nullptr;
  const int rc = broken_ ? MDB_PANIC : mdb_txn_begin(handle_, nullptr, MDB_RDONLY, &begun);
  if (rc == MDB_SUCCESS) return read_transaction(begun, &gate_);
  gate_.leave();
  return fail(translate(rc));
}

result<write_transaction> environment::begin_write() {
  gate_.enter();
  MDB_txn* begun = nullptr;
  const int rc = broken_ ? MDB_PANIC : mdb_txn_begin(handle_, nullptr, 0, &begun);
  if (rc == MDB_SUCCESS) return write_transaction(begun, &gate_, this);
  gate_.leave();
  return fail(translate(rc));
}

result<void> environment::write(const std::function<result<void>(write_transaction&)>& work) {
  for (;;) {
    result<void> done;
    {
      auto txn = begin_write();
      if (!txn) return fail(txn.error());
      done = work(*txn);
      if (done) done = txn->commit();
    }
    if (done || done.error() != errc::map_full) return done;
    if (auto grown = grow(); !grown) return grown;
  }
}

result<void> environment::grow() {
  result<void> grown = make_error_code(errc::map_full);
  gate_.run_alone(grow_patience, [&] { grown = enlarge(); });
  return grown;
}

result<void> environment::enlarge() {
  if (broken_) return errc::io;
  mdb_filehandle_t file = -1;
  if (const int rc = mdb_env_get_fd(handle_, &file); rc != MDB_SUCCESS) return fail(translate(rc));
  // Tried before LMDB is told: it gives the old map up first, and without any
  // map the environment is lost.
  const auto step = growth_step(map_bytes(), file);
  if (step == 0) return errc::map_full;
  const int rc = mdb_env_set_mapsize(handle_, map_bytes() + step);
  if (rc == MDB_SUCCESS) return {};
  broken_ = true;
  return fail(translate(rc));
}

result<void> environment::sync() {
  MDB_envinfo info{};
  mdb_env_info(handle_, &info);
  if (info.me_last_txnid == synced_) return {};
  const int rc = mdb_env_sync(handle_, 1);
  if (rc == EIO && disk_is_full()) return errc::disk_full;
  if (rc != MDB_SUCCESS) return fail(translate(rc));
  synced_ = info.me_last_txnid;
  return {};
}

result<void> environment::copy(const std::filesystem::path& directory,
                               const std::filesystem::path& file) {
  const auto state = check_data_file(directory / "data.mdb");
  if (!state) return fail(state.error());
  if (*state == data_file_state::absent) return errc::not_found;
  // With LMDB's lock file: it is how a server in another process knows which
  // pages we still read. The map is as large as the file says.
  const auto opened = open_handle(directory, 0, MDB_RDONLY, 1024);
  if (!opened) return fail(opened.error());
  const int fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, file_mode);
  if (fd < 0) return error_from_errno(errno);
  int rc = mdb_env_copyfd2((*opened)->handle_, fd, MDB_CP_COMPACT);
  // The server grew its map since we looked.
  for (int tries = 0; rc == MDB_MAP_RESIZED && tries < 10; ++tries) {
    rc = mdb_env_set_mapsize((*opened)->handle_, 0);
    if (rc == MDB_SUCCESS) rc = mdb_env_copyfd2((*opened)->handle_, fd, MDB_CP_COMPACT);
  }
  if (rc == MDB_SUCCESS && ::fsync(fd) != 0) rc = errno;
  ::close(fd);
  if (rc == MDB_SUCCESS) {
    sync_directory(file.parent_path());
    return {};
  }
  std::error_code ignored;
  std::filesystem::remove(file, ignored);
  return fail(translate(rc));
}

std::size_t environment::map_bytes() const {
  MDB_envinfo info{};
  mdb_env_info(handle_, &info);
  return info.me_mapsize;
}

std::size_t environment::used_bytes() const {
  MDB_envinfo info{};
  MDB_stat stat{};
  mdb_env_info(handle_, &info);
  mdb_env_stat(handle_, &stat);
  return (info.me_last_pgno + 1) * stat.ms_psize;
}

bool environment::disk_is_full() const {
  constexpr std::size_t room_bytes = std::size_t{1} << 20;
  struct statvfs disk {};
  if (::statvfs(directory_.c_str(), &disk) == 0 && disk.f_bavail * disk.f_frsize < room_bytes)
    return true;
  rlimit file_size{};  // ulimit -f
  return ::getrlimit(RLIMIT_FSIZE, &file_size) == 0 && file_size.rlim_cur != RLIM_INFINITY &&
         used_bytes() + room_bytes > file_size.rlim_cur;
}

}  // namespace velo::storage
