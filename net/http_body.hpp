// Reading what a request carries: JSON and forms, refused with the response
// that tells the client why.

#pragma once

#include "net/http.hpp"

#include <boost/system/result.hpp>
#include <nlohmann/json.hpp>

#include <cstdint>
#include <string_view>

namespace velo::net {

enum class json_shape : std::uint8_t { object, any };

/// The body as JSON: 415 where the content type is another, 400 with the byte
/// offset where it cannot be read, nests deeper than rules::json_depth_max or is
/// no object. Integers beyond 64 bits signed become doubles.
[[nodiscard]] boost::system::result<nlohmann::json, response> json_body(
    const request& from, json_shape shape = json_shape::object);

/// The same for a text whose type is known, such as a line of NDJSON.
[[nodiscard]] boost::system::result<nlohmann::json, response> json_text(
    std::string_view text, json_shape shape = json_shape::object);

/// The fields of an `application/x-www-form-urlencoded` body: 415 for another
/// type, 400 where it is malformed.
[[nodiscard]] boost::system::result<parameters, response> form_body(const request& from);

}  // namespace velo::net
