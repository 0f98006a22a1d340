// The frames that plain channels and users send, put together where they are
// made: once for all who get them. Channel names are those of is_channel_name(),
// which need no escaping; every other text may be any UTF-8. Pure; any thread.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace velo::actors::pusher_frame {

/// `text` as a JSON string with its quotes.
[[nodiscard]] std::string quoted(std::string_view text);

/// An event; name and data are escaped already, data without its quotes.
[[nodiscard]] std::string event(std::string_view escaped_name, std::string_view channel,
                                std::string_view escaped_data);
/// An event of a client; an empty `user_id` is left out.
[[nodiscard]] std::string client_event(std::string_view name, std::string_view channel,
                                       std::string_view data, std::string_view user_id);

/// For every kind but presence.
[[nodiscard]] std::string subscription_succeeded(std::string_view channel);
/// `ids` and `hash` are the insides of a JSON array and object, escaped once more as
/// they stand in `data`.
[[nodiscard]] std::string presence_succeeded(std::string_view channel, std::string_view ids,
                                             std::string_view hash, std::size_t count);
/// `user_info` is JSON text.
[[nodiscard]] std::string member_added(std::string_view channel, std::string_view user_id,
                                       std::string_view user_info);
[[nodiscard]] std::string member_removed(std::string_view channel, std::string_view user_id);
[[nodiscard]] std::string cache_miss(std::string_view channel);
[[nodiscard]] std::string subscription_count(std::string_view channel, std::size_t count);

[[nodiscard]] std::string signin_success(std::string_view user_data);
/// Either list may be empty; its part is left out then.
[[nodiscard]] std::string watchlist_events(const std::vector<std::string_view>& online,
                                           const std::vector<std::string_view>& offline);

[[nodiscard]] std::string error(std::uint16_t code, std::string_view message);

}  // namespace velo::actors::pusher_frame
