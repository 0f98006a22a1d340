// Catch2 by one name: version 2 on Debian 12, version 3 on Debian 13.

#pragma once

#ifdef VELO_CATCH2_V3
#include <catch2/catch_all.hpp>

#include <string>

namespace Catch {

inline auto Contains(const std::string& part) {
  return Matchers::ContainsSubstring(part);
}
inline auto EndsWith(const std::string& part) {
  return Matchers::EndsWith(part);
}

}  // namespace Catch

#else
#include <catch2/catch.hpp>
#endif
