#include "actors/live_subscriptions.hpp"

#include "actors/auth_value.hpp"
#include "rules/mentions.hpp"
#include "rules/parser.hpp"
#include "storage/cbor.hpp"
#include "storage/key.hpp"

#include <cstring>
#include <utility>

namespace velo::actors {

namespace {

constexpr std::uint8_t all_actions = 0b111;
constexpr std::uint8_t mentions_auth_note = 1;
constexpr std::size_t parsed_max = 1024;

// What is left of the options once the row knows the events.
std::string other_options(const nlohmann::json& options) {
  if (!options.is_object()) return {};
  auto others = options;
  // Where it begins is read from storage when it begins.
  for (const auto* known : {"events", "since", "epoch"}) others.erase(known);
  return others.empty() ? std::string() : others.dump();
}

nlohmann::json query_of(const nlohmann::json& options) {
  const auto query = options.find("query");
  return query != options.end() ? *query : nlohmann::json();
}

}  // namespace

requester requester_of(const storage::connection& stored, json_ptr auth) {
  return {std::move(auth), query_of(stored.options), stored.superuser};
}

std::uint8_t wanted_actions(const nlohmann::json& options) {
  const auto events = options.find("events");
  if (events == options.end()) return all_actions;
  std::uint8_t wanted = 0;
  for (const auto& name : *events) {
    const auto* text = name.get_ptr<const std::string*>();
    if (const auto action = text != nullptr ? rules::parse_action(*text) : std::nullopt)
      wanted |= static_cast<std::uint8_t>(1U << static_cast<unsigned>(*action));
  }
  return wanted;
}

// -- which there are ---------------------------------------------------------------

std::array<std::uint8_t, 16> live_subscriptions::pack(const channel_id& channel) {
  const auto bytes = storage::pack_uuid(channel.text());
  std::array<std::uint8_t, 16> packed{};
  std::memcpy(packed.data(), bytes->data(), packed.size());
  return packed;
}

// The server made the UUID of random bits: they are the hash.
std::uint64_t live_subscriptions::hash_of(const std::array<std::uint8_t, 16>& channel) {
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  std::memcpy(&high, channel.data(), sizeof high);
  std::memcpy(&low, channel.data() + sizeof high, sizeof low);
  return high ^ low;
}

live_subscriptions::subscriber live_subscriptions::find(const channel_id& channel) const {
  const auto packed = pack(channel);
  return by_channel_.find(hash_of(packed),
                          [&](subscriber s) { return rows_[s].channel == packed; });
}

live_subscriptions::subscriber live_subscriptions::add(const storage::connection& stored,
                                                       const rules::expression& filter,
                                                       const json_ptr& auth) {
  auto s = free_;
  if (s != none) {
    free_ = rows_[s].next;
    rows_[s] = {};
  } else {
    s = bound();
    rows_.emplace_back();
  }
  auto& r = rows_[s];
  r.channel = pack(*channel_id::parse(stored.uuid));
  r.filter = filters_.acquire(stored.filter);
  if (filters_.uses(r.filter) == 1 && rules::mentions_auth(filter))
    filters_.note(r.filter) = mentions_auth_note;
  if (filters_.note(r.filter) != 0) ++mentioning_;
  r.options = options_.acquire(other_options(stored.options));
  r.app = apps_.acquire(stored.app_id);
  r.origin = sockets_.acquire(stored.socket_id);
  r.actions = wanted_actions(stored.options);
  r.flags = in_use;
  if (stored.is_public) r.flags |= open;
  if (const auto extras = extras_of(stored.options); !extras.shape.plain() || extras.snapshot) {
    if (!extras.shape.plain()) r.flags |= shaped;
    if (extras.shape.transitions) ++transitioning_;
    if (extras.shape.transitions || extras.snapshot) r.flags |= follows;
    extras_.emplace(r.options, extras);
  }
  r.identity = join(s, stored, auth);
  by_channel_.insert(hash_of(r.channel), s);
  return s;
}

void live_subscriptions::remove(subscriber s) {
  auto& r = rows_[s];
  index_->remove(s);
  if (next_) next_->remove(s);
  by_channel_.erase(hash_of(r.channel), s);
  leave(s);
  if ((r.flags & heard) != 0) sockets_.release(r.ear.socket);
  if ((r.flags & heard_more) != 0) {
    for (const auto& e : more_.at(s)) sockets_.release(e.socket);
    more_.erase(s);
  }
  if (filters_.note(r.filter) != 0) --mentioning_;
  release_filter(r.filter);
  if ((r.flags & shaped) != 0 && extras(s).shape.transitions) --transitioning_;
  predicates_.erase(s);
  tokens_.remove(s);
  if (!fates_.empty()) fates_.erase(s);
  if (options_.release(r.options)) extras_.erase(r.options);
  apps_.release(r.app);
  sockets_.release(r.origin);
  r = {};
  r.next = std::exchange(free_, s);
}

void live_subscriptions::release_filter(text_id which) {
  if (filters_.release(which)) parsed_.erase(which);
}

// -- what is known of one ------------------------------------------------------------

channel_id live_subscriptions::channel(subscriber s) const {
  const auto& bytes = rows_[s].channel;
  const std::string_view packed(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  return *channel_id::parse(storage::unpack_uuid(packed));
}

requester live_subscriptions::who(subscriber s) {
  const auto& r = rows_[s];
  requester asks{unpacked(r.identity), {}, users_[r.identity].superuser};
  if (const auto& text = options_.text(r.options); !text.empty())
    asks.query = query_of(nlohmann::json::parse(text));
  return asks;
}

std::string live_subscriptions::users_of(subscriber s) const {
  const auto& key = users_[rows_[s].identity].key;
  const auto slash = key.find('/');
  return slash == std::string::npos ? std::string() : key.substr(0, slash);
}

bool live_subscriptions::filter_mentions_auth(subscriber s) const {
  return filters_.note(rows_[s].filter) != 0;
}

const rules::expression* live_subscriptions::filter(subscriber s) {
  const auto which = rows_[s].filter;
  if (const auto known = parsed_.find(which); known != parsed_.end()) return &known->second;
  auto tree = rules::parse(filters_.text(which), limits_);
  if (!tree) return nullptr;
  if (parsed_.size() >= parsed_max) parsed_.clear();
  return &parsed_.emplace(which, std::move(*tree)).first->second;
}

void live_subscriptions::condemn(subscriber s, bool yes) {
  auto& flags = rows_[s].flags;
  flags = static_cast<std::uint8_t>(yes ? flags | condemned : flags & ~condemned);
}

// -- where it is heard -----------------------------------------------------------------

void live_subscriptions::listen(subscriber s, const listener& l) {
  auto& r = rows_[s];
  const ear e{l.attachment, l.loop, sockets_.acquire(l.socket_id)};
  if ((r.flags & heard) == 0) {
    r.ear = e;
    r.flags |= heard;
  } else {
    more_[s].push_back(e);
    r.flags |= heard_more;
  }
}

void live_subscriptions::unlisten(subscriber s, std::uint32_t loop, attachment_id attachment) {
  auto& r = rows_[s];
  const auto is_it = [&](const ear& e) { return e.loop == loop && e.attachment == attachment; };
  if ((r.flags & heard) == 0) return;
  const auto others = more_.find(s);
  if (is_it(r.ear)) {
    sockets_.release(r.ear.socket);
    if (others == more_.end()) {
      r.flags &= static_cast<std::uint8_t>(~heard);
      return;
    }
    r.ear = others->second.back();
    others->second.pop_back();
  } else if (others != more_.end()) {
    std::erase_if(others->second, [&](const ear& e) {
      if (is_it(e)) sockets_.release(e.socket);
      return is_it(e);
    });
  }
  if (others != more_.end() && others->second.empty()) {
    more_.erase(others);
    r.flags &= static_cast<std::uint8_t>(~heard_more);
  }
}

std::size_t live_subscriptions::listeners(subscriber s) const {
  const auto flags = rows_[s].flags;
  if ((flags & heard) == 0) return 0;
  return 1 + ((flags & heard_more) != 0 ? more_.at(s).size() : 0);
}

// -- identities --------------------------------------------------------------------------

std::uint32_t live_subscriptions::find_user(std::string_view key) const {
  return by_key_.find(std::hash<std::string_view>{}(key),
                      [&](std::uint32_t u) { return users_[u].key == key; });
}

std::uint32_t live_subscriptions::join(subscriber s, const storage::connection& stored,
                                       const json_ptr& auth) {
  const auto key = identity_of(stored).key();
  auto which = find_user(key);
  if (which == none) {
    if (free_users_.empty()) {
      which = static_cast<std::uint32_t>(users_.size());
      users_.emplace_back();
    } else {
      which = free_users_.back();
      free_users_.pop_back();
    }
    auto& u = users_[which];
    u.key = key;
    u.superuser = stored.superuser;
    by_key_.insert(std::hash<std::string_view>{}(key), which);
    // It comes out of storage, so it can be packed.
    if (auth) set_auth(key, *auth, stored.claims.is_object() && *auth == stored.claims);
  }
  auto& u = users_[which];
  ++u.uses;
  auto& r = rows_[s];
  r.next = u.first;
  if (u.first != none) rows_[u.first].previous = s;
  u.first = s;
  return which;
}

void live_subscriptions::leave(subscriber s) {
  const auto& r = rows_[s];
  auto& u = users_[r.identity];
  if (r.previous != none)
    rows_[r.previous].next = r.next;
  else
    u.first = r.next;
  if (r.next != none) rows_[r.next].previous = r.previous;
  if (--u.uses != 0) return;
  by_key_.erase(std::hash<std::string_view>{}(u.key), r.identity);
  if (unpacked_user_ == r.identity) unpacked_user_ = none;
  u = {};
  free_users_.push_back(r.identity);
}

json_ptr live_subscriptions::unpacked(std::uint32_t which) {
  const auto& packed = users_[which].packed;
  if (packed.empty()) return nullptr;
  if (unpacked_user_ != which) {
    auto value = storage::from_cbor(packed);
    unpacked_ =
        std::make_shared<const nlohmann::json>(value ? std::move(*value) : nlohmann::json());
    unpacked_user_ = which;
  }
  return unpacked_;
}

json_ptr live_subscriptions::auth_of(const std::string& identity_key) {
  const auto which = find_user(identity_key);
  return which == none ? nullptr : unpacked(which);
}

bool live_subscriptions::is_claims(const std::string& identity_key) const {
  const auto which = find_user(identity_key);
  return which != none && users_[which].claims;
}

bool live_subscriptions::set_auth(const std::string& identity_key, const nlohmann::json& auth,
                                  bool claims) {
  const auto which = find_user(identity_key);
  auto packed = storage::to_cbor(auth);
  if (which == none || !packed) return false;
  packed->shrink_to_fit();
  users_[which].packed = std::move(*packed);
  users_[which].claims = claims;
  if (unpacked_user_ == which) unpacked_user_ = none;
  return true;
}

std::vector<live_subscriptions::subscriber> live_subscriptions::of_identity(
    const std::string& identity_key) const {
  std::vector<subscriber> all;
  const auto which = identity_key.empty() ? none : find_user(identity_key);
  if (which == none) return all;
  all.reserve(users_[which].uses);
  for (auto s = users_[which].first; s != none; s = rows_[s].next) all.push_back(s);
  return all;
}

std::vector<live_subscriptions::subscriber> live_subscriptions::of_users(
    const std::string& collection_id) const {
  std::vector<subscriber> all;
  const auto prefix = collection_id + '/';
  for (const auto& u : users_) {
    if (!u.key.starts_with(prefix)) continue;
    for (auto s = u.first; s != none; s = rows_[s].next) all.push_back(s);
  }
  return all;
}

// -- predicates ----------------------------------------------------------------------------

std::unique_ptr<rules::predicate_index> live_subscriptions::swap_next() {
  return std::exchange(index_, std::move(next_));
}

live_subscriptions::silence live_subscriptions::silence_of(const storage::change& change) const {
  silence s;
  s.any_user = change.origin_privileged;
  if (change.origin_socket_id.empty()) return s;
  s.socket = sockets_.find(change.origin_socket_id);
  if (s.socket != none && !s.any_user) s.user = find_user(change.origin_identity);
  return s;
}

bool live_subscriptions::match(const storage::change& change, std::string_view now,
                               std::vector<std::vector<attachment_id>>& targets,
                               std::vector<rules::match>& shaped_matches, bool each_alone) {
  found_.clear();
  const auto* before = transitioning_ > 0 && change.action == rules::action::updated
                           ? change.old_record.get()
                           : nullptr;
  index_->match_change({before, change.record.get(), change.action, now}, found_);
  const auto silence = silence_of(change);
  const auto action = static_cast<unsigned>(change.action);
  bool any = false;
  for (const auto& m : found_) {
    const auto& r = rows_[m.id];
    if ((r.actions >> action & 1U) == 0 || (r.flags & doomed) != 0) continue;
    if ((r.flags & heard) == 0) continue;
    if ((r.flags & shaped) != 0 || each_alone) {
      shaped_matches.push_back(m);
      continue;
    }
    if (!m.after || silence.covers(r, r.origin)) continue;
    const auto add = [&](const ear& e) {
      if (silence.covers(r, e.socket)) return;
      targets[e.loop].push_back(e.attachment);
      any = true;
    };
    add(r.ear);
    if ((r.flags & heard_more) != 0)
      for (const auto& e : more_.at(m.id)) add(e);
  }
  return any;
}

std::string live_subscriptions::socket(subscriber s, std::uint32_t loop,
                                       attachment_id attachment) const {
  const auto& r = rows_[s];
  const auto is_it = [&](const ear& e) { return e.loop == loop && e.attachment == attachment; };
  if ((r.flags & heard) != 0 && is_it(r.ear)) return sockets_.text(r.ear.socket);
  if ((r.flags & heard_more) != 0)
    for (const auto& e : more_.at(s))
      if (is_it(e)) return sockets_.text(e.socket);
  return {};
}

// -- how events look -----------------------------------------------------------------------

const subscription_extras& live_subscriptions::extras(subscriber s) const {
  static const subscription_extras none_wanted;
  const auto at = extras_.find(rows_[s].options);
  return at == extras_.end() ? none_wanted : at->second;
}

bool live_subscriptions::note_predicate(subscriber s, std::uint64_t hash) {
  const auto [at, is_new] = predicates_.try_emplace(s, hash);
  return !is_new && std::exchange(at->second, hash) != hash;
}

std::uint64_t live_subscriptions::noted_predicate(subscriber s) const {
  const auto at = predicates_.find(s);
  return at == predicates_.end() ? 0 : at->second;
}

// -- memory ----------------------------------------------------------------------------------

std::size_t live_subscriptions::own_memory_bytes() const {
  std::size_t bytes = rows_.size() * sizeof(row) + by_channel_.memory_bytes();
  for (const auto* texts : {&filters_, &options_, &sockets_, &apps_})
    bytes += texts->memory_bytes();
  bytes += users_.size() * sizeof(user) + by_key_.memory_bytes();
  for (const auto& u : users_) bytes += u.key.capacity() + u.packed.capacity();
  for (const auto& [s, ears] : more_)
    bytes += sizeof s + sizeof(std::vector<ear>) + ears.capacity() * sizeof(ear);
  return bytes;
}

std::size_t live_subscriptions::memory_bytes() const {
  return own_memory_bytes() + index_->memory_bytes() + (next_ ? next_->memory_bytes() : 0);
}

}  // namespace velo::actors
