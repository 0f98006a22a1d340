// What applications are still to be told of by webhook: it survives a restart.

#pragma once

#include "storage/transaction.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace velo::storage {

/// One event that waits. Numbered by the app's own actor, in the order of happening.
struct webhook_entry {
  std::uint64_t number = 0;
  std::string target;   ///< Whom it is for; empty: for whoever asks once it is certain.
  std::string channel;  ///< Of an uncertain one.
  std::string event;    ///< JSON.

  bool operator==(const webhook_entry&) const = default;
};

/// A plain value; safe for use from any thread, as its transactions allow.
class webhook_table {
 public:
  static constexpr const char* name = "webhooks";

  webhook_table() = default;
  explicit webhook_table(table entries) : entries_(entries) {}

  result<void> put(write_transaction& txn, std::string_view app_id, const webhook_entry& e) const;
  /// Returns whether it was there.
  result<bool> erase(write_transaction& txn, std::string_view app_id, std::uint64_t number) const;

  /// Calls `visit` for each of an app's entries by number until it returns false.
  result<void> for_each(const transaction& txn, std::string_view app_id,
                        const std::function<bool(webhook_entry&&)>& visit) const;

 private:
  table entries_;
};

}  // namespace velo::storage
