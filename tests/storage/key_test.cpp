#include "storage/key.hpp"

#include "tests/support/catch.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace velo::storage {

TEST_CASE("big-endian keys sort as their numbers", "[storage][key]") {
  const std::vector<std::uint64_t> numbers = {
      0, 1, 255, 256, 65'535, 65'536, std::uint64_t{1} << 32, std::uint64_t{1} << 63, ~0ULL};
  std::vector<std::string> keys;
  for (const auto number : numbers) {
    append_big_endian(keys.emplace_back(), number);
    CHECK(keys.back().size() == 8);
    CHECK(read_big_endian(keys.back()) == number);
  }
  CHECK(std::is_sorted(keys.begin(), keys.end()));
}

TEST_CASE("signed keys sort with the negatives first", "[storage][key]") {
  using limits = std::numeric_limits<std::int64_t>;
  const std::vector<std::int64_t> numbers = {limits::min(), -256,         -255, -1, 0, 1,
                                             256,           limits::max()};
  std::vector<std::string> keys;
  for (const auto number : numbers) {
    append_ordered(keys.emplace_back(), number);
    CHECK(read_ordered(keys.back()) == number);
  }
  CHECK(std::is_sorted(keys.begin(), keys.end()));
}

TEST_CASE("two pairs of ids never make one key", "[storage][key]") {
  CHECK(record_key("ab", "c").value() != record_key("a", "bc").value());
  CHECK(!record_key("ab", "c").value().starts_with(collection_prefix("a").value()));
}

TEST_CASE("ids are 1 to 64 bytes; longer ones are refused, not cut", "[storage][key]") {
  const std::string longest(64, 'x');
  CHECK(record_key(longest, longest).value().size() == 129);
  CHECK(record_key(longest, longest + "x").error() == errc::invalid_key);
  CHECK(record_key(longest + "x", longest).error() == errc::invalid_key);
  CHECK(record_key("", "r").error() == errc::invalid_key);
  CHECK(record_key("c", "").error() == errc::invalid_key);
  CHECK(collection_prefix(std::string_view("a\0b", 3)).error() == errc::invalid_key);
}

TEST_CASE("a uuid is packed into 16 bytes and back, in lower case", "[storage][key]") {
  const auto packed = pack_uuid("6F9619FF-8b86-d011-b42d-00cf4fc964ff").value();
  CHECK(packed.size() == uuid_bytes);
  CHECK(unpack_uuid(packed) == "6f9619ff-8b86-d011-b42d-00cf4fc964ff");
}

TEST_CASE("what is not a uuid is refused", "[storage][key]") {
  const auto* text =
      GENERATE("", "x", "6f9619ff-8b86-d011-b42d-00cf4fc964f",
               "6f9619ff-8b86-d011-b42d-00cf4fc964fff", "6f9619ff-8b86-d011-b42d-00cf4fc964fg",
               "6f9619ff08b86-d011-b42d-00cf4fc964ff", "-f9619ff-8b86-d011-b42d-00cf4fc964ff");
  CHECK(pack_uuid(text).error() == errc::invalid_key);
}

}  // namespace velo::storage
