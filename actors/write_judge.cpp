#include "actors/write_judge.hpp"

#include "actors/random.hpp"
#include "actors/time_text.hpp"
#include "rules/bind.hpp"
#include "rules/evaluate.hpp"
#include "rules/parser.hpp"
#include "rules/subscribe_decision.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

namespace velo::actors {

namespace {

constexpr std::size_t generated_id_size = 15;
constexpr std::size_t id_size_max = 64;

bool valid_id(std::string_view id) {
  return !id.empty() && id.size() <= id_size_max && std::all_of(id.begin(), id.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  });
}

failure bad_id() {
  return invalid("id", "An id is 1 to 64 of the characters A-Z a-z 0-9 _ -.");
}

bool allows(const rules::rule& rule, const nlohmann::json& record, rules::action action,
            const writer& by, const std::string& now) {
  if (by.who.privileged()) return true;
  rules::parameters p;
  p.auth = by.auth.get();
  static const rules::expression everything = *rules::parse("");
  return rules::evaluate(rules::bind(rule, everything, p), rules::subject{record, action, now});
}

failure denied(const writer& by) {
  return by.who.kind == identity_kind::guest ? unauthenticated() : forbidden();
}

// A record that the caller may not view does not exist for him.
failure denied_on(const write_target& target, const nlohmann::json& stored, rules::action action,
                  const writer& by, const std::string& now) {
  return allows(target.view, stored, action, by, now) ? denied(by) : not_found();
}

// Hidden and guarded fields are for superuser and ingest to write.
std::optional<failure> protected_field(const storage::collection& definition,
                                       const nlohmann::json& fields, const writer& by) {
  if (by.who.privileged()) return std::nullopt;
  failure f{failure_kind::invalid, {}, {}};
  const auto check = [&](const std::vector<std::string>& names, const char* what) {
    for (const auto& name : names) {
      if (fields.contains(name))
        f.errors.emplace_back(name,
                              "The field " + name + " is " + what + "; it cannot be written.");
    }
  };
  check(definition.guarded, "guarded");
  check(definition.hidden, "hidden");
  if (f.errors.empty()) return std::nullopt;
  f.message = f.errors.front().second;
  return f;
}

// What may become an event: later, nobody could refuse it any more.
std::optional<failure> unfit_record(const nlohmann::json& record, std::size_t bytes_max) try {
  if (record.dump().size() <= bytes_max) return std::nullopt;
  return failure{failure_kind::too_large,
                 "A record may have at most " + std::to_string(bytes_max) + " bytes of JSON.",
                 {}};
} catch (const nlohmann::json::type_error&) {
  return invalid("record", "The texts of a record are UTF-8.");
}

// `updated` strictly increases per record, also within a millisecond and when
// the clock steps back.
std::string updated_after(const nlohmann::json& stored, std::int64_t now) {
  auto text = time_text(now);
  const auto previous = stored.find("updated");
  if (previous == stored.end() || !previous->is_string()) return text;
  const auto& last = previous->get_ref<const std::string&>();
  if (text > last) return text;
  const auto last_ms = parse_time(last);
  return last_ms ? time_text(*last_ms + 1) : text;
}

bool is_time(const nlohmann::json& record, const char* field) {
  const auto at = record.find(field);
  return at != record.end() && at->is_string() &&
         parse_time(at->get_ref<const std::string&>()).has_value();
}

bool changes_id(const write_operation& wanted, const std::string& id) {
  const auto given = wanted.fields.find("id");
  return given != wanted.fields.end() && *given != id;
}

struct context {
  const write_target& target;
  const write_operation& wanted;
  const writer& by;
  std::int64_t now;
  std::string now_text;
  const engine_options& options;
  const write_operation* asked = nullptr;  ///< Where hooks have changed it.

  [[nodiscard]] const nlohmann::json& given() const { return (asked ? *asked : wanted).fields; }

