#include "actors/definition.hpp"

#include "rules/rule.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>

namespace velo::actors {

namespace {

using nlohmann::json;

constexpr std::size_t name_size_max = 64;

bool valid_name(std::string_view name) {
  const auto letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  return !name.empty() && name.size() <= name_size_max && letter(name.front()) &&
         std::all_of(name.begin(), name.end(),
                     [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

// Collects what is wrong with each field, so that one answer names all of it.
class changer {
 public:
  changer(storage::collection& target, const engine_options& options)
      : target_(target), options_(options) {}

  void apply(const std::string& key, const json& value) {
    if (key == "name") {
      name(value);
    } else if (key == "type") {
      type(value);
    } else if (key == "rules") {
      rules(value);
    } else if (key == "hidden") {
      fields(key, value, target_.hidden);
    } else if (key == "guarded") {
      fields(key, value, target_.guarded);
    } else if (key == "history") {
      history(value);
    } else if (key == "mirror") {
      if (value.is_boolean())
        target_.mirror = value.get<bool>();
      else
        wrong(key, "mirror is true or false.");
    } else if (key == "shards") {
      shards(value);
    } else if (key == "app") {
      app(value);
    } else if (!set_by_server(key)) {
      wrong(key, "There is no such setting of a collection.");
    }
  }

  void wrong(std::string field, std::string message) {
    errors_.emplace_back(std::move(field), std::move(message));
  }

  [[nodiscard]] const auto& errors() const { return errors_; }

 private:
  static bool set_by_server(std::string_view key) {
    return key == "id" || key == "created" || key == "updated";
  }

  void shards(const json& value) {
    if (!value.is_number_integer() || value < 1 || value > shards_max)
      wrong("shards", "shards is a number from 1 to " + std::to_string(shards_max) + ".");
    else
      target_.shards = value.get<unsigned>();
  }

  void name(const json& value) {
    if (!value.is_string() || !valid_name(value.get_ref<const std::string&>()))
      wrong("name", "A name is 1 to 64 letters, digits and _, and does not begin with a digit.");
    else
      target_.name = value.get<std::string>();
  }

  void type(const json& value) {
    if (value != "base" && value != "auth") return wrong("type", "type is base or auth.");
    const auto wanted =
        value == "auth" ? storage::collection_type::auth : storage::collection_type::base;
    // Identities hang on it: users of a collection cannot cease to be users.
    if (!target_.id.empty() && wanted != target_.type)
      return wrong("type", "The type of a collection cannot change.");
    target_.type = wanted;
  }

  void history(const json& value) {
    using storage::history_mode;
    if (value == "durable")
      target_.history = history_mode::durable;
    else if (value == "memory")
      target_.history = history_mode::memory;
    else if (value == "none")
      target_.history = history_mode::none;
    else
      wrong("history", "history is durable, memory or none.");
  }

  void app(const json& value) {
    if (!value.is_string()) return wrong("app", "app is the id of a configured app.");
    const auto& id = value.get_ref<const std::string&>();
    if (!id.empty() &&
        std::find(options_.apps.begin(), options_.apps.end(), id) == options_.apps.end())
      return wrong("app", "There is no app " + id + " in the configuration.");
    target_.app = id;
  }

  void fields(const std::string& key, const json& value, std::vector<std::string>& list) {
    const bool names =
        value.is_array() && std::all_of(value.begin(), value.end(), [](const json& v) {
          return v.is_string() && !v.get_ref<const std::string&>().empty();
        });
    if (!names) return wrong(key, key + " is an array of field names.");
    list = value.get<std::vector<std::string>>();
    for (const auto& field : list) {
      if (field == "id") wrong(key, "The field id cannot be " + key + ".");
      if (field.find('.') != std::string::npos)
        wrong(key,
              "The field " + field + " is inside another: only whole fields can be " + key + ".");
    }
  }

  void rules(const json& value) {
    if (!value.is_object())
      return wrong("rules", "rules is an object with list, view, create, update, delete.");
    auto& texts = target_.rules;
    const std::array<std::pair<std::string_view, std::optional<std::string>*>, 5> known{{
        {"list", &texts.list},
        {"view", &texts.view},
        {"create", &texts.create},
        {"update", &texts.update},
        {"delete", &texts.remove},
    }};
    for (const auto& [key, text] : value.items()) {
      const auto* at = std::find_if(known.begin(), known.end(),
                                    [&name = key](const auto& k) { return k.first == name; });
      if (at == known.end()) {
        wrong("rules." + key, "There is no such rule: list, view, create, update, delete.");
      } else if (text.is_null()) {
        *at->second = std::nullopt;
      } else if (!text.is_string()) {
        wrong("rules." + key, "A rule is a text, or null for superusers only.");
      } else {
        rule("rules." + key, text.get_ref<const std::string&>(), *at->second);
      }
    }
  }

  void rule(std::string field, const std::string& text, std::optional<std::string>& into) {
    const auto parsed = velo::rules::rule::parse(text, options_.expressions);
    if (parsed)
      into = text;
    else
      wrong(std::move(field),
            parsed.error().message + " (column " + std::to_string(parsed.error().column) + ")");
  }

  storage::collection& target_;
  const engine_options& options_;
  std::vector<std::pair<std::string, std::string>> errors_;
};

}  // namespace

outcome<storage::collection> change_definition(storage::collection base, const json& fields,
                                               const engine_options& options) {
  changer change(base, options);
  for (const auto& [key, value] : fields.items()) change.apply(key, value);
  if (base.name.empty() && !fields.contains("name"))
    change.wrong("name", "A collection needs a name.");
  if (change.errors().empty()) return base;
  return failure{failure_kind::invalid, change.errors().front().second, change.errors()};
}

}  // namespace velo::actors
