#include "rules/subscribe_decision.hpp"

#include "rules/mentions.hpp"

namespace velo::rules {

decision decide(const rule& who, const expression& filter, const parameters& identity) {
  if (identity.superuser) return {access::granted, false};
  if (bind(who.condition(), identity).constant() == false) {
    return {identity.guest() ? access::unauthenticated : access::forbidden, false};
  }
  const bool same_for_all = !mentions_auth(who.condition()) && !mentions_auth(filter);
  return {access::granted, (identity.guest() || same_for_all) && !mentions_query(who.condition())};
}

}  // namespace velo::rules
