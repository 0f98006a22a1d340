// From what a client sent to a collection's definition, validated.

#pragma once

#include "actors/failure.hpp"
#include "actors/options.hpp"
#include "storage/collection.hpp"

#include <nlohmann/json_fwd.hpp>

namespace velo::actors {

/// Every shard is an actor that is told every change.
inline constexpr unsigned shards_max = 64;

/// `base` with the given fields changed: name, type, rules, hidden, guarded,
/// history, mirror, shards, app (HTTP_API.md, 'Collections'). Fields that the
/// server sets are ignored, unknown ones refused. For a new collection `base`
/// has defaults and no id, and a name is required.
[[nodiscard]] outcome<storage::collection> change_definition(storage::collection base,
                                                             const nlohmann::json& fields,
                                                             const engine_options& options);

}  // namespace velo::actors
