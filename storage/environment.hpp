// One LMDB environment: a memory-mapped file in a directory of its own.
//
// Many readers, each with its own consistent state, never wait for the one
// writer nor it for them. A terabyte of address space is reserved at open, so
// that the file can grow without anybody being stopped; where that is refused
// (ulimit -v, containers), the map starts small and grows by grow().

#pragma once

#include "storage/directory_lock.hpp"
#include "storage/error.hpp"
#include "storage/transaction.hpp"
#include "storage/transaction_gate.hpp"

#include <atomic>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>

struct MDB_env;

namespace velo::storage {

struct environment_options {
  std::size_t map_bytes = std::size_t{1} << 40;  ///< Address space, not memory nor disk.
  bool durable = true;                           ///< A commit waits for the disk (sync = always).
  unsigned max_readers = 1024;                   ///< Read transactions open at once.
};

/// Safe for use from any thread; must outlive its transactions. Not to be used
/// by a child after fork.
class environment {
 public:
  /// Judges an existing database before anything in the directory is touched.
  using inspector = std::function<result<void>(const transaction&)>;

  /// Opens or creates. A new directory gets mode 0700, files 0600. An existing
  /// data file is first checked without writing: a damaged one is
  /// errc::corrupt, and what `inspect` returns is passed on; both leave the
  /// directory as it was. errc::locked_by_other_process while somebody, also
  /// in this process, has it open.
  static result<std::unique_ptr<environment>> open(const std::filesystem::path& directory,
                                                   const environment_options& options,
                                                   const inspector& inspect = {});
  environment(const environment&) = delete;
  environment& operator=(const environment&) = delete;
  ~environment();

  result<read_transaction> begin_read() const;

  /// Waits while another write transaction is open; beginning a second one on
  /// the same thread would wait for ever.
  result<write_transaction> begin_write();

  /// Begins, runs `work`, commits; on errc::map_full grows and does it all
  /// again, so `work` may run more than once. An error of `work` aborts.
  result<void> write(const std::function<result<void>(write_transaction&)>& work);

  /// Enlarges the map after errc::map_full. The caller must have ended its own
  /// transactions; waits for those of others, and returns errc::map_full if
  /// one stays open too long or no address space is to be had.
  result<void> grow();

  /// Makes everything committed so far durable (sync = interval); the
  /// destructor does so too. May run beside a writer. Nothing to do, nothing done.
  result<void> sync();

  /// Writes a consistent copy of the database to `file`, which must be new, and
  /// waits until it is on disk. May run beside a server that uses `directory`,
  /// in this process or in another; writers go on meanwhile.
  static result<void> copy(const std::filesystem::path& directory,
                           const std::filesystem::path& file);

  std::size_t map_bytes() const;   ///< Now.
  std::size_t used_bytes() const;  ///< Of the data file: its pages, free ones included.
  const std::filesystem::path& directory() const { return directory_; }

 private:
  friend class write_transaction;
  environment(std::filesystem::path directory, MDB_env* handle)
      : directory_(std::move(directory)), handle_(handle) {}
  static result<std::unique_ptr<environment>> open_handle(const std::filesystem::path& directory,
                                                          std::size_t map_bytes, unsigned int flags,
                                                          unsigned max_readers);
  static result<void> inspect_existing(const std::filesystem::path& directory,
                                       const inspector& inspect);
  result<void> enlarge();
  bool disk_is_full() const;

  std::filesystem::path directory_;
  MDB_env* handle_;
  directory_lock lock_;
  mutable transaction_gate gate_;
  std::atomic<bool> broken_ = false;     ///< The map was lost in a failed resize.
  std::atomic<std::size_t> synced_ = 0;  ///< The last transaction known to be on disk.
};

}  // namespace velo::storage
