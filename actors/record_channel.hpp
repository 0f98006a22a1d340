// Names of record channels on the wire: `velo.realtime.<uuid>` where the channel
// is public, `private-velo.realtime.<uuid>` where it is not.

#pragma once

#include "actors/channel_id.hpp"

#include <optional>
#include <string_view>

namespace velo::actors {

struct record_channel {
  channel_id id;
  bool is_private = false;
};

/// Nothing unless `name` is a record channel under `prefix`.
[[nodiscard]] std::optional<record_channel> parse_record_channel(std::string_view name,
                                                                 std::string_view prefix);

/// Whether `name` claims to be a record channel, well-formed or not, under any
/// kind's prefix (`presence-velo.realtime.x`). Only collections speak on these:
/// nobody may publish to one, over HTTP or by a client event.
[[nodiscard]] bool in_record_namespace(std::string_view name, std::string_view prefix);

/// The UUID of `channel_name` as the HTTP API takes it: bare, or with any of the prefixes.
[[nodiscard]] std::optional<channel_id> parse_channel_name(std::string_view channel_name,
                                                           std::string_view prefix);

}  // namespace velo::actors
