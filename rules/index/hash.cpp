#include "rules/index/hash.hpp"

#include <random>

namespace velo::rules::index {

const hash_key& process_hash_key() noexcept {
  static const hash_key key = [] {
    std::random_device source;
    const auto word = [&] {
      // Odd, so that no factor of a product is ever zero by itself.
      return (static_cast<std::uint64_t>(source()) << 32U | source()) | 1U;
    };
    return hash_key{word(), word(), word()};
  }();
  return key;
}

}  // namespace velo::rules::index
