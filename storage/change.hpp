// One change of one record: the value that everything carries.
//
// A change is made once and then only shared, from the store to a million
// receivers, so it is immutable behind change_ptr, and so are its records.

#pragma once

#include "rules/action.hpp"
#include "storage/error.hpp"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace velo::storage {

/// What subscribers are told of a change, where a hook has decided that it is not
/// what was written. Rules and filters are judged by what was written.
struct broadcast_view {
  bool suppressed = false;                           ///< Nobody hears of it.
  std::shared_ptr<const nlohmann::json> record;      ///< In place of the record; null: as it is.
  std::shared_ptr<const nlohmann::json> old_record;  ///< In place of the old record; likewise.
};

struct change {
  std::uint64_t sequence = 0;  ///< Order within the collection, from 1.
  std::string collection_id;
  rules::action action{};
  std::string record_id;
  std::shared_ptr<const nlohmann::json> record;      ///< Of a deleted record: its last state.
  std::shared_ptr<const nlohmann::json> old_record;  ///< Null when unknown or created.
  std::string origin_socket_id;                      ///< The socket that caused it; may be empty.
  std::string origin_identity;                 ///< Key of the writer's identity; empty: a guest.
  bool origin_privileged = false;              ///< Written by superuser or ingest.
  std::int64_t committed_ms = 0;               ///< Unix milliseconds: @now of the change.
  std::int64_t committed_at = 0;               ///< For the stage clock of this process; not stored.
  std::shared_ptr<const broadcast_view> view;  ///< Null: everybody hears what was written.

  [[nodiscard]] bool suppressed() const { return view && view->suppressed; }
  /// The record, and the old one, as subscribers are told of them.
  [[nodiscard]] const std::shared_ptr<const nlohmann::json>& shown() const {
    return view && view->record ? view->record : record;
  }
  [[nodiscard]] const std::shared_ptr<const nlohmann::json>& shown_before() const {
    return view && view->old_record ? view->old_record : old_record;
  }
};

using change_ptr = std::shared_ptr<const change>;

/// CBOR. errc::invalid_value if a record is nested too deeply (see cbor.hpp).
result<std::string> encode(const change& c);

/// The reverse; errc::corrupt for any bytes that encode does not produce.
result<change> decode_change(std::string_view bytes);

/// committed_ms alone, without decoding the records.
result<std::int64_t> decode_committed_ms(std::string_view bytes);

}  // namespace velo::storage
