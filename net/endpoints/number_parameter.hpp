// Whole numbers in a query string, with their bounds.

#pragma once

#include "actors/failure.hpp"
#include "net/http.hpp"

#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>

namespace velo::net {

/// The parameter, or `otherwise` where it is absent; 422 outside of [least, most].
[[nodiscard]] inline actors::outcome<std::uint32_t> number_parameter(const request& r,
                                                                     std::string_view name,
                                                                     std::uint32_t otherwise,
                                                                     std::uint32_t least,
                                                                     std::uint32_t most) {
  const auto text = r.query(name);
  if (!text) return otherwise;
  std::uint32_t value = 0;
  const auto* end = text->data() + text->size();
  const auto [stop, error] = std::from_chars(text->data(), end, value);
  if (error == std::errc{} && stop == end && value >= least && value <= most) return value;
  return actors::invalid(std::string(name), std::string(name) + " is a whole number from " +
                                                std::to_string(least) + " to " +
                                                std::to_string(most) + ".");
}

}  // namespace velo::net
