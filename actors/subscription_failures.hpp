// Why a subscription is refused or ended, in the words its client hears.

#pragma once

#include "actors/session.hpp"

#include <string>

namespace velo::actors {

inline subscription_failure server_error(const std::string& message) {
  return {"ServerError", message, 500, {}};
}

inline subscription_failure not_found_failure() {
  return {"NotFound", "There is no such channel; subscribe anew over HTTP.", 404, {}};
}

inline subscription_failure user_deleted() {
  return {"AuthError", "The user of this subscription was deleted.", 401, "user_deleted"};
}

inline subscription_failure token_expired() {
  return {"AuthError", "The token of this subscription has expired; refresh it with a new one.",
          401, "token_expired"};
}

inline subscription_failure token_revoked() {
  return {"AuthError", "The token of this subscription was revoked.", 401, "revoked"};
}

}  // namespace velo::actors
