// Random names for logs and nodes.

#pragma once

#include <string>

namespace velo::storage {

/// 64 random bits as 16 hexadecimal digits.
std::string random_hex_id();

}  // namespace velo::storage
