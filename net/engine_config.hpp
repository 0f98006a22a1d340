// What a configuration says to the engine.

#pragma once

#include "actors/engine.hpp"
#include "net/config.hpp"

#include <memory>

namespace velo::net {

/// `stages` outlives the engine; turned on where the configuration measures.
[[nodiscard]] actors::engine_options engine_options_of(const config& c,
                                                       actors::stage_clock& stages);

/// Throws std::runtime_error with a sentence where a key file cannot be used.
[[nodiscard]] std::shared_ptr<actors::token_verifier> verifier_of(const auth_config& auth);

/// Creates or changes the collections of the configuration. Throws likewise.
void declare_collections(actors::engine& engine, const config& c);

}  // namespace velo::net
