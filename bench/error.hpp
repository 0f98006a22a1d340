// The one exception of the harness: a sentence for the person who runs it.

#pragma once

#include <fmt/format.h>

#include <stdexcept>
#include <utility>

namespace velo::bench {

/// Thrown anywhere, caught in main(), printed as one line; the exit code is 1.
class bench_error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

template <class... Args>
[[noreturn]] void fail(fmt::format_string<Args...> text, Args&&... args) {
  throw bench_error(fmt::format(text, std::forward<Args>(args)...));
}

}  // namespace velo::bench
