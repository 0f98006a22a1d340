#include "net/pusher_error.hpp"

namespace velo::net {

namespace {

std::string_view code_of(unsigned status) {
  switch (status) {
    case 400:
      return "bad_request";
    case 401:
      return "unauthorized";
    case 403:
      return "forbidden";
    case 404:
      return "not_found";
    case 405:
      return "method_not_allowed";
    case 409:
      return "conflict";
    case 413:
      return "payload_too_large";
    case 503:
      return "unavailable";
    default:
      return "error";
  }
}

}  // namespace

response pusher_error(unsigned status, std::string_view sentence) {
  return json_response(status,
                       {{"error", sentence}, {"code", code_of(status)}, {"status", status}});
}

bool is_pusher_path(std::string_view path) {
  return path.starts_with("/apps/");
}

}  // namespace velo::net
