// Values as CBOR (RFC 8949), by nlohmann_json.
//
// Composite values are arrays of a fixed length whose items are appended one by
// one, so that a record is encoded from where it is and never copied first.
// Decoding goes through a reader of our own (cbor.cpp): the library's throws on
// absurd lengths and recurses as deep as the input likes.

#pragma once

#include "storage/error.hpp"

#include <nlohmann/json.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace velo::storage {

/// How deep values may be nested; deeper ones are neither written nor read.
inline constexpr int nesting_max = 256;

/// Bytes of append_fixed_int.
inline constexpr std::size_t fixed_int_bytes = 9;

/// Appends a value; errc::invalid_value if it is nested too deeply.
result<void> append_cbor(std::string& out, const nlohmann::json& value);
result<std::string> to_cbor(const nlohmann::json& value);

/// The head of an array of up to 23 items, which the caller appends next.
void append_array_head(std::string& out, std::size_t items);

/// Appends an integer in nine bytes whatever its value, so that it can be read
/// and replaced in place.
void append_fixed_int(std::string& out, std::int64_t value);

/// Reads what append_fixed_int wrote at `offset`; errc::corrupt for anything else.
result<std::int64_t> read_fixed_int(std::string_view bytes, std::size_t offset);

/// Reads the text at `offset`, or passes over the integer there, and moves `offset`
/// behind it; errc::corrupt where there is none. The text is a view into `bytes`.
result<std::string_view> read_text(std::string_view bytes, std::size_t& offset);
result<void> skip_int(std::string_view bytes, std::size_t& offset);

/// One value and nothing after it; errc::corrupt for anything else. Never throws
/// for any bytes, but for want of memory.
result<nlohmann::json> from_cbor(std::string_view bytes);

/// from_cbor for an array of exactly `items` items.
result<nlohmann::json> array_from_cbor(std::string_view bytes, std::size_t items);

/// Moves a string, or copies another scalar, out of an item. Sets `ok` to false
/// if it is of another type; never back to true.
std::string take_string(nlohmann::json& item, bool& ok);
bool take_bool(const nlohmann::json& item, bool& ok);
std::int64_t take_int(const nlohmann::json& item, bool& ok);
std::uint64_t take_unsigned(const nlohmann::json& item, bool& ok);

}  // namespace velo::storage
