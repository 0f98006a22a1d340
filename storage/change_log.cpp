#include "storage/change_log.hpp"

#include "storage/cbor.hpp"
#include "storage/key.hpp"
#include "storage/random.hpp"
#include "storage/scan.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace velo::storage {

namespace {

using nlohmann::json;

constexpr std::size_t state_items = 5;

std::string change_key(std::string prefix, std::uint64_t sequence) {
  append_big_endian(prefix, sequence);
  return prefix;
}

result<log_state> decode_state(std::string_view bytes) {
  auto value = array_from_cbor(bytes, state_items);
  if (!value) return fail(value.error());
  json& items = *value;
  bool ok = true;
  log_state state;
  state.epoch = take_string(items[0], ok);
  state.last_sequence = take_unsigned(items[1], ok);
  state.lost_through = take_unsigned(items[2], ok);
  state.count = take_unsigned(items[3], ok);
  state.bytes = take_unsigned(items[4], ok);
  if (!ok) return errc::corrupt;
  return state;
}

/// Takes one entry, now erased, out of the state.
void forget_entry(log_state& state, std::uint64_t sequence, std::size_t bytes) {
  state.lost_through = std::max(state.lost_through, sequence);
  state.count -= std::min<std::uint64_t>(state.count, 1);
  state.bytes -= std::min<std::uint64_t>(state.bytes, bytes);
}

/// Whether the oldest entry of such a log is to go.
bool is_beyond(const retention& keep, const log_state& state, std::int64_t committed_ms) {
  return state.count > keep.count_max || state.bytes > keep.bytes_max ||
         committed_ms < keep.older_than_ms;
}

}  // namespace

result<void> change_log::create(write_transaction& txn, std::string_view collection_id) const {
  const auto known = state(txn, collection_id);
  if (!known) return fail(known.error());
  if (*known) return {};
  log_state fresh;
  fresh.epoch = random_hex_id();
  return put_state(txn, collection_id, fresh);
}

result<std::optional<log_state>> change_log::state(const transaction& txn,
                                                   std::string_view collection_id) const {
  if (!is_storable_id(collection_id)) return std::optional<log_state>();
  const auto bytes = txn.get(states_, collection_id);
  if (!bytes) return fail(bytes.error());
  if (!*bytes) return std::optional<log_state>();
  auto state = decode_state(**bytes);
  if (!state) return fail(state.error());
  return std::optional(std::move(*state));
}

result<std::uint64_t> change_log::last_sequence(const transaction& txn,
                                                std::string_view collection_id) const {
  const auto known = state(txn, collection_id);
  if (!known) return fail(known.error());
  return *known ? (*known)->last_sequence : std::uint64_t{0};
}

result<std::string> change_log::epoch(const transaction& txn,
                                      std::string_view collection_id) const {
  const auto known = state(txn, collection_id);
  if (!known) return fail(known.error());
  return *known ? (*known)->epoch : std::string();
}

result<void> change_log::renew_epoch(write_transaction& txn, std::string_view collection_id) const {
  auto state = state_or_new(txn, collection_id);
  if (!state) return fail(state.error());
  state->epoch = random_hex_id();
  return put_state(txn, collection_id, *state);
}

result<void> change_log::append(write_transaction& txn, const change& c) const {
  auto state = state_or_new(txn, c.collection_id);
  if (!state) return fail(state.error());
  if (c.sequence <= state->last_sequence) return errc::out_of_order;
  auto prefix = collection_prefix(c.collection_id);
  if (!prefix) return fail(prefix.error());
  const auto bytes = encode(c);
  if (!bytes) return fail(bytes.error());
  const auto key = change_key(std::move(*prefix), c.sequence);
  if (auto done = txn.put(changes_, key, *bytes); !done) return done;
  state->last_sequence = c.sequence;
  state->count += 1;
  state->bytes += key.size() + bytes->size();
  return put_state(txn, c.collection_id, *state);
}

result<void> change_log::advance(write_transaction& txn, std::string_view collection_id,
                                 std::uint64_t sequence) const {
  auto state = state_or_new(txn, collection_id);
  if (!state) return fail(state.error());
  if (sequence <= state->last_sequence) return errc::out_of_order;
  state->last_sequence = sequence;
  state->lost_through = sequence;
  return put_state(txn, collection_id, *state);
}

