#include "storage/cbor.hpp"

#include "tests/storage/samples.hpp"
#include "tests/support/catch.hpp"

#include <cstdint>
#include <limits>
#include <string>

namespace velo::storage {

using nlohmann::json;

namespace {

json nested(int depth) {
  json value = 1;
  for (int i = 0; i < depth; ++i) value = i % 2 == 0 ? json::array({value}) : json{{"k", value}};
  return value;
}

}  // namespace

TEST_CASE("any JSON value comes back as it was", "[storage][cbor]") {
  random_source random(1);
  for (int i = 0; i < 2'000; ++i) {
    const auto value = random_json(random);
    CHECK(from_cbor(to_cbor(value).value()).value() == value);
  }
}

TEST_CASE("numbers keep their kind and every bit", "[storage][cbor]") {
  const json numbers = {0,
                        -1,
                        23,
                        24,
                        std::numeric_limits<std::int64_t>::min(),
                        std::numeric_limits<std::int64_t>::max(),
                        std::numeric_limits<std::uint64_t>::max(),
                        1.0,
                        -0.0,
                        0.1,
                        9007199254740993,
                        5e-324,
                        1e308};
  const auto back = from_cbor(to_cbor(numbers).value()).value();
  CHECK(back == numbers);
  CHECK(back.dump() == numbers.dump());
  CHECK(back[7].is_number_float());
}

TEST_CASE("values nested to the limit are stored, deeper ones refused", "[storage][cbor]") {
  CHECK(from_cbor(to_cbor(nested(nesting_max)).value()).value() == nested(nesting_max));
  CHECK(to_cbor(nested(nesting_max + 1)).error() == errc::invalid_value);
  // Encoded by somebody without a limit.
  std::string deep(1'000'000, static_cast<char>(0x81));
  CHECK(from_cbor(deep).error() == errc::corrupt);
}

TEST_CASE("a value must be whole and alone", "[storage][cbor]") {
  const auto bytes = to_cbor(json{{"id", "x"}, {"list", {1, 2, 3}}}).value();
  for (std::size_t i = 0; i < bytes.size(); ++i)
    CHECK(from_cbor(std::string_view(bytes).substr(0, i)).error() == errc::corrupt);
  CHECK(from_cbor(bytes + '\0').error() == errc::corrupt);
}

TEST_CASE("an absurd length is an error, not an allocation", "[storage][cbor]") {
  for (const char head : {'\x9b', '\xbb', '\x7b', '\x5b'})
    CHECK(from_cbor(std::string(1, head) + std::string(8, '\xff')).error() == errc::corrupt);
}

TEST_CASE("decoding garbage is an error and never throws", "[storage][cbor]") {
  random_source random(2);
  for (int i = 0; i < 10'000; ++i) {
    const auto bytes = random_bytes(random, 64);
    CHECK_NOTHROW(from_cbor(bytes));
    CHECK_NOTHROW(decode_change(bytes));
    CHECK_NOTHROW(decode_connection(sample_uuid(1), bytes));
    CHECK_NOTHROW(decode_committed_ms(bytes));
    CHECK_NOTHROW(decode_last_seen_ms(bytes));
  }
}

TEST_CASE("decoding values with flipped bytes never throws", "[storage][cbor]") {
  random_source random(3);
  const auto change_bytes = encode(sample_change(7)).value();
  const auto connection_bytes = encode(sample_connection(7)).value();
  for (int i = 0; i < 10'000; ++i) {
    auto bytes = i % 2 == 0 ? change_bytes : connection_bytes;
    for (auto n = random() % 4 + 1; n > 0; --n)
      bytes[random() % bytes.size()] = static_cast<char>(random());
    CHECK_NOTHROW(decode_change(bytes));
    CHECK_NOTHROW(decode_connection(sample_uuid(1), bytes));
    if (const auto value = from_cbor(bytes)) CHECK_NOTHROW(collection_from_json(*value));
  }
}

TEST_CASE("an integer of fixed width is ordinary CBOR", "[storage][cbor]") {
  using limits = std::numeric_limits<std::int64_t>;
  for (const auto number :
       {std::int64_t{0}, std::int64_t{1}, std::int64_t{-1}, limits::min(), limits::max()}) {
    std::string bytes;
    append_fixed_int(bytes, number);
    CHECK(bytes.size() == fixed_int_bytes);
    CHECK(read_fixed_int(bytes, 0).value() == number);
    CHECK(from_cbor(bytes).value() == number);
    CHECK(read_fixed_int(bytes, 1).error() == errc::corrupt);
  }
}

}  // namespace velo::storage
