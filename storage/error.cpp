#include "storage/error.hpp"

#include <cerrno>

namespace velo::storage {

namespace {

class category final : public boost::system::error_category {
 public:
  const char* name() const noexcept override { return "velo.storage"; }

  std::string message(int value) const override {
    switch (static_cast<errc>(value)) {
      case errc::not_found:
        return "There is no such entry.";
      case errc::name_taken:
        return "Another collection already has this name.";
      case errc::invalid_key:
        return "The id is empty, longer than 64 bytes, or not of the form this table needs.";
      case errc::invalid_value:
        return "The value has the wrong type or is nested too deeply.";
      case errc::out_of_order:
        return "The change's sequence is not above the last one of its log.";
      case errc::corrupt:
        return "The data file is damaged, or is not a Velo database; it was left untouched.";
      case errc::foreign_schema:
        return "The data directory holds the database of another application; it was left "
               "untouched.";
      case errc::newer_schema:
        return "The data directory was written by a newer version of Velo; it was left untouched.";
      case errc::map_full:
        return "The memory map is full and no more address space could be had.";
      case errc::disk_full:
        return "The disk is full: nothing was written. Writing goes on when there is space again.";
      case errc::read_only:
        return "The data directory cannot be written: it is read-only or belongs to somebody else.";
      case errc::locked_by_other_process:
        return "Another server is already using this data directory.";
      case errc::too_many_readers:
        return "Too many readers of the database at once.";
      case errc::not_empty:
        return "The directory already has something in it; it was left untouched.";
      case errc::io:
        return "The disk reported an input/output error.";
    }
    return "Unknown storage error.";
  }
};

}  // namespace

const boost::system::error_category& storage_category() noexcept {
  static const category instance;
  return instance;
}

boost::system::error_code make_error_code(errc e) noexcept {
  return {static_cast<int>(e), storage_category()};
}

boost::system::error_code error_from_errno(int number) noexcept {
  switch (number) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return errc::disk_full;
    case EROFS:
    case EACCES:
    case EPERM:
      return errc::read_only;
    case EIO:
      return errc::io;
    default:
      return {number, boost::system::system_category()};
  }
}

}  // namespace velo::storage
