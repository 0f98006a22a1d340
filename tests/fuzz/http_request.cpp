// Any bytes over a connection: the session, the router and the endpoints of a whole
// server read them, its actors and database answer. The connection must end in time,
// and no answer may be that of an exception.

#include "tests/fuzz/served.hpp"
#include "tests/fuzz/time_bound.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // Of the thread: CAF's own objects of the thread are gone before what is static.
  static thread_local const velo::fuzz::served server;
  const velo::fuzz::time_bound bound(size, velo::fuzz::time_bound::of::process);
  const auto answers =
      server.exchange(server.signed_by_app({reinterpret_cast<const char*>(data), size}));
  if (!answers) {
    std::fprintf(stderr, "the connection did not end\n");
    std::abort();
  }
  // Bodies are JSON or metrics: no line end of HTTP is in them.
  if (answers->find("HTTP/1.1 500 Internal Server Error\r\n") != std::string::npos) {
    std::fprintf(stderr, "%s\n", answers->c_str());
    std::abort();
  }
  return 0;
}
