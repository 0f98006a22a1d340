// Any bytes of a WebSocket client: however they are cut, the same comes out.

#include "net/frame_parser.hpp"
#include "tests/fuzz/time_bound.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>
#include <tuple>
#include <vector>

namespace {

using velo::net::client_item;
using outcome = std::vector<std::tuple<client_item::kind, std::uint16_t, std::string>>;

constexpr std::size_t message_bytes_max = 1000;

outcome parse(std::string bytes, std::size_t piece_bytes) {
  velo::net::frame_parser parser;
  outcome all;
  for (std::size_t at = 0; at < bytes.size(); at += piece_bytes) {
    auto input = std::span<char>(bytes).subspan(at, std::min(piece_bytes, bytes.size() - at));
    for (;;) {
      const auto item = parser.next(input, message_bytes_max);
      if (item.what == client_item::kind::nothing) break;
      if (item.payload.size() > message_bytes_max) std::abort();
      all.emplace_back(item.what, item.code, item.payload);
      if (item.what == client_item::kind::close || item.what == client_item::kind::violation) {
        return all;
      }
    }
  }
  return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const velo::fuzz::time_bound bound(size);
  if (size == 0) return 0;
  const std::string bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto whole = parse(bytes, bytes.size() + 1);
  if (parse(bytes, 1) != whole || parse(bytes, 1U + data[0] % 64U) != whole) std::abort();
  return 0;
}