  [[nodiscard]] judged_write write(rules::action action, std::string id, json_ptr record,
                                   json_ptr old_record) const {
    judged_write w;
    w.change.collection_id = target.definition->id;
    w.change.action = action;
    w.change.record_id = std::move(id);
    w.change.record = std::move(record);
    w.change.old_record = std::move(old_record);
    w.change.origin_socket_id = wanted.socket_id;
    w.change.origin_identity = by.who.key();
    w.change.origin_privileged = by.who.privileged();
    w.change.committed_ms = now;
    if (concerns_records(*target.definition, wanted))
      w.effect = action == rules::action::deleted ? record_effect::erase : record_effect::put;
    return w;
  }
};

outcome<judged_write> judge_create(const context& c, const std::string& id, bool exists) {
  auto record = c.wanted.fields;
  record["id"] = id;
  record["created"] = c.now_text;
  record["updated"] = c.now_text;
  if (!allows(c.target.create, record, rules::action::created, c.by, c.now_text))
    return denied(c.by);
  // Only now: which fields are special, and whether an id is taken, is nothing to
  // tell those who may not create.
  if (auto f = protected_field(*c.target.definition, c.given(), c.by)) return std::move(*f);
  if (auto f = unfit_record(record, c.options.record_bytes_max)) return std::move(*f);
  if (exists) return conflict("A record with the id " + id + " exists.");
  return c.write(rules::action::created, id,
                 std::make_shared<const nlohmann::json>(std::move(record)), nullptr);
}

outcome<judged_write> judge_update(const context& c, const std::string& id,
                                   const json_ptr& stored) {
  if (!allows(c.target.update, *stored, rules::action::updated, c.by, c.now_text))
    return denied_on(c.target, *stored, rules::action::updated, c.by, c.now_text);
  if (changes_id(c.wanted, id)) return invalid("id", "The id of a record cannot change.");
  if (auto f = protected_field(*c.target.definition, c.given(), c.by)) return std::move(*f);
  auto record = c.asked != nullptr ? c.wanted.fields : *stored;
  if (c.asked == nullptr) record.update(c.wanted.fields);
  record["id"] = id;
  if (const auto created = stored->find("created"); created != stored->end())
    record["created"] = *created;
  else
    record["created"] = c.now_text;
  record["updated"] = updated_after(*stored, c.now);
  if (auto f = unfit_record(record, c.options.record_bytes_max)) return std::move(*f);
  if (!allows(c.target.update, record, rules::action::updated, c.by, c.now_text))
    return denied(c.by);
  const bool viewable = allows(c.target.view, record, rules::action::updated, c.by, c.now_text);
  auto w = c.write(rules::action::updated, id,
                   std::make_shared<const nlohmann::json>(std::move(record)), stored);
  w.viewable = viewable;
  return w;
}

outcome<judged_write> judge_remove(const context& c, const std::string& id,
                                   const json_ptr& stored) {
  if (!allows(c.target.remove, *stored, rules::action::deleted, c.by, c.now_text))
    return denied_on(c.target, *stored, rules::action::deleted, c.by, c.now_text);
  return c.write(rules::action::deleted, id, stored, stored);
}

// An ingested change carries the whole record; it is an upsert, whatever its
// action says. A delete is judged on the last state known here.
outcome<judged_write> judge_ingest(const context& c, const std::string& id,
                                   const json_ptr& stored) {
  const auto old_record = stored ? stored : c.wanted.old_record;
  const bool deletes = c.wanted.action == rules::action::deleted;
  auto record = deletes && old_record ? *old_record : c.wanted.fields;
  record["id"] = id;
  if (!deletes && c.target.definition->mirror) {
    if (!is_time(record, "created"))
      record["created"] = stored && is_time(*stored, "created") ? stored->at("created")
                                                                : nlohmann::json(c.now_text);
    if (!is_time(record, "updated"))
      record["updated"] = stored ? updated_after(*stored, c.now) : c.now_text;
  }
  // The last state as it is stored passed before, under whatever limit was then.
  if (!deletes || !stored) {
    if (auto f = unfit_record(record, c.options.record_bytes_max)) return std::move(*f);
  }
  return c.write(c.wanted.action, id, std::make_shared<const nlohmann::json>(std::move(record)),
                 c.wanted.action == rules::action::created ? nullptr : old_record);
}

rules::rule parse_or_close(const std::optional<std::string>& text, const rules::limits& limits,
                           const storage::collection& definition, const char* which) {
  auto parsed = rules::rule::parse(text, limits);
  if (parsed) return std::move(*parsed);
  spdlog::error("collection {}: {} rule: {} at column {}; superusers only until mended",
                definition.name, which, parsed.error().message, parsed.error().column);
  return {};
}

}  // namespace

