// Webhook events as they stand in a request, and back.

#pragma once

#include "actors/webhook_event.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace velo::actors {

[[nodiscard]] std::string to_json_text(const webhook_event& e);

/// Nothing where the text is not what to_json_text gives. Its time is not in it.
[[nodiscard]] std::optional<webhook_event> parse_webhook_event(std::string_view text);

}  // namespace velo::actors
