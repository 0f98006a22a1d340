// What the routes that write records share: the idempotency of a request, and
// refusals as they stand in an answer about many changes.

#pragma once

#include "actors/messages.hpp"
#include "net/http.hpp"

#include <nlohmann/json_fwd.hpp>

#include <optional>
#include <string>

namespace velo::net {

/// Of the `Idempotency-Key` or `X-Idempotency-Key` header; 422 for an unusable key.
[[nodiscard]] actors::outcome<std::optional<actors::idempotency>> idempotency_of(
    const request& r, const actors::identity& who);

/// Of an event that an app publishes.
[[nodiscard]] actors::outcome<std::optional<actors::idempotency>> event_idempotency_of(
    const request& r, const std::string& app_id);

/// `{"message", "errors"}` as error_response has it.
[[nodiscard]] nlohmann::json failure_json(const actors::failure& why);

}  // namespace velo::net
