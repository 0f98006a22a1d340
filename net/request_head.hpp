// What a request's head must look like before it is believed.
//
// Beast's parser is lenient where two readers could disagree on where a request
// ends (folded headers, transfer codings it does not know), and bounds a head
// only piecewise. So the head is found here, whole, and judged again after
// parsing: what is ambiguous is refused, never interpreted.

#pragma once

#include "net/http.hpp"

#include <boost/beast/http/message.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace velo::net {

struct head_scan {
  enum class outcome : std::uint8_t { incomplete, complete, malformed };

  outcome result = outcome::incomplete;
  std::size_t length = 0;  ///< Where complete: up to and with the empty line.
};

/// Looks for the end of the head that `received` starts with. `scanned` carries
/// how far the last call came, 0 for a new head: each byte is looked at once.
/// Bare line feeds and folded lines are malformed.
[[nodiscard]] head_scan scan_head(std::string_view received, std::size_t& scanned);

/// The refusal of a head that parses, but whose length, host or expectation
/// is ambiguous or unknown.
[[nodiscard]] std::optional<response> refusal_of(const boost::beast::http::request_header<>& head);

/// Whether it asks for a WebSocket.
[[nodiscard]] bool asks_for_websocket(const boost::beast::http::request_header<>& head);

/// The media type of Content-Type: lower-case, without parameters.
[[nodiscard]] std::string media_type(std::string_view content_type);

/// The id to answer with: the client's where it is one ([A-Za-z0-9_-]{1,64}),
/// else a new one. Unique enough to find a line in a log, no secret.
[[nodiscard]] std::string request_id(std::string_view from_client);

}  // namespace velo::net
