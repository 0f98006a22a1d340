#include "storage/error.hpp"

#include "tests/support/catch.hpp"

#include <cerrno>
#include <set>

namespace velo::storage {

TEST_CASE("every storage error has a sentence of its own", "[storage][error]") {
  std::set<std::string> sentences;
  const int last = static_cast<int>(errc::io);
  for (int value = 1; value <= last; ++value) {
    const auto sentence = make_error_code(static_cast<errc>(value)).message();
    CHECK(sentence.back() == '.');
    CHECK(sentence != "Unknown storage error.");
    sentences.insert(sentence);
  }
  CHECK(sentences.size() == static_cast<std::size_t>(last));
}

TEST_CASE("errno of a full or read-only disk becomes our word for it", "[storage][error]") {
  CHECK(error_from_errno(ENOSPC) == errc::disk_full);
  CHECK(error_from_errno(EDQUOT) == errc::disk_full);
  CHECK(error_from_errno(EROFS) == errc::read_only);
  CHECK(error_from_errno(EACCES) == errc::read_only);
  CHECK(error_from_errno(EIO) == errc::io);
  CHECK(error_from_errno(ENOTDIR) == boost::system::errc::not_a_directory);
}

TEST_CASE("an error travels as a result of any type", "[storage][error]") {
  const auto failed_bool = [] { return result<bool>(fail(errc::corrupt)); };
  const auto failed_void = [] { return result<void>(fail(errc::io)); };
  CHECK(failed_bool().error() == errc::corrupt);
  CHECK(failed_void().error() == errc::io);
}

}  // namespace velo::storage
