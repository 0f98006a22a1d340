// Any bytes as the body of POST /api/realtime/changes, as JSON and as NDJSON: what is
// read of it is judged as the store would, by collections of each kind, as changes and as
// a user's own writes, and what is let in comes back from its stored form as it was.

#include "actors/write_judge.hpp"
#include "net/endpoints/change_reader.hpp"
#include "storage/change.hpp"
#include "tests/fuzz/time_bound.hpp"

#include <nlohmann/json.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace velo;
using namespace velo::actors;

constexpr std::int64_t now = 1'769'860'800'000;  // 2026-01-31 12:00:00.000Z

write_target target_of(storage::collection definition) {
  definition.id = definition.name;
  return make_write_target(std::make_shared<const storage::collection>(std::move(definition)), {});
}

std::vector<write_target> make_targets() {
  storage::collection mirrored;
  mirrored.name = "posts";
  mirrored.guarded = {"role", "a.b"};
  mirrored.hidden = {"secret"};
  mirrored.rules = {"", "@request.auth.id = owner", "title != ''", "title != ''", "locked = false"};
  storage::collection passing;
  passing.name = "passing";
  passing.mirror = false;
  passing.history = storage::history_mode::none;
  storage::collection users;
  users.name = "users";
  users.type = storage::collection_type::auth;
  users.rules = {"id = @request.auth.id", "", "", "id = @request.auth.id", ""};
  return {target_of(mirrored), target_of(passing), target_of(users)};
}

// Its changes must be read again as they are.
void check_stored(const storage::change& made) {
  const auto bytes = storage::encode(made);
  if (!bytes) std::abort();
  const auto again = storage::decode_change(*bytes);
  if (!again || again->action != made.action || again->record_id != made.record_id) std::abort();
  if (!made.record || !made.record->is_object() || *again->record != *made.record) std::abort();
  if (!made.old_record != !again->old_record) std::abort();
  if (made.old_record && *again->old_record != *made.old_record) std::abort();
}

using records = std::map<std::string, json_ptr>;

void take(const write_target& target, const write_operation& wanted, const writer& by,
          const engine_options& options, records& kept) {
  const auto id = record_id_of(wanted);
  if (!id) return;
  json_ptr stored;
  if (concerns_records(*target.definition, wanted)) {
    if (const auto found = kept.find(*id); found != kept.end()) stored = found->second;
  }
  const auto judged = judge(target, wanted, *id, stored, by, now, options);
  if (!judged) return;
  if (judged->change.record_id != *id) std::abort();
  if (wanted.kind != write_kind::ingest &&
      refused_whatever_hooks_say(target, wanted, *id, stored, by, now))
    std::abort();
  check_stored(judged->change);
  if (judged->effect == record_effect::put) kept[*id] = judged->change.record;
  if (judged->effect == record_effect::erase) kept.erase(*id);
}

write_operation written_by_user(write_operation change) {
  switch (change.action) {
    case rules::action::created:
      change.kind = write_kind::create;
      break;
    case rules::action::updated:
      change.kind = write_kind::update;
      break;
    case rules::action::deleted:
      change.kind = write_kind::remove;
      break;
  }
  change.old_record = nullptr;
  return change;
}

void judge_all(const net::asked_changes& asked, const write_target& target) {
  static const engine_options options = [] {
    engine_options o;
    o.record_bytes_max = 4096;  // so that it is met
    return o;
  }();
  static const json_ptr ada =
      std::make_shared<const nlohmann::json>(nlohmann::json{{"id", "ada"}, {"role", "reader"}});
  const identity ingest{.kind = identity_kind::ingest};
  const identity superuser{.kind = identity_kind::superuser};
  const identity user{.kind = identity_kind::user, .collection_id = "users", .record_id = "ada"};
  records by_ingest, by_superuser, by_user;
  for (const auto& change : asked.changes) {
    if (!change) continue;
    const auto& wanted = change->operation;
    take(target, wanted, {ingest, nullptr}, options, by_ingest);
    take(target, wanted, {superuser, nullptr}, options, by_superuser);
    take(target, written_by_user(wanted), {user, ada}, options, by_user);
  }
}

void read_and_judge(const net::request& from, const char* socket_id) {
  static const auto targets = make_targets();
  const auto asked = net::read_changes(from, socket_id);
  if (!asked) {
    if (asked.error().status != 400) std::abort();
    return;
  }
  if (asked->single && asked->changes.size() != 1) std::abort();
  for (const auto& target : targets) judge_all(*asked, target);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const velo::fuzz::time_bound bound(size);
  net::request from;
  from.body.assign(reinterpret_cast<const char*>(data), size);
  from.content_type = "application/json";
  read_and_judge(from, "12.34");
  from.content_type = "application/x-ndjson";
  read_and_judge(from, "");
  return 0;
}
