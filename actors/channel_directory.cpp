#include "actors/channel_directory.hpp"

#include "actors/event_body.hpp"

#include <algorithm>
#include <functional>
#include <iterator>
#include <utility>

namespace velo::actors {

namespace {

// Counts the answers of several actors down and gives the whole to `done` once.
template <class Answer>
struct gathering {
  Answer whole;
  std::size_t open = 0;
  then<Answer> done;
  bool failed = false;

  void one_came() {
    if (--open > 0) return;
    if (failed)
      done(unavailable("The server is stopping."));
    else
      done(std::move(whole));
  }
};

template <class Answer>
std::shared_ptr<gathering<Answer>> gather(std::size_t count, then<Answer> done) {
  auto g = std::make_shared<gathering<Answer>>();
  g->open = count;
  g->done = std::move(done);
  return g;
}

template <class Answer, class Message, class Take>
void ask_for_part(loop_behavior& asker, const channel_actor& of, Message message,
                  std::shared_ptr<gathering<Answer>> whole, Take take) {
  asker.request(of, caf::infinite, std::move(message))
      .then(
          [whole, take](Answer& part) {
            take(whole->whole, part);
            whole->one_came();
          },
          [whole](const caf::error&) {
            whole->failed = true;
            whole->one_came();
          });
}

template <class Answer, class Message>
void ask_one(loop_behavior& asker, const channel_actor& of, Message message, then<Answer> done) {
  ask_for_part(asker, of, std::make_shared<const Message>(std::move(message)),
               gather<Answer>(1, std::move(done)),
               [](Answer& whole, Answer& part) { whole = std::move(part); });
}

std::size_t hash_of(app_ref app, std::string_view name) {
  // Of the id, not of the address: the same channel has the same place after a restart.
  const auto h = std::hash<std::string_view>{};
  return h(app->id) * 31 + h(name);
}

}  // namespace

channel_directory::channel_directory(std::vector<app_options> apps,
                                     std::vector<channel_actor> shards)
    : shards_(std::move(shards)) {
  for (auto& options : apps) apps_.push_back(std::make_unique<live_app>(std::move(options)));
}

app_ref channel_directory::find_app(std::string_view id) const {
  const auto at =
      std::find_if(apps_.begin(), apps_.end(), [id](const auto& a) { return a->id == id; });
  return at == apps_.end() ? nullptr : at->get();
}

const channel_actor& channel_directory::of_channel(app_ref app, std::string_view channel) const {
  return shards_[hash_of(app, channel) % shards_.size()];
}

const channel_actor& channel_directory::of_users(app_ref app) const {
  return shards_[hash_of(app, {}) % shards_.size()];
}

void publish(loop_behavior& asker, const channel_directory& where, publish_request what,
             then<publish_answer> done) {
  const auto request = std::make_shared<const publish_request>(std::move(what));
  const auto name = std::make_shared<const std::string>(escape_json(request->name));
  const auto data = std::make_shared<const std::string>(escape_json(request->data));
  std::vector<std::shared_ptr<publish_part>> parts(where.shards().size());
  for (std::uint32_t i = 0; i < request->channels.size(); ++i) {
    const auto& shard = where.of_channel(request->app, request->channels[i]);
    auto& part = parts[static_cast<std::size_t>(&shard - where.shards().data())];
    if (!part) part = std::make_shared<publish_part>(publish_part{request, name, data, {}});
    part->channels.push_back(i);
  }
  const auto asked = std::count_if(parts.begin(), parts.end(), [](const auto& p) { return !!p; });
  auto whole = gather<publish_answer>(static_cast<std::size_t>(asked), std::move(done));
  whole->whole.channels.resize(request->channels.size());
  for (std::size_t s = 0; s < parts.size(); ++s) {
    if (!parts[s]) continue;
    publish_part_ptr part = std::move(parts[s]);
    ask_for_part(asker, where.shards()[s], part, whole,
                 [part](publish_answer& all, publish_answer& some) {
                   for (std::size_t i = 0; i < part->channels.size(); ++i)
                     all.channels[part->channels[i]] = some.channels[i];
                 });
  }
}

void ask(loop_behavior& asker, const channel_directory& where, list_channels what,
         then<channel_list> done) {
  const list_channels_ptr message = std::make_shared<const list_channels>(std::move(what));
  const auto by_name = [](const listed_channel& a, const listed_channel& b) {
    return a.name < b.name;
  };
  auto whole = gather<channel_list>(where.shards().size(), std::move(done));
  for (const auto& shard : where.shards()) {
    ask_for_part(asker, shard, message, whole, [by_name](channel_list& all, channel_list& some) {
      std::vector<listed_channel> merged;
      merged.reserve(all.channels.size() + some.channels.size());
      std::merge(std::make_move_iterator(all.channels.begin()),
                 std::make_move_iterator(all.channels.end()),
                 std::make_move_iterator(some.channels.begin()),
                 std::make_move_iterator(some.channels.end()), std::back_inserter(merged), by_name);
      all.channels = std::move(merged);
    });
  }
}

void ask(loop_behavior& asker, const channel_directory& where, channel_query what,
         then<channel_info> done) {
  const auto& shard = where.of_channel(what.app, what.channel);
  ask_one(asker, shard, std::move(what), std::move(done));
}

void ask(loop_behavior& asker, const channel_directory& where, list_members what,
         then<member_list> done) {
  const auto& shard = where.of_channel(what.app, what.channel);
  ask_one(asker, shard, std::move(what), std::move(done));
}

void ask(loop_behavior& asker, const channel_directory& where, terminate_user what,
         then<terminated> done) {
  const auto& shard = where.of_users(what.app);
  ask_one(asker, shard, std::move(what), std::move(done));
}

}  // namespace velo::actors
