// Who holds which channel and which user, and one call for each question that an
// application's server may ask of them.

#pragma once

#include "actors/channel_interfaces.hpp"
#include "actors/loop.hpp"

#include <functional>
#include <memory>
#include <string_view>
#include <vector>

namespace velo::actors {

/// Constant once made; any thread.
class channel_directory {
 public:
  channel_directory() = default;
  channel_directory(std::vector<app_options> apps, std::vector<channel_actor> shards);

  /// Null where there is no such app. Stays valid as long as this object.
  [[nodiscard]] app_ref find_app(std::string_view id) const;

  [[nodiscard]] const channel_actor& of_channel(app_ref app, std::string_view channel) const;
  /// All users of an app are in one place: who watches several hears of them in one order.
  [[nodiscard]] const channel_actor& of_users(app_ref app) const;
  [[nodiscard]] const std::vector<channel_actor>& shards() const { return shards_; }

 private:
  std::vector<std::unique_ptr<live_app>> apps_;
  std::vector<channel_actor> shards_;
};

// Each asks on behalf of `asker`, whose thread this is, and calls `then` once there,
// later; with `unavailable` where the server is stopping.

template <class Answer>
using then = std::function<void(outcome<Answer>)>;

void publish(loop_behavior& asker, const channel_directory& where, publish_request what,
             then<publish_answer> done);
void ask(loop_behavior& asker, const channel_directory& where, list_channels what,
         then<channel_list> done);
void ask(loop_behavior& asker, const channel_directory& where, channel_query what,
         then<channel_info> done);
void ask(loop_behavior& asker, const channel_directory& where, list_members what,
         then<member_list> done);
void ask(loop_behavior& asker, const channel_directory& where, terminate_user what,
         then<terminated> done);

}  // namespace velo::actors
