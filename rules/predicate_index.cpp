#include "rules/predicate_index.hpp"

#include "rules/evaluate.hpp"

#include <unordered_map>

namespace velo::rules {

struct predicate_index::state {
  std::unordered_map<subscriber_id, predicate> kept;
};

predicate_index::predicate_index() : state_(std::make_unique<state>()) {}
predicate_index::~predicate_index() = default;
predicate_index::predicate_index(predicate_index&&) noexcept = default;
predicate_index& predicate_index::operator=(predicate_index&&) noexcept = default;

void predicate_index::put(subscriber_id id, const predicate& bound) {
  state_->kept.insert_or_assign(id, bound);
}

void predicate_index::remove(subscriber_id id) {
  state_->kept.erase(id);
}

void predicate_index::match_change(const record_change& change, std::vector<match>& found) {
  const auto holds = [&](const predicate& p, const nlohmann::json* record) {
    return record != nullptr && evaluate(p, {*record, change.act, change.now});
  };
  for (const auto& [id, p] : state_->kept) {
    const match m{id, holds(p, change.before), holds(p, change.after)};
    if (m.before || m.after) found.push_back(m);
  }
}

std::size_t predicate_index::subscribers() const {
  return state_->kept.size();
}

std::size_t predicate_index::memory_bytes() const {
  return state_->kept.size() * sizeof(predicate);
}

}  // namespace velo::rules
