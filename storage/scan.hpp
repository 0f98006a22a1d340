// The two loops that every table needs: over a prefix, and erasing from its
// beginning.

#pragma once

#include "storage/transaction.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace velo::storage {

/// Calls visit(rest of key, value) -> result<bool> for the entries that begin
/// with `prefix`, from prefix + `from` on, until it returns false or an error.
template <class Visit>
result<void> scan_prefix(const transaction& txn, table where, std::string_view prefix,
                         std::string_view from, Visit&& visit) {
  auto at = txn.open_cursor(where);
  if (!at) return fail(at.error());
  auto found = at->seek(std::string(prefix).append(from));
  for (; found && *found && at->key().starts_with(prefix); found = at->next()) {
    result<bool> go_on = visit(at->key().substr(prefix.size()), at->value());
    if (!go_on) return fail(go_on.error());
    if (!*go_on) return {};
  }
  if (!found) return fail(found.error());
  return {};
}

/// Erases up to `limit` entries that begin with `prefix`, in order, as long as
/// judge(rest of key, value) -> result<bool> returns true; returns how many.
/// The judge may erase in other tables, but must not look at the value after it.
/// Seeks anew each time, so that nothing depends on how cursors survive writes.
template <class Judge>
result<std::size_t> erase_prefix(write_transaction& txn, table where, std::string_view prefix,
                                 std::size_t limit, Judge&& judge) {
  std::size_t erased = 0;
  for (; erased < limit; ++erased) {
    std::string key;
    {
      auto at = txn.open_cursor(where);
      if (!at) return fail(at.error());
      auto found = at->seek(prefix);
      if (!found) return fail(found.error());
      if (!*found || !at->key().starts_with(prefix)) break;
      key = at->key();
      result<bool> doomed = judge(std::string_view(key).substr(prefix.size()), at->value());
      if (!doomed) return fail(doomed.error());
      if (!*doomed) break;
    }
    if (auto done = txn.erase(where, key); !done) return fail(done.error());
  }
  return erased;
}

inline result<std::size_t> erase_prefix(write_transaction& txn, table where,
                                        std::string_view prefix, std::size_t limit) {
  return erase_prefix(txn, where, prefix, limit,
                      [](std::string_view, std::string_view) -> result<bool> { return true; });
}

}  // namespace velo::storage
