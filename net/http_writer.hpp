// A response as the bytes of HTTP/1.1.

#pragma once

#include "net/cors.hpp"
#include "net/http.hpp"

#include <chrono>
#include <string>
#include <string_view>

namespace velo::net {

/// What the bytes depend on besides the response.
struct response_framing {
  std::string_view request_id;  ///< Empty: none is sent.
  std::string_view origin;      ///< Of the request; empty where it had none.
  bool keep_alive = true;
  bool to_http10 = false;  ///< The client speaks 1.0 and has to be told that the connection stays.
  bool head_only = false;  ///< HEAD: the length of the body, and no body.
  std::chrono::seconds hsts_age{};  ///< How long browsers are to use TLS alone; 0: not said.
};

/// Appends `answer`. Browsers are told to take it for what its type says, to show it in
/// no frame, to run nothing of it, and not to keep it; its own headers of these names go
/// first. Headers that would end a line early are left out: no value
/// from outside can add a header or a response.
void write_response(std::string& out, const response& answer, const response_framing& framing,
                    const cors& origins);

}  // namespace velo::net
