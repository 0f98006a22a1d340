#include "rules/predicate_index.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "rules/index/filter_store.hpp"
#include "rules/index/filter_tree.hpp"

namespace velo::rules {

using namespace index;

struct prepared_change::state {
  record_values before;
  record_values after;
  bool both = false;    ///< There is a state before, and it differs.
  bool stayed = false;  ///< There is one, and it does not.
};

prepared_change::prepared_change() : state_(std::make_unique<state>()) {}
prepared_change::~prepared_change() = default;
prepared_change::prepared_change(prepared_change&&) noexcept = default;
prepared_change& prepared_change::operator=(prepared_change&&) noexcept = default;

struct predicate_index::state {
  const hash_key& key = process_hash_key();
  record_slots slots{key};
  leaf_store leaves{key, slots};
  exact_shapes shapes{key, slots};
  filter_compiler compiler{key, slots, leaves};
  cover_maker covers{key, leaves};
  filter_store filters{leaves, shapes, compiler};
  subscriber_table owners;
  linear_table table;  ///< The handles of all filters, by their hash.
  filter_tree tree{key, leaves, filters, owners};
  filter_handle always = subscriber_table::none;  ///< The groups of constant filters.
  filter_handle never = subscriber_table::none;

  prepared_change change;  ///< Of match_change.
  id_list found, found_before;
  std::vector<filter_handle> groups;
  struct asked {
    std::uint64_t hash;
    std::size_t shape;
    std::size_t count;
    std::array<equality_key, exact_shapes::fields_max> keys;
  };
  std::vector<asked> asked_keys;
  std::vector<std::uint64_t> marks;  ///< A bit for each subscriber, all 0 between calls.

  struct hash_of {
    const state& owner;
    std::uint64_t operator()(std::uint32_t handle) const {
      return owner.filters.hash(owner.owners.reference_of(handle));
    }
    void prefetch(std::uint32_t handle) const {
      owner.filters.prefetch(owner.owners.reference_of(handle));
    }
  };

  void put(subscriber_id id, const predicate& bound);
  void join_constant(subscriber_id id, filter_handle& group, filter_reference where);
  void join(subscriber_id id, filter_handle handle, std::uint64_t hash);
  void remove(subscriber_id id);
  void drop(filter_handle handle);

  void review(unsigned count);
  bool improve(filter_handle handle);

