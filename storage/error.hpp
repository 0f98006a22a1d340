// What can go wrong in storage, and the result type that carries it.
//
// LMDB's return codes and errno are translated here and nowhere else (translate
// in environment.cpp), so that callers switch over one small enum. An errno we
// have no word for travels as itself in boost's system category.

#pragma once

#include <boost/system/error_code.hpp>
#include <boost/system/result.hpp>

#include <string>
#include <type_traits>

namespace velo::storage {

template <class T>
using result = boost::system::result<T>;

enum class errc {
  not_found = 1,            ///< The table or entry asked for does not exist.
  name_taken,               ///< Another collection has this name (or has it as its id).
  invalid_key,              ///< Empty, longer than 64 bytes, or not a key of this table.
  invalid_value,            ///< A value of the wrong type, or nested too deeply to be stored.
  out_of_order,             ///< A change whose sequence is not above the log's last.
  corrupt,                  ///< Bytes on disk are not what we write.
  foreign_schema,           ///< A sound LMDB file of another application.
  newer_schema,             ///< Written by a newer version of Velo.
  map_full,                 ///< The memory map is used up: abort, environment::grow, retry.
  disk_full,                ///< The file system or quota is used up; readers go on.
  read_only,                ///< The directory or file cannot be written by us.
  locked_by_other_process,  ///< Another server uses the data directory.
  too_many_readers,         ///< environment_options::max_readers are open at once.
  not_empty,                ///< A directory that was to be new has something in it.
  io,                       ///< The disk reported an error, or LMDB gave up.
};

/// The category of errc; its messages are whole sentences for an operator.
const boost::system::error_category& storage_category() noexcept;

boost::system::error_code make_error_code(errc e) noexcept;

/// An error on its way out, as a result of whatever type is returned: result's
/// own conversion from an error is not implicit for bool and json, which could
/// be made from an error code too.
class fail {
 public:
  explicit fail(boost::system::error_code error) : error_(error) {}

  template <class T>
  operator result<T>() const {  // NOLINT(google-explicit-constructor): its purpose
    return {boost::system::in_place_error, error_};
  }

 private:
  boost::system::error_code error_;
};

/// Translates errno of a file operation.
boost::system::error_code error_from_errno(int number) noexcept;

}  // namespace velo::storage

template <>
struct boost::system::is_error_code_enum<velo::storage::errc> : std::true_type {};
