// Tokens to identities: the superuser's, the ingest key, or a user's JWT.

#pragma once

#include "actors/interfaces.hpp"
#include "actors/jwt.hpp"
#include "actors/options.hpp"
#include "storage/database.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

namespace velo::actors {

class auth_behavior : public auth_actor::base {
 public:
  /// `verifier` may be null: then only superuser, ingest and guests exist.
  /// `database` and `options` outlive the actor.
  auth_behavior(caf::actor_config& config, std::shared_ptr<token_verifier> verifier,
                registry_actor registry, store_actor store, const storage::database& database,
                const engine_options& options);

  behavior_type make_behavior() override;
  const char* name() const override { return "auth"; }

 private:
  struct seen_claims {
    double issued_at = 0;
    std::size_t hash = 0;
    bool operator==(const seen_claims&) const = default;
  };

  caf::typed_response_promise<authenticated> on_authenticate(const authenticate& wanted);
  [[nodiscard]] bool is_superuser(const std::string& token) const;
  /// The claims of a valid token; of one that comes again without verifying its signature anew.
  std::shared_ptr<const nlohmann::json> verified(const std::string& token);
  void look_at_keys_soon();
  authenticated identify(const nlohmann::json& claims, const collection_handle& users,
                         bool named) const;
  /// Where claims are the identity, a newer token's claims rebind the user's subscriptions.
  void pass_on(const identity& who);

  std::shared_ptr<token_verifier> verifier_;  // nobody else's once the actor has it
  registry_actor registry_;
  store_actor store_;
  const storage::database& database_;
  const engine_options& options_;
  /// Verified tokens by their hash; bounded.
  std::unordered_map<std::string, std::shared_ptr<const nlohmann::json>> verified_;
  std::size_t verified_bytes_ = 0;                              // of their texts
  std::unordered_map<std::string, seen_claims> newest_claims_;  // by identity key; bounded
};

}  // namespace velo::actors
