// The keys of all tables. LMDB orders keys by their bytes, so numbers are
// big-endian, and a composite key is
//
//   collection id, 0x00, record id or sequence
//
// which no other pair can produce: ids contain no zero byte. Ids have at most
// 64 bytes, so no key comes near LMDB's limit of 511.

#pragma once

#include "storage/error.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace velo::storage {

inline constexpr std::size_t id_bytes_max = 64;
inline constexpr std::size_t uuid_bytes = 16;

/// 1 to 64 bytes, none of them zero.
bool is_storable_id(std::string_view id);

/// What all keys of a collection begin with; errc::invalid_key for a bad id.
result<std::string> collection_prefix(std::string_view collection_id);

/// Both ids as one key; errc::invalid_key if either is bad.
result<std::string> record_key(std::string_view collection_id, std::string_view record_id);

/// Eight bytes in the order of the numbers; signed ones include negatives.
void append_big_endian(std::string& out, std::uint64_t value);
std::uint64_t read_big_endian(std::string_view eight_bytes);
void append_ordered(std::string& out, std::int64_t value);
std::int64_t read_ordered(std::string_view eight_bytes);

/// The 16 bytes of a uuid like "6f9619ff-8b86-d011-b42d-00cf4fc964ff", in
/// either case; errc::invalid_key for anything else. And back, in lower case.
result<std::string> pack_uuid(std::string_view text);
std::string unpack_uuid(std::string_view sixteen_bytes);

}  // namespace velo::storage
