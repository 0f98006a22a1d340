// What a collection is: its rules, its fields that need care, its history.

#pragma once

#include "storage/error.hpp"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace velo::storage {

enum class collection_type : std::uint8_t { base, auth };

/// Where the change log lives: LMDB, a bounded ring in memory, nowhere.
enum class history_mode : std::uint8_t { durable, memory, none };

std::string_view to_string(collection_type type);
std::string_view to_string(history_mode mode);

/// The five rules as their authors wrote them. An absent one is for superusers only.
struct rule_texts {
  std::optional<std::string> list;
  std::optional<std::string> view;
  std::optional<std::string> create;
  std::optional<std::string> update;
  std::optional<std::string> remove;  ///< "delete" in JSON.

  bool operator==(const rule_texts&) const = default;
};

struct collection {
  std::string id;
  std::string name;
  collection_type type = collection_type::base;
  rule_texts rules;
  std::vector<std::string> hidden;   ///< Fields that leave the server for superusers only.
  std::vector<std::string> guarded;  ///< Fields that only superuser and ingest write.
  history_mode history = history_mode::durable;
  bool mirror = true;   ///< Ingested changes are kept as records.
  unsigned shards = 1;  ///< At least one.
  std::string app;      ///< Id of the app whose channels carry the events; empty: the first.
  std::string created;
  std::string updated;

  bool operator==(const collection&) const = default;
};

/// The shape of HTTP_API.md, every key present, absent rules null.
nlohmann::json to_json_value(const collection& c);

/// Reads that shape. A missing key has its default, an unknown one is ignored,
/// one of the wrong type is errc::invalid_value. Rules are not parsed here.
result<collection> collection_from_json(const nlohmann::json& value);

}  // namespace velo::storage
