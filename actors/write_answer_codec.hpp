// First answers as the idempotency table keeps them.

#pragma once

#include "actors/messages.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace velo::actors {

[[nodiscard]] std::string encode(const write_answer& answer);

/// Nothing for bytes that encode did not write.
[[nodiscard]] std::optional<write_answer> decode_write_answer(std::string_view bytes);

}  // namespace velo::actors