  void find(const record_values& values, id_list& into);
  void find_exact(const record_values& values, id_list& into);
};

namespace {

constexpr auto no_handle = subscriber_table::none;

}  // namespace

void predicate_index::state::join_constant(subscriber_id id, filter_handle& group,
                                           filter_reference where) {
  if (group == no_handle) group = owners.add_group(where);
  if (owners.handle_of(id) == group) return;
  remove(id);
  // That may have been the last of the group.
  if (group == no_handle) group = owners.add_group(where);
  owners.join(group, id);
}

/// Adds a subscriber to a filter that has some.
void predicate_index::state::join(subscriber_id id, filter_handle handle, std::uint64_t hash) {
  if (handle == owners.handle_of(id)) return;
  remove(id);
  if ((handle & group_bit) == 0) {
    // The filter goes by its one subscriber: from now on by a group.
    const subscriber_id first = handle;
    const auto where = owners.reference_of(first);
    const auto group = owners.add_group(where);
    if (!filter_store::is_key(where)) tree.erase(first, where);
    table.replace(hash, first, group);
    static_cast<void>(owners.leave(first));
    owners.join(group, first);
    if (!filter_store::is_key(where)) tree.insert(group, where);
    handle = group;
  }
  owners.join(handle, id);
}

void predicate_index::state::put(subscriber_id id, const predicate& bound) {
  if (const auto key = shapes.key_of(bound)) {
    const auto known = table.find(key->hash, [&](filter_handle handle) {
      const auto where = owners.reference_of(handle);
      if (!filter_store::is_key(where)) return false;
      const auto* const bytes = filters.key_at(where);
      return static_cast<char>(*bytes) == key->bytes.front() &&
             shapes.size_of(bytes) == key->bytes.size() &&
             std::memcmp(bytes, key->bytes.data(), key->bytes.size()) == 0;
    });
    if (known != linear_table::none) return join(id, known, key->hash);
    const auto where = filters.add_key(key->bytes);
    const auto hash = key->hash;
    remove(id);
    owners.add_single(id, where);
    table.insert(hash, id, hash_of{*this});
    return;
  }
  const auto& code = compiler.compile(bound);
  if (code.kind == filter_code::verdict::always)
    return join_constant(id, always, filter_store::always);
  if (code.kind == filter_code::verdict::never)
    return join_constant(id, never, filter_store::never);
  const auto hash = filters.hash_of(code.words, code.conjunction);
  const auto known = table.find(hash, [&](filter_handle handle) {
    const auto where = owners.reference_of(handle);
    if (filter_store::is_key(where) || filters.is_conjunction(where) != code.conjunction)
      return false;
    const auto other = filters.code_at(where);
    return std::equal(other.begin(), other.end(), code.words.begin(), code.words.end());
  });
  if (known != linear_table::none) {
    compiler.release(code.words);
    return join(id, known, hash);
  }
  const auto where = filters.add_code(code, covers.make(code.words, code.conjunction));
  remove(id);
  owners.add_single(id, where);
  table.insert(hash, id, hash_of{*this});
  tree.insert(id, where);
}

/// Forgets a filter that nobody has any more; `handle` still names it.
void predicate_index::state::drop(filter_handle handle) {
  const auto where = owners.reference_of(handle);
  if (!filter_store::is_constant(where)) {
    table.erase(filters.hash(where), handle);
    if (!filter_store::is_key(where)) tree.erase(handle, where);
    filters.remove(where);
  } else {
    (where == filter_store::always ? always : never) = no_handle;
  }
}

void predicate_index::state::remove(subscriber_id id) {
  const auto handle = owners.handle_of(id);
  if (handle == no_handle) return;
  if ((handle & group_bit) == 0) {
    drop(handle);
    static_cast<void>(owners.leave(id));
  } else if (owners.leave(id)) {
    drop(handle);
    owners.drop_group(handle);
  }
}

/// Looks again at filters that were found in vain. A few at once: nobody waits for them.
void predicate_index::state::review(unsigned count) {
  for (; count > 0; --count) {
    const auto handle = tree.suspect();
    if (!handle) return;
    tree.looked_at(improve(*handle));
  }
}

bool predicate_index::state::improve(filter_handle handle) {
  // It may have gone since, and its number be another's.
  const auto where = owners.filter_of(handle);
  if (!where || filter_store::is_constant(*where) || filter_store::is_key(*where)) return false;
  const auto code = filters.code_at(*where);
  const auto cover = covers.better(code, filters.is_conjunction(*where), filters.cover_of(*where));
  if (!cover) return tree.improve(handle, *where);
  tree.erase(handle, *where);
  const auto now = filters.cover_anew(*where, *cover);
  owners.set_reference(handle, now);
  tree.insert(handle, now);
  return true;
}

void predicate_index::state::find_exact(const record_values& values, id_list& into) {
  asked_keys.clear();
  shapes.for_each_asked(values, [&](std::uint64_t hash, const equality_key* const* keys,
                                    std::size_t count, std::size_t shape) {
    table.prefetch(hash);
    auto& one = asked_keys.emplace_back();
    one.hash = hash;
    one.shape = shape;
    one.count = count;
    for (std::size_t i = 0; i < count; ++i) one.keys[i] = *keys[i];
  });
  for (const auto& one : asked_keys) {
    std::array<const equality_key*, exact_shapes::fields_max> keys{};
    for (std::size_t i = 0; i < one.count; ++i) keys[i] = &one.keys[i];
    const auto handle = table.find(one.hash, [&](filter_handle candidate) {
      const auto where = owners.reference_of(candidate);
      return filter_store::is_key(where) &&
             exact_shapes::same(filters.key_at(where), one.shape, keys.data(), one.count);
    });
    if (handle == linear_table::none) continue;
    if ((handle & group_bit) != 0)
      groups.push_back(handle);
    else
      into.push(handle);
  }
}

void predicate_index::state::find(const record_values& values, id_list& into) {
  into.clear();
  groups.clear();
  leaves.begin(values);
  find_exact(values, into);
  tree.match(into, groups);
  leaves.end();
  if (always != no_handle) groups.push_back(always);
  for (const auto group : groups) owners.append(group, into);
  constexpr unsigned reviewed = 8;
  review(reviewed);
}

predicate_index::predicate_index() : state_(std::make_unique<state>()) {}
predicate_index::~predicate_index() = default;
predicate_index::predicate_index(predicate_index&&) noexcept = default;
predicate_index& predicate_index::operator=(predicate_index&&) noexcept = default;

void predicate_index::put(subscriber_id id, const predicate& bound) {
  constexpr unsigned reviewed = 4;
  state_->put(id, bound);
  state_->review(reviewed);
}

void predicate_index::remove(subscriber_id id) {
  state_->remove(id);
}

void predicate_index::prepare(const record_change& change, prepared_change& into) const {
  auto& made = *into.state_;
  const auto& slots = state_->slots;
  made.both = made.stayed = false;
  slots.read(*change.after, change.act, change.now, made.after);
  if (change.before == nullptr) return;
  slots.read(*change.before, change.act, change.now, made.before);
  made.stayed = slots.same(made.before, made.after);
  made.both = !made.stayed;
}

std::span<const subscriber_id> predicate_index::find(const prepared_change& change) {
  state_->find(change.state_->after, state_->found);
  return {state_->found.data(), state_->found.size()};
}

void predicate_index::match_prepared(const prepared_change& change, std::vector<match>& into) {
  auto& s = *state_;
  const auto& made = *change.state_;
  s.find(made.after, s.found);
  const std::span after(s.found.data(), s.found.size());
  if (!made.both) {
    const auto from = into.size();
    into.resize(from + after.size());
    for (std::size_t i = 0; i < after.size(); ++i) {
      into[from + i] = {after[i], made.stayed, true};
    }
    return;
  }
  s.find(made.before, s.found_before);
  const std::span before(s.found_before.data(), s.found_before.size());
  if (s.marks.size() * 64 < s.owners.end()) s.marks.resize(s.owners.end() / 64 + 1);
  const auto word_of = [&](subscriber_id id) -> std::uint64_t& { return s.marks[id / 64]; };
  const auto bit_of = [](subscriber_id id) { return std::uint64_t{1} << (id % 64); };
  for (const auto id : before) word_of(id) |= bit_of(id);
  for (const auto id : after) {
    const bool was = (word_of(id) & bit_of(id)) != 0;
    into.push_back({id, was, true});
    word_of(id) &= ~bit_of(id);
  }
  for (const auto id : before) {
    if ((word_of(id) & bit_of(id)) != 0) into.push_back({id, true, false});
    word_of(id) &= ~bit_of(id);
  }
}

void predicate_index::match_change(const record_change& change, std::vector<match>& found) {
  prepare(change, state_->change);
  match_prepared(state_->change, found);
}

std::size_t predicate_index::subscribers() const {
  return state_->owners.size();
}

const index_effort& predicate_index::effort() const {
  return state_->tree.effort();
}

std::size_t predicate_index::memory_bytes() const {
  const auto& s = *state_;
  return sizeof s + s.slots.memory_bytes() + s.leaves.memory_bytes() + s.shapes.memory_bytes() +
         s.filters.memory_bytes() + s.owners.memory_bytes() + s.table.memory_bytes() +
         s.tree.memory_bytes() + s.found.memory_bytes() + s.found_before.memory_bytes() +
         s.marks.capacity() * sizeof(std::uint64_t);
}

}  // namespace velo::rules
