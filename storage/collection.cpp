#include "storage/collection.hpp"

#include <limits>

namespace velo::storage {

namespace {

using nlohmann::json;

json rule_to_json(const std::optional<std::string>& rule) {
  return rule ? json(*rule) : json(nullptr);
}

/// Reads typed members of an object; a missing one leaves the default. The
/// first of a wrong type makes `ok` false.
class member_reader {
 public:
  explicit member_reader(const json& object) : object_(object), ok_(object.is_object()) {}

  bool ok() const { return ok_; }
  void fail() { ok_ = false; }

  const json* find(const char* key) const {
    if (!ok_) return nullptr;
    const auto at = object_.find(key);
    return at == object_.end() ? nullptr : &*at;
  }

  void read(const char* key, std::string& out) {
    if (const json* value = find(key)) take(value->get_ptr<const std::string*>(), out);
  }

  void read(const char* key, bool& out) {
    if (const json* value = find(key)) take(value->get_ptr<const bool*>(), out);
  }

  void read(const char* key, std::optional<std::string>& out) {
    const json* value = find(key);
    if (value == nullptr) return;
    if (value->is_null())
      out.reset();
    else
      take(value->get_ptr<const std::string*>(), out.emplace());
  }

  void read(const char* key, std::vector<std::string>& out) {
    const json* value = find(key);
    if (value == nullptr) return;
    ok_ = ok_ && value->is_array();
    out.clear();
    for (const json& item : *value) take(item.get_ptr<const std::string*>(), out.emplace_back());
  }

  void read_shards(const char* key, unsigned& out) {
    const json* value = find(key);
    if (value == nullptr) return;
    const bool fits =
        value->is_number_integer() && *value >= 1 && *value <= std::numeric_limits<unsigned>::max();
    ok_ = ok_ && fits;
    if (fits) out = value->get<unsigned>();
  }

  /// One of the words that to_string gives the values.
  template <class Enum>
  void read_word(const char* key, std::initializer_list<Enum> values, Enum& out) {
    std::string word(to_string(out));
    read(key, word);
    for (const Enum value : values) {
      if (to_string(value) != word) continue;
      out = value;
      return;
    }
    fail();
  }

 private:
  template <class T>
  void take(const T* value, T& out) {
    if (value != nullptr)
      out = *value;
    else
      ok_ = false;
  }

  const json& object_;
  bool ok_;
};

}  // namespace

std::string_view to_string(collection_type type) {
  return type == collection_type::auth ? "auth" : "base";
}

std::string_view to_string(history_mode mode) {
  switch (mode) {
    case history_mode::durable:
      return "durable";
    case history_mode::memory:
      return "memory";
    case history_mode::none:
      return "none";
  }
  return "durable";
}

json to_json_value(const collection& c) {
  return {{"id", c.id},
          {"name", c.name},
          {"type", to_string(c.type)},
          {"rules",
           {{"list", rule_to_json(c.rules.list)},
            {"view", rule_to_json(c.rules.view)},
            {"create", rule_to_json(c.rules.create)},
            {"update", rule_to_json(c.rules.update)},
            {"delete", rule_to_json(c.rules.remove)}}},
          {"hidden", c.hidden},
          {"guarded", c.guarded},
          {"history", to_string(c.history)},
          {"mirror", c.mirror},
          {"shards", c.shards},
          {"app", c.app},
          {"created", c.created},
          {"updated", c.updated}};
}

result<collection> collection_from_json(const json& value) {
  collection c;
  member_reader members(value);
  members.read("id", c.id);
  members.read("name", c.name);
  members.read_word("type", {collection_type::base, collection_type::auth}, c.type);
  if (const json* rules = members.find("rules")) {
    member_reader texts(*rules);
    texts.read("list", c.rules.list);
    texts.read("view", c.rules.view);
    texts.read("create", c.rules.create);
    texts.read("update", c.rules.update);
    texts.read("delete", c.rules.remove);
    if (!texts.ok()) members.fail();
  }
  members.read("hidden", c.hidden);
  members.read("guarded", c.guarded);
  members.read_word("history", {history_mode::durable, history_mode::memory, history_mode::none},
                    c.history);
  members.read("mirror", c.mirror);
  members.read_shards("shards", c.shards);
  members.read("app", c.app);
  members.read("created", c.created);
  members.read("updated", c.updated);
  if (!members.ok()) return errc::invalid_value;
  return c;
}

}  // namespace velo::storage
