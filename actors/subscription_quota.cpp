#include "actors/subscription_quota.hpp"

#include "actors/identity.hpp"

namespace velo::actors {

namespace {

bool is_counted(const storage::connection& c) {
  return !c.auth_record_id.empty();
}

std::string key_of(const storage::connection& c) {
  return user_key(c.auth_collection_id, c.auth_record_id);
}

}  // namespace

storage::result<void> subscription_quota::load(const storage::connection_table& table,
                                               const storage::transaction& transaction) {
  if (!is_bounded()) return {};
  return table.for_each_owner(transaction, [&](const storage::connection_owner& of) {
    if (!of.auth_record_id.empty())
      users_.acquire(user_key(of.auth_collection_id, of.auth_record_id));
  });
}

bool subscription_quota::has_room(const changes& pending, const storage::connection& c) const {
  if (!is_bounded() || !is_counted(c)) return true;
  const auto key = key_of(c);
  const auto more = pending.find(key);
  const auto now =
      static_cast<std::int64_t>(count(key)) + (more == pending.end() ? 0 : more->second);
  return now < static_cast<std::int64_t>(max_);
}

void subscription_quota::note(changes& pending, const storage::connection& c,
                              std::int64_t by) const {
  if (is_bounded() && is_counted(c)) pending[key_of(c)] += by;
}

void subscription_quota::commit(const changes& done) {
  for (const auto& [key, by] : done) {
    for (auto n = by; n > 0; --n) users_.acquire(key);
    for (auto n = by; n < 0; ++n) {
      const auto user = users_.find(key);
      if (user == interned_texts::none) break;  // What could not be read was not counted.
      users_.release(user);
    }
  }
}

std::size_t subscription_quota::count(const std::string& identity_key) const {
  const auto user = users_.find(identity_key);
  return user == interned_texts::none ? 0 : users_.uses(user);
}

}  // namespace velo::actors
