#include "actors/event_shape.hpp"

#include "actors/event_body.hpp"
#include "actors/time_text.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace velo::actors {

namespace {

bool flag(const nlohmann::json& options, const char* name, bool otherwise) {
  const auto at = options.find(name);
  return at != options.end() && at->is_boolean() ? at->get<bool>() : otherwise;
}

std::string event_name(std::string_view name_template, std::string_view action) {
  std::string name(name_template);
  constexpr std::string_view placeholder = "{action}";
  if (const auto at = name.find(placeholder); at != std::string::npos)
    name.replace(at, placeholder.size(), action);
  return name;
}

std::string sequence_and_epoch(std::uint64_t sequence, std::string_view epoch) {
  return R"(,"sequence":)" + std::to_string(sequence) + R"(,"epoch":")" + std::string(epoch) + '"';
}

event make_event(std::string_view action, std::string_view members, const rendering& with) {
  std::string body = R"({"action":")";
  body += action;
  body += '"';
  body += members;
  body += '}';
  return {event_name(with.name_template, action), escape_json(body), 0};
}

}  // namespace

subscription_extras extras_of(const nlohmann::json& options) {
  subscription_extras e;
  if (!options.is_object()) return e;
  e.shape.sequence = flag(options, "sequence", false);
  e.shape.transitions = flag(options, "transitions", false);
  e.snapshot = flag(options, "snapshot", false);
  e.resume = flag(options, "resume", true);
  if (const auto fields = options.find("fields"); fields != options.end() && fields->is_array()) {
    for (const auto& field : *fields)
      if (field.is_string()) e.shape.fields.push_back(field);
    // A record without its id is nobody's.
    e.shape.fields.emplace_back("id");
    std::sort(e.shape.fields.begin(), e.shape.fields.end());
    e.shape.fields.erase(std::unique(e.shape.fields.begin(), e.shape.fields.end()),
                         e.shape.fields.end());
  }
  if (const auto since = options.find("since"); since != options.end() && since->is_number())
    e.since = since->get<std::uint64_t>();
  if (const auto epoch = options.find("epoch"); epoch != options.end() && epoch->is_string())
    e.epoch = *epoch;
  return e;
}

std::string_view to_string(shown_as how) {
  switch (how) {
    case shown_as::created:
      return "created";
    case shown_as::updated:
      return "updated";
    case shown_as::deleted:
      return "deleted";
    case shown_as::entered:
      return "entered";
    case shown_as::left:
      return "left";
  }
  return "updated";
}

std::optional<shown_as> judge_transition(const storage::change& change, bool transitions,
                                         bool before, bool after) {
  if (!transitions || change.action != rules::action::updated || !change.old_record)
    return after ? std::optional(shown(change.action)) : std::nullopt;
  if (before) return after ? shown_as::updated : shown_as::left;
  return after ? std::optional(shown_as::entered) : std::nullopt;
}

std::string show_record(const nlohmann::json& record, const event_shape& shape,
                        const std::vector<std::string>& hidden) {
  if (shape.fields.empty())
    return visible(std::shared_ptr<const nlohmann::json>(std::shared_ptr<void>(), &record), hidden)
        ->dump();
  auto shown = nlohmann::json::object();
  for (const auto& field : shape.fields) {
    if (std::find(hidden.begin(), hidden.end(), field) != hidden.end()) continue;
    if (const auto at = record.find(field); at != record.end()) shown[field] = *at;
  }
  return shown.dump();
}

event render(const storage::change& change, shown_as how, const event_shape& shape,
             const rendering& with) {
  const auto& record = how == shown_as::left ? *change.shown_before() : *change.shown();
  return render(record, change.sequence, how, shape, with);
}

event render(const nlohmann::json& record, std::uint64_t sequence, shown_as how,
             const event_shape& shape, const rendering& with) {
  auto members = R"(,"record":)" + show_record(record, shape, with.hidden);
  if (shape.sequence) members += sequence_and_epoch(sequence, with.epoch);
  auto e = make_event(to_string(how), members, with);
  e.sequence = sequence;
  return e;
}

event render_reset(std::uint64_t sequence, const rendering& with) {
  auto e = make_event("reset", sequence_and_epoch(sequence, with.epoch), with);
  e.sequence = sequence;
  return e;
}

event render_auth_expiring(std::int64_t expires_ms, const rendering& with) {
  return make_event("auth_expiring", R"(,"expires_at":")" + time_text(expires_ms) + '"', with);
}

event render_snapshot(std::string_view records, bool last, std::uint64_t sequence,
                      const rendering& with) {
  auto members = R"(,"records":[)" + std::string(records) + R"(],"last":)" +
                 (last ? "true" : "false") + sequence_and_epoch(sequence, with.epoch);
  auto e = make_event("snapshot", members, with);
  // Who has not heard the last page has heard nothing.
  if (last) e.sequence = sequence;
  return e;
}

}  // namespace velo::actors
