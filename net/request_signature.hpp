// Signatures of requests on the Pusher API (PUSHER_PROTOCOL.md 13.1): who holds
// a secret of the app signs method, path, query and body. Pure; any thread.

#pragma once

#include "net/app.hpp"
#include "net/url.hpp"

#include <boost/system/result.hpp>

#include <chrono>
#include <string>
#include <string_view>

namespace velo::net {

/// What of a request is signed.
struct signed_parts {
  std::string_view method;    ///< In capitals.
  std::string_view raw_path;  ///< As sent, without the mount prefix.
  std::string_view path;      ///< The same decoded: libraries sign either.
  const parameters& query;    ///< Decoded; `auth_signature` and all.
  std::string_view body;
};

/// Why a request is not taken for the app's: a sentence for its 401.
struct signature_error {
  std::string sentence;
};
[[noreturn]] void throw_exception_from_error(const signature_error& e,
                                             const boost::source_location&);

/// The key with which `what` is signed; `now` is Unix time. Refused are a key of
/// another app, a time off by more than `window`, a name that occurs twice and
/// is no array (`a[]`), and a body without its `body_md5`. Takes the same time
/// wherever signatures differ.
[[nodiscard]] boost::system::result<const app_key*, signature_error> verify_request(
    const app& of, const signed_parts& what, std::chrono::seconds now, std::chrono::seconds window);

/// The query of a request that we send: `more` and all that is signed, encoded.
[[nodiscard]] std::string signed_query(const app_key& with, std::string_view method,
                                       std::string_view path, parameters more,
                                       std::string_view body, std::chrono::seconds now);

[[nodiscard]] std::string md5_hex(std::string_view text);

}  // namespace velo::net
