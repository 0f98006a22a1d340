// "Did you mean ...?" for names that we do not know.

#pragma once

#include <span>
#include <string>
#include <string_view>

namespace velo::net {

/// ` Did you mean <candidate>?` for the nearest candidate; empty where none is
/// near (a third of its letters apart by inserting, dropping, changing or swapping).
[[nodiscard]] std::string did_you_mean(std::string_view word,
                                       std::span<const std::string> candidates);

}  // namespace velo::net
