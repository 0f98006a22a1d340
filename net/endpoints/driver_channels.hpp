// Channels whose clients may be on an outside server: their names, which have the
// driver's prefix there, and how a subscription gets behind its drivers.

#pragma once

#include "actors/record_channel.hpp"
#include "net/endpoints/api.hpp"

#include <optional>
#include <string>

namespace velo::net {

/// The prefix of a collection's channels where its clients listen.
[[nodiscard]] const std::string& channel_prefix_of(const std::string& collection,
                                                   const config& settings);

/// A record channel's wire name, here or behind any driver.
[[nodiscard]] std::optional<actors::record_channel> parse_any_record_channel(
    const std::string& name, const config& settings);
/// The same, or a bare UUID, as the HTTP API takes it.
[[nodiscard]] std::optional<actors::channel_id> parse_any_channel_name(const std::string& name,
                                                                       const config& settings);

/// Where the clients of a collection listen on a channel of this name: null within for
/// this server's WebSocket. `wanted`: a driver's name, or `embedded`; the collection's
/// primary way where it is not said. Nothing where that way does not lead there.
[[nodiscard]] std::optional<const driver_config*> find_way(const std::string& channel,
                                                           const std::optional<std::string>& wanted,
                                                           const config& settings,
                                                           const std::string& collection);

/// Answers `then` once the events of a new subscription reach every driver that serves
/// its collection.
void take_behind_drivers(const api& a, const reactor& loop, const storage::connection& stored,
                         const std::string& collection, const respond& answer, response then);

/// Answers `then` once a subscription with a newer token is behind its drivers again: where
/// the older one has expired, nobody else would take it up.
void take_again_behind_drivers(const api& a, const reactor& loop, const actors::channel_id& channel,
                               const respond& answer, response then);

}  // namespace velo::net
