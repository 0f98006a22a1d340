#include "actors/auth.hpp"

#include "actors/auth_value.hpp"
#include "actors/constant_time.hpp"
#include "actors/hmac.hpp"

#include <caf/send.hpp>

#include <chrono>
#include <utility>

namespace velo::actors {

namespace {

// Users whose newest claims are remembered; past it the memory starts anew,
// which costs a rebinding that changes nothing.
constexpr std::size_t newest_claims_max = 100'000;

// Texts of tokens whose claims are remembered; past it the memory starts anew.
constexpr std::size_t verified_bytes_max = 4U << 20U;

constexpr auto key_look_interval = std::chrono::seconds{1};

bool is_token(const std::string& token, const std::string& secret) {
  return !secret.empty() && constant_time_equal(token, secret);
}

}  // namespace

auth_behavior::auth_behavior(caf::actor_config& config, std::shared_ptr<token_verifier> verifier,
                             registry_actor registry, store_actor store,
                             const storage::database& database, const engine_options& options)
    : auth_actor::base(config),
      verifier_(std::move(verifier)),
      registry_(std::move(registry)),
      store_(std::move(store)),
      database_(database),
      options_(options) {}

auth_behavior::behavior_type auth_behavior::make_behavior() {
  if (verifier_) look_at_keys_soon();
  return {
      [this](const authenticate& request) { return on_authenticate(request); },
      [this](look_at_keys) {
        if (verifier_->refresh()) {
          verified_.clear();
          verified_bytes_ = 0;
        }
        look_at_keys_soon();
      },
  };
}

void auth_behavior::look_at_keys_soon() {
  caf::delayed_anon_send(caf::actor_cast<auth_actor>(this), key_look_interval, look_at_keys{});
}

// Both are compared, whichever it is.
bool auth_behavior::is_superuser(const std::string& token) const {
  const bool current = is_token(token, options_.superuser_token);
  const bool previous = is_token(token, options_.superuser_token_previous);
  return current || previous;
}

std::shared_ptr<const nlohmann::json> auth_behavior::verified(const std::string& token) {
  const auto now = std::chrono::system_clock::now();
  // By a hash, so that how far a guess agrees with another's token takes no time to find out.
  const auto digest = hmac_sha256("token", token);
  std::string key(reinterpret_cast<const char*>(digest.data()), digest.size());
  if (const auto known = verified_.find(key); known != verified_.end())
    return verifier_->check(*known->second, now) ? nullptr : known->second;
  auto claims = verifier_->verify(token, now);
  if (!claims) return nullptr;
  if (verified_bytes_ > verified_bytes_max) {
    verified_.clear();
    verified_bytes_ = 0;
  }
  verified_bytes_ += token.size();
  auto kept = std::make_shared<const nlohmann::json>(std::move(*claims));
  verified_.emplace(std::move(key), kept);
  return kept;
}

caf::typed_response_promise<authenticated> auth_behavior::on_authenticate(
    const authenticate& wanted) {
  auto promise = make_response_promise<authenticated>();
  identity who;
  if (is_superuser(wanted.token)) {
    who.kind = identity_kind::superuser;
    promise.deliver(authenticated{who});
    return promise;
  }
  if (is_token(wanted.token, options_.ingest_key)) {
    who.kind = identity_kind::ingest;
    promise.deliver(authenticated{who});
    return promise;
  }
  if (!verifier_) {
    promise.deliver(authenticated{unauthenticated()});
    return promise;
  }
  auto claims = verified(wanted.token);
  if (!claims) {
    promise.deliver(authenticated{unauthenticated()});
    return promise;
  }
  const auto named = claims->find("collection");
  if (named != claims->end() && !named->is_string()) {
    promise.deliver(authenticated{unauthenticated()});
    return promise;
  }
  const bool explicitly = named != claims->end();
  auto users = explicitly ? named->get<std::string>() : options_.user_collection;
  request(registry_, caf::infinite, std::move(users))
      .then(
          [this, promise, explicitly,
           claims = std::move(claims)](const collection_handle& found) mutable {
            auto answer = identify(*claims, found, explicitly);
            if (answer.result && answer.result->claims) pass_on(*answer.result);
            promise.deliver(std::move(answer));
          },
          [promise](const caf::error&) mutable {
            promise.deliver(authenticated{unavailable("The server is stopping.")});
          });
  return promise;
}

authenticated auth_behavior::identify(const nlohmann::json& claims, const collection_handle& users,
                                      bool named) const {
  const auto subject = claims.find("sub");
  if (subject == claims.end() || !subject->is_string() ||
      subject->get_ref<const std::string&>().empty())
    return {unauthenticated()};
  const bool is_auth = users.definition && users.definition->type == storage::collection_type::auth;
  // Without a collection of users at all, tokens of the default one are their claims.
  if (!is_auth && (named || users.definition)) return {unauthenticated()};

  identity who;
  who.kind = identity_kind::user;
  who.record_id = subject->get<std::string>();
  who.collection_id = is_auth ? users.definition->id : options_.user_collection;
  who.token = facts_of(claims, verifier_->leeway());
  auto transaction = database_.begin_read();
  if (!transaction) return {unavailable(transaction.error().message())};
  const auto revoked = is_revoked(database_, *transaction, who);
  if (!revoked) return {unavailable(revoked.error().message())};
  if (*revoked) return {unauthenticated()};
  const auto record = database_.records.get(*transaction, who.collection_id, who.record_id);
  if (!record) return {unavailable(record.error().message())};
  if (*record) return {who};
  if (!is_auth) {
    const auto dropped = database_.meta.get(*transaction, had_users_key(who.collection_id));
    if (!dropped) return {unavailable(dropped.error().message())};
    if (*dropped) return {unauthenticated()};
  }
  const auto deleted =
      database_.tombstones.contains(*transaction, who.collection_id, who.record_id);
  if (!deleted) return {unavailable(deleted.error().message())};
  if (*deleted) return {unauthenticated()};
  auto own = claims;
  if (!own.contains("id")) own["id"] = who.record_id;
  who.claims = std::make_shared<const nlohmann::json>(std::move(own));
  return {who};
}

void auth_behavior::pass_on(const identity& who) {
  const double at = issued_at(*who.claims);
  if (newest_claims_.size() >= newest_claims_max) newest_claims_.clear();
  const seen_claims seen{at, std::hash<nlohmann::json>{}(*who.claims)};
  const auto [known, is_new] = newest_claims_.try_emplace(who.key(), seen);
  if (!is_new && (known->second.issued_at > at || known->second == seen)) return;
  known->second = seen;
  auto change = std::make_shared<identity_change>();
  change->collection_id = who.collection_id;
  change->record_id = who.record_id;
  change->auth = who.claims;
  change->claims = true;
  caf::anon_send(store_, identity_change_ptr{std::move(change)});
}

}  // namespace velo::actors
