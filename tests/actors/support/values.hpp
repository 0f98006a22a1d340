// Identities and write operations to test with.

#pragma once

#include "actors/messages.hpp"
#include "tests/actors/support/print.hpp"

#include <nlohmann/json.hpp>

#include <memory>
#include <string>
#include <utility>

namespace velo::actors {

using nlohmann::json;

inline const identity guest;
inline const identity superuser{identity_kind::superuser, {}, {}, nullptr};
inline const identity ingester{identity_kind::ingest, {}, {}, nullptr};

inline identity user_of(std::string collection_id, std::string record_id) {
  return {identity_kind::user, std::move(collection_id), std::move(record_id), nullptr};
}

/// A user whose claims are the identity: there is no collection of users.
inline identity claimant(const json& claims) {
  return {identity_kind::user, "users", claims.at("id"), std::make_shared<const json>(claims)};
}

inline write_operation operation(write_kind kind, std::string id, json fields = json::object()) {
  write_operation o;
  o.kind = kind;
  o.record_id = std::move(id);
  if (!fields.is_null()) o.fields = std::move(fields);  // `{}` is a null to nlohmann
  return o;
}

inline write_operation ingested(rules::action action, std::string id,
                                json fields = json::object()) {
  auto o = operation(write_kind::ingest, id, std::move(fields));
  o.fields["id"] = std::move(id);
  o.action = action;
  return o;
}

}  // namespace velo::actors
