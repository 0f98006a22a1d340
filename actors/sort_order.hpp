// The order of a list request: `sort=-created,title`, then by id, so that it is
// total and a cursor can name a place in it.

#pragma once

#include "actors/failure.hpp"

#include <nlohmann/json.hpp>

#include <optional>
#include <string>
#include <vector>

namespace velo::actors {

class sort_order {
 public:
  /// Fields by comma, `-` for descending; empty: by id. Refuses the names in `hidden`.
  [[nodiscard]] static outcome<sort_order> parse(const std::string& text,
                                                 const std::vector<std::string>& hidden);

  /// Where a record stands: the values it is sorted by, then its id.
  [[nodiscard]] nlohmann::json place_of(const nlohmann::json& record) const;
  /// Whether place `a` comes before place `b`.
  [[nodiscard]] bool before(const nlohmann::json& a, const nlohmann::json& b) const;

  /// An opaque text for a place, and back; nothing for a text of another order.
  [[nodiscard]] std::string cursor_of(const nlohmann::json& place) const;
  [[nodiscard]] std::optional<nlohmann::json> place_of_cursor(const std::string& cursor) const;

  /// By id alone: the order in which storage holds the records.
  [[nodiscard]] bool is_storage_order() const { return keys_.empty(); }

 private:
  struct key {
    std::string field;
    bool descending = false;
  };

  std::string text_;
  std::vector<key> keys_;
};

}  // namespace velo::actors
