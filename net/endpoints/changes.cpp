// POST /api/realtime/changes: changes of records kept elsewhere, handed to the store.

#include "net/endpoints/api.hpp"
#include "net/endpoints/change_reader.hpp"
#include "net/endpoints/write_support.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

namespace velo::net {

namespace {

using actors::failure;
using actors::failure_kind;
using actors::invalid;
using nlohmann::json;

struct ingest {
  const api& a;
  const reactor& loop;
  respond answer;
  bool single = false;
  bool atomic = false;
  actors::write_request wanted;

  std::vector<actors::outcome<asked_change>> changes;
  std::map<std::string, std::string> id_of_name;  // empty id: there is no such collection
  std::vector<std::size_t> positions;             // of the operations among the changes
};
using ingest_ptr = std::shared_ptr<ingest>;

json error_at(std::size_t index, const failure& why) {
  auto entry = failure_json(why);
  entry["index"] = index;
  return entry;
}

void finish(const ingest& i, const actors::write_answer* written) {
  json errors = json::array();
  std::size_t accepted = 0;
  std::optional<failure> first;
  std::size_t next = 0;
  for (std::size_t at = 0; at < i.changes.size(); ++at) {
    std::optional<failure> why;
    if (!i.changes[at]) {
      why = i.changes[at].error();
    } else if (written != nullptr && next < written->results.size()) {
      const auto& result = written->results[next++];
      if (result)
        ++accepted;
      else
        why = result.error();
    }
    if (!why) continue;
    errors.push_back(error_at(at, *why));
    if (!first) first = std::move(why);
  }
  if (!first)
    return i.answer(json_response(
        200, {{"accepted", accepted}, {"sequence", written != nullptr ? written->sequence : 0}}));
  if (i.single) return i.answer(error_response(*first));
  const json body{{"message", first->message}, {"accepted", accepted}, {"errors", errors}};
  i.answer(json_response(i.atomic ? status_of(failure_kind::invalid) : 207, body));
}

void write(const ingest_ptr& i) {
  // A change of an unknown collection goes along, for the store to refuse: which
  // results an answer has depends on the request alone, so that a repeated one
  // finds its first answer's results where they were.
  const bool refused =
      std::any_of(i->changes.begin(), i->changes.end(), [](const auto& c) { return !c; });
  if (i->atomic && refused) return finish(*i, nullptr);
  for (std::size_t at = 0; at < i->changes.size(); ++at) {
    auto& change = i->changes[at];
    if (!change) continue;
    auto operation = std::move(change->operation);
    operation.collection_id = i->id_of_name[change->collection];
    i->wanted.operations.push_back(std::move(operation));
    i->positions.push_back(at);
  }
  if (i->wanted.operations.empty()) return finish(*i, nullptr);
  auto message = std::make_shared<const actors::write_request>(std::move(i->wanted));
  i->a.ask(i->loop, i->a.engine().store(), actors::write_request_ptr{message}, i->answer,
           [i](const actors::write_answer_ptr& written) {
             if (written->refused) return i->answer(error_response(*written->refused));
             finish(*i, written.get());
           });
}

// Names to ids, one question per distinct collection.
void resolve(const ingest_ptr& i) {
  std::set<std::string> names;
  for (const auto& change : i->changes) {
    if (change) names.insert(change->collection);
  }
  if (names.empty()) return write(i);
  const auto left = std::make_shared<std::size_t>(names.size());
  for (const auto& name : names) {
    i->a.ask(i->loop, i->a.engine().registry(), name, i->answer,
             [i, name, left](const actors::collection_handle& found) {
               i->id_of_name[name] = found.definition ? found.definition->id : std::string{};
               if (--*left == 0) write(i);
             });
  }
}

void ingest_changes(const api& a, const request& r, const respond& answer,
                    const actors::identity& who) {
  if (who.kind == actors::identity_kind::guest)
    return answer(error_response(actors::unauthenticated()));
  if (!who.privileged()) return answer(error_response(actors::forbidden()));
  const auto atomic = r.query("atomic").value_or("0");
  if (atomic != "0" && atomic != "1" && atomic != "false" && atomic != "true")
    return answer(error_response(invalid("atomic", "atomic is 1 or 0.")));
  auto repeat = idempotency_of(r, who);
  if (!repeat) return answer(error_response(repeat.error()));
  auto i = std::make_shared<ingest>(ingest{a, *r.loop, answer, false, false, {}, {}, {}, {}});
  i->atomic = i->wanted.atomic = atomic == "1" || atomic == "true";
  i->wanted.writer = who;
  i->wanted.began = r.began;
  i->wanted.repeat = std::move(*repeat);
  auto asked = read_changes(r, origin_socket(r));
  if (!asked) return answer(asked.error());
  i->single = asked->single;
  i->changes = std::move(asked->changes);
  resolve(i);
}

}  // namespace

void add_change_routes(router& routes, const api& a) {
  routes.add(
      "POST", "/api/realtime/changes",
      a.identified([&a](const request& r, const respond& answer, const actors::identity& who) {
        ingest_changes(a, r, answer, who);
      }));
}

}  // namespace velo::net
