#include "net/endpoints/auth_fields.hpp"

#include "net/channel_name.hpp"
#include "net/http_body.hpp"

namespace velo::net {

namespace {

std::string text_at(const nlohmann::json& body, const char* name) {
  const auto at = body.find(name);
  return at != body.end() && at->is_string() ? at->get<std::string>() : std::string();
}

}  // namespace

boost::system::result<auth_fields, response> read_auth_fields(const request& r) {
  auth_fields out;
  if (r.content_type == "application/json") {
    const auto body = json_body(r);
    if (!body) return body.error();
    out = {text_at(*body, "socket_id"), text_at(*body, "channel_name")};
  } else {
    const auto form = form_body(r);
    if (!form) return form.error();
    for (const auto& [key, value] : *form) {
      if (key == "socket_id") out.socket_id = value;
      if (key == "channel_name") out.channel_name = value;
    }
  }
  if (!is_socket_id(out.socket_id))
    return error_response(
        actors::invalid("socket_id", "socket_id is digits.digits, as the handshake gave."));
  return out;
}

}  // namespace velo::net
