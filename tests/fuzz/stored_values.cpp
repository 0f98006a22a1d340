// Any bytes as values read back from the database: decoded or refused, never worse.

#include "storage/change.hpp"
#include "storage/connection.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  static_cast<void>(velo::storage::decode_change(bytes));
  static_cast<void>(velo::storage::decode_committed_ms(bytes));
  static_cast<void>(velo::storage::decode_last_seen_ms(bytes));
  static_cast<void>(
      velo::storage::decode_connection("8b1f6b0e-3c1f-4f0a-9a39-0d6f5c3f2b11", bytes));
  return 0;
}
