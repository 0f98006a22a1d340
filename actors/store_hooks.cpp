// Writes that hooks are asked about. They are parked, in the order they came, and
// judged in passes (write_hooks.hpp); each is written when nothing is left to ask
// and all before it, of the same collections, are written or refused. So a
// collection's order is that of arrival, while many are asked about at a time, and
// nobody waits for the hooks of another collection.

#include "actors/store.hpp"

#include <caf/send.hpp>

#include <algorithm>
#include <utility>

namespace velo::actors {

namespace {

// Parked writes of one collection whose hooks are asked at a time.
constexpr std::size_t window = 256;

}  // namespace

bool store_behavior::parks() const {
  if (!parked_.empty()) return true;
  return options_.hooks != nullptr && options_.hooks->any_before_writes();
}

void store_behavior::park(const write_request_ptr& request,
                          caf::typed_response_promise<write_answer_ptr> promise,
                          std::int64_t began) {
  auto p = std::make_shared<parked_write>(*options_.hooks, *request);
  p->number = ++last_parked_;
  p->request = request;
  p->promise = std::move(promise);
  p->began = began;
  for (const auto& operation : request->operations) {
    p->collections.insert(operation.collection_id);
    if (!operation.record_id.empty())
      p->records.emplace(operation.collection_id, operation.record_id);
  }
  parked_.push_back(std::move(p));
  schedule_commit();
}

void store_behavior::queue_passes() {
  using step = parked_write::step;
  std::map<std::string, std::size_t> before;  // by collection
  std::set<std::string> blocked;
  std::set<std::pair<std::string, std::string>> named;
  const auto meets = [](const auto& mine, const auto& others) {
    return std::any_of(mine.begin(), mine.end(), [&](const auto& m) { return others.contains(m); });
  };
  for (const auto& p : parked_) {
    const bool full = std::any_of(p->collections.begin(), p->collections.end(),
                                  [&](const auto& c) { return before[c] >= window; });
    // Of a record that is about to be written hooks are shown what was written.
    const bool can_begin = !full && !meets(p->records, named);
    const bool goes_on = (p->at == step::arrived && can_begin) || p->at == step::heard ||
                         (p->at == step::ready && !meets(p->collections, blocked));
    if (goes_on) {
      p->at = step::queued;
      queue_.emplace_back(queued_write{{p->request, p->promise, p->began}, p});
    }
    if (p->at != step::queued || p->first_pass)
      blocked.insert(p->collections.begin(), p->collections.end());
    if (goes_on) p->first_pass = false;
    for (const auto& c : p->collections) ++before[c];
    named.insert(p->records.begin(), p->records.end());
  }
}

bool store_behavior::has_its_turn(const batch& b, const parked_write& p) const {
  for (const auto& other : parked_) {
    if (other->number >= p.number) return true;
    if (b.written.contains(other->number)) continue;
    const bool shares =
        std::any_of(other->collections.begin(), other->collections.end(),
                    [&](const std::string& c) { return p.collections.contains(c); });
    if (shares) return false;
  }
  return true;
}

void store_behavior::ask_hooks(const parked_ptr& p) {
  auto questions = p->said.take_questions();
  p->at = questions.empty() ? parked_write::step::ready : parked_write::step::asking;
  p->unanswered = questions.size();
  const auto answered = [this, p](std::size_t operation, std::size_t step,
                                  hook_outcome_ptr outcome) {
    p->said.answer(operation, step, std::move(outcome));
    if (--p->unanswered > 0) return;
    p->at = parked_write::step::heard;
    schedule_commit();
  };
  for (auto& q : questions) {
    request(options_.hooks->runner(), caf::infinite, q.call)
        .then([answered, operation = q.operation, step = q.step](
                  const hook_outcome_ptr& outcome) { answered(operation, step, outcome); },
              [answered, operation = q.operation, step = q.step](const caf::error&) {
                answered(operation, step,
                         std::make_shared<const hook_outcome>(
                             hook_outcome{hook_outcome::kind::failed, nullptr, {}}));
              });
  }
}

void store_behavior::unpark(const parked_ptr& p) {
  parked_.remove(p);
  if (!parked_.empty() || !flushing_.empty()) schedule_commit();
}

}  // namespace velo::actors
