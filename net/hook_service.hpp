// The hook of the configuration: asked over HTTP, signed as webhooks are.

#pragma once

#include "actors/engine.hpp"
#include "net/config.hpp"
#include "net/http_client.hpp"

#include <functional>
#include <string>

namespace velo::net {

class hook_service {
 public:
  /// Registers with the engine's hooks; nothing where no URL is configured. Both
  /// outlive the engine's hooks, and so must this: engine::stop() comes first.
  hook_service(actors::engine& engine, const config& settings);

 private:
  void ask(const actors::hook_call& call, std::function<void(actors::hook_result)> done);

  const config& settings_;
  http_client client_;
};

}  // namespace velo::net