result<void> change_log::for_each(const transaction& txn, std::string_view collection_id,
                                  std::uint64_t after_sequence,
                                  const std::function<bool(change&&)>& callback) const {
  const auto prefix = collection_prefix(collection_id);
  if (!prefix || after_sequence == std::numeric_limits<std::uint64_t>::max()) return {};
  return scan_prefix(txn, changes_, *prefix, change_key({}, after_sequence + 1),
                     [&](std::string_view, std::string_view bytes) -> result<bool> {
                       auto c = decode_change(bytes);
                       if (!c) return fail(c.error());
                       return callback(std::move(*c));
                     });
}

result<std::size_t> change_log::trim(write_transaction& txn, std::string_view collection_id,
                                     const retention& keep, std::size_t limit) const {
  const auto known = state(txn, collection_id);
  if (!known) return fail(known.error());
  if (!*known) return std::size_t{0};
  log_state state = **known;
  const auto prefix = collection_prefix(collection_id);
  if (!prefix) return fail(prefix.error());
  const auto erased =
      erase_prefix(txn, changes_, *prefix, limit,
                   [&](std::string_view sequence, std::string_view bytes) -> result<bool> {
                     if (sequence.size() != sizeof(std::uint64_t)) return errc::corrupt;
                     const auto committed_ms = decode_committed_ms(bytes);
                     if (!committed_ms) return fail(committed_ms.error());
                     if (!is_beyond(keep, state, *committed_ms)) return false;
                     forget_entry(state, read_big_endian(sequence),
                                  prefix->size() + sequence.size() + bytes.size());
                     return true;
                   });
  if (!erased || *erased == 0) return erased;
  if (auto done = put_state(txn, collection_id, state); !done) return fail(done.error());
  return erased;
}

result<bool> change_log::exceeds(const transaction& txn, std::string_view collection_id,
                                 const retention& keep) const {
  const auto known = state(txn, collection_id);
  if (!known) return fail(known.error());
  if (!*known || (*known)->count == 0) return false;
  const auto prefix = collection_prefix(collection_id);
  if (!prefix) return fail(prefix.error());
  bool exceeds = false;
  const auto oldest = scan_prefix(txn, changes_, *prefix, {},
                                  [&](std::string_view, std::string_view bytes) -> result<bool> {
                                    const auto committed_ms = decode_committed_ms(bytes);
                                    if (!committed_ms) return fail(committed_ms.error());
                                    exceeds = is_beyond(keep, **known, *committed_ms);
                                    return false;
                                  });
  if (!oldest) return fail(oldest.error());
  return exceeds;
}

result<std::size_t> change_log::erase_all(write_transaction& txn, std::string_view collection_id,
                                          std::size_t limit) const {
  return trim(txn, collection_id, {.count_max = 0}, limit);
}

result<void> change_log::drop(write_transaction& txn, std::string_view collection_id) const {
  const auto prefix = collection_prefix(collection_id);
  if (!prefix) return {};
  const auto all = std::numeric_limits<std::size_t>::max();
  if (auto done = erase_prefix(txn, changes_, *prefix, all); !done) return fail(done.error());
  if (auto done = txn.erase(states_, collection_id); !done) return fail(done.error());
  return {};
}

result<log_state> change_log::state_or_new(write_transaction& txn,
                                           std::string_view collection_id) const {
  auto known = state(txn, collection_id);
  if (!known) return fail(known.error());
  if (*known) return std::move(**known);
  log_state fresh;
  fresh.epoch = random_hex_id();
  return fresh;
}

result<void> change_log::put_state(write_transaction& txn, std::string_view collection_id,
                                   const log_state& state) const {
  if (!is_storable_id(collection_id)) return errc::invalid_key;
  const auto bytes = to_cbor(json::array(
      {state.epoch, state.last_sequence, state.lost_through, state.count, state.bytes}));
  if (!bytes) return fail(bytes.error());
  return txn.put(states_, collection_id, *bytes);
}

}  // namespace velo::storage