write_target make_write_target(collection_ptr definition, const rules::limits& limits) {
  write_target t;
  const auto& texts = definition->rules;
  t.view = parse_or_close(texts.view, limits, *definition, "view");
  t.create = parse_or_close(texts.create, limits, *definition, "create");
  t.update = parse_or_close(texts.update, limits, *definition, "update");
  t.remove = parse_or_close(texts.remove, limits, *definition, "delete");
  t.definition = std::move(definition);
  return t;
}

bool concerns_records(const storage::collection& definition, const write_operation& wanted) {
  return definition.mirror || wanted.kind != write_kind::ingest;
}

outcome<std::string> record_id_of(const write_operation& wanted) {
  if (wanted.kind == write_kind::create && wanted.record_id.empty())
    return random_id(generated_id_size);
  if (valid_id(wanted.record_id)) return wanted.record_id;
  const bool addressed = wanted.kind == write_kind::update || wanted.kind == write_kind::remove;
  return addressed ? not_found() : bad_id();
}

outcome<judged_write> judge(const write_target& target, const write_operation& wanted,
                            const std::string& id, const json_ptr& stored, const writer& by,
                            std::int64_t now, const engine_options& options,
                            const write_operation* asked) {
  if (!wanted.fields.is_object() || (wanted.old_record && !wanted.old_record->is_object()))
    return invalid("record", "A record is an object.");
  // An ingested change is bound by no rule.
  if (wanted.kind == write_kind::ingest && !by.who.privileged()) return denied(by);
  // Writing users would make the ingest key as good as the superuser's token.
  if (by.who.kind == identity_kind::ingest &&
      target.definition->type == storage::collection_type::auth)
    return forbidden();
  const context c{target, wanted, by, now, time_text(now), options, asked};
  switch (wanted.kind) {
    case write_kind::create:
      return judge_create(c, id, stored != nullptr);
    case write_kind::update:
      return stored ? judge_update(c, id, stored) : not_found();
    case write_kind::remove:
      return stored ? judge_remove(c, id, stored) : not_found();
    case write_kind::ingest:
      return judge_ingest(c, id, stored);
  }
  return not_found();
}

std::optional<failure> refused_whatever_hooks_say(const write_target& target,
                                                  const write_operation& wanted,
                                                  const std::string& id, const json_ptr& stored,
                                                  const writer& by, std::int64_t now) {
  if (!wanted.fields.is_object()) return invalid("record", "A record is an object.");
  const auto now_text = time_text(now);
  const bool creates = wanted.kind == write_kind::create;
  if (creates) {
    if (by.who.privileged()) return std::nullopt;
    rules::parameters p;
    p.auth = by.auth.get();
    const auto possible = rules::decide(target.create, rules::expression(true), p).outcome;
    return possible == rules::access::granted ? std::nullopt : std::optional(denied(by));
  }
  if (!stored) return not_found();
  const bool updates = wanted.kind == write_kind::update;
  const auto action = updates ? rules::action::updated : rules::action::deleted;
  if (!allows(updates ? target.update : target.remove, *stored, action, by, now_text))
    return denied_on(target, *stored, action, by, now_text);
  if (updates && changes_id(wanted, id)) return invalid("id", "The id of a record cannot change.");
  return std::nullopt;
}

}  // namespace velo::actors
