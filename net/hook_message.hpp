// What is sent to a hook over HTTP, and what it may answer (docs/hooks.md). Pure;
// any thread.

#pragma once

#include "actors/hooks.hpp"
#include "net/http_client.hpp"

#include <string>

namespace velo::net {

/// The body of the request, JSON.
[[nodiscard]] std::string hook_request_body(const actors::hook_call& call, std::int64_t time_ms);

/// The verdict, or why the answer is none: another status than 200 or 204, no JSON
/// object or not all of it, a key that the event does not have.
[[nodiscard]] actors::hook_result read_hook_answer(actors::hook_event event,
                                                   const http_answer& answer);

}  // namespace velo::net
