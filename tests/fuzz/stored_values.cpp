// Any bytes as values read back from the database: decoded or refused, never worse.
// What is decoded is stored again in one way only.

#include "actors/write_answer_codec.hpp"
#include "storage/cbor.hpp"
#include "storage/change.hpp"
#include "storage/collection.hpp"
#include "storage/connection.hpp"
#include "tests/fuzz/time_bound.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

using namespace velo::storage;

constexpr std::string_view uuid = "8b1f6b0e-3c1f-4f0a-9a39-0d6f5c3f2b11";

void check_value(std::string_view bytes) {
  const auto value = from_cbor(bytes);
  if (!value) return;
  const auto stored = to_cbor(*value);
  if (!stored) std::abort();
  const auto again = from_cbor(*stored);
  if (!again || to_cbor(*again) != stored) std::abort();
  static_cast<void>(collection_from_json(*value));
}

void check_change(std::string_view bytes) {
  const auto change = decode_change(bytes);
  if (!change) return;
  const auto stored = encode(*change);
  if (!stored) std::abort();
  const auto again = decode_change(*stored);
  if (!again || encode(*again) != stored) std::abort();
  if (decode_committed_ms(*stored).value() != change->committed_ms) std::abort();
}

void check_connection(std::string_view bytes) {
  const auto connection = decode_connection(uuid, bytes);
  const auto owner = decode_owner(bytes);
  if (!connection) return;
  const auto is_owned_by = [&](const connection_owner& of) {
    return of.auth_collection_id == connection->auth_collection_id &&
           of.auth_record_id == connection->auth_record_id;
  };
  if (owner && !is_owned_by(*owner)) std::abort();
  auto stored = encode(*connection);
  if (!stored) std::abort();
  const auto again = decode_connection(uuid, *stored);
  if (!again || encode(*again) != stored) std::abort();
  if (const auto known = decode_owner(*stored); !known || !is_owned_by(*known)) std::abort();
  if (!replace_last_seen_ms(*stored, -1) || decode_last_seen_ms(*stored).value() != -1)
    std::abort();
}

void check_answer(std::string_view bytes) {
  const auto answer = velo::actors::decode_write_answer(bytes);
  if (!answer) return;
  const auto stored = velo::actors::encode(*answer);
  const auto again = velo::actors::decode_write_answer(stored);
  if (!again || velo::actors::encode(*again) != stored) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const velo::fuzz::time_bound bound(size);
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  check_value(bytes);
  check_change(bytes);
  check_connection(bytes);
  check_answer(bytes);
  static_cast<void>(decode_committed_ms(bytes));
  static_cast<void>(decode_last_seen_ms(bytes));
  return 0;
}
