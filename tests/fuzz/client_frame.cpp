// Any bytes as a text frame of a client.

#include "net/pusher.hpp"
#include "tests/fuzz/time_bound.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const velo::fuzz::time_bound bound(size);
  static_cast<void>(velo::net::parse_client_frame({reinterpret_cast<const char*>(data), size}));
  return 0;
}
