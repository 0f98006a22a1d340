// Random names. All of them come from OpenSSL's generator by way of a small
// buffer per thread, so that one costs no system call; what was used is wiped.
// Each throws std::runtime_error where the system has no randomness.

#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace velo::actors {

void random_bytes(std::span<unsigned char> out);

/// A UUID, version 4, in lower-case canonical form.
[[nodiscard]] std::string random_uuid_v4();

/// `size` characters of `a-z0-9`, each as likely as any other.
[[nodiscard]] std::string random_id(std::size_t size);

/// `size` characters of `0-9a-f`.
[[nodiscard]] std::string random_hex(std::size_t size);

/// `digits.digits` with 96 random bits: nobody guesses another's socket.
[[nodiscard]] std::string random_socket_id();

}  // namespace velo::actors
