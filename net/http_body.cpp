#include "net/http_body.hpp"

#include "rules/json.hpp"

#include <string>
#include <utility>

namespace velo::net {

namespace {

bool is_json(std::string_view type) {
  return type == "application/json" ||
         (type.starts_with("application/") && type.ends_with("+json"));
}

}  // namespace

boost::system::result<nlohmann::json, response> json_body(const request& from, json_shape shape) {
  if (!is_json(from.content_type)) {
    return error_response(415, "Content-Type must be application/json.");
  }
  return json_text(from.body, shape);
}

boost::system::result<nlohmann::json, response> json_text(std::string_view text, json_shape shape) {
  auto parsed = rules::parse_json(text);
  if (!parsed) {
    return error_response(400, "The body is not valid JSON: " + parsed.error().message +
                                   " (at byte " + std::to_string(parsed.error().offset) + ").");
  }
  if (shape == json_shape::object && !parsed->is_object()) {
    return error_response(400, "The body must be a JSON object.");
  }
  // Named, because a json converts to anything, also to a response.
  return {boost::system::in_place_value, std::move(*parsed)};
}

boost::system::result<parameters, response> form_body(const request& from) {
  if (from.content_type != "application/x-www-form-urlencoded") {
    return error_response(415, "Content-Type must be application/x-www-form-urlencoded.");
  }
  auto fields = parse_parameters(from.body);
  if (!fields) return error_response(400, "The form is malformed.");
  return std::move(*fields);
}

}  // namespace velo::net
