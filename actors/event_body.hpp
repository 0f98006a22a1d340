// Renders a change as the event that its subscribers get, once for all of them.

#pragma once

#include "actors/session.hpp"
#include "storage/change.hpp"

#include <nlohmann/json_fwd.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace velo::actors {

/// The record without the hidden fields; the same object where none is hidden.
[[nodiscard]] std::shared_ptr<const nlohmann::json> visible(
    const std::shared_ptr<const nlohmann::json>& record, const std::vector<std::string>& hidden);

/// `{"action","record"}` of a change without its collection's hidden fields.
/// `name_template` names the event; `{action}` in it stands for the action.
[[nodiscard]] event render(const storage::change& change, const std::vector<std::string>& hidden,
                           std::string_view name_template);

/// `text` as the inside of a JSON string.
[[nodiscard]] std::string escape_json(std::string_view text);

}  // namespace velo::actors
