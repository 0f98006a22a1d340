#include "actors/reader.hpp"

#include "actors/auth_value.hpp"
#include "actors/event_body.hpp"
#include "actors/sort_order.hpp"
#include "actors/time_text.hpp"
#include "rules/bind.hpp"
#include "rules/evaluate.hpp"
#include "rules/mentions.hpp"
#include "rules/parser.hpp"
#include "rules/rule.hpp"
#include "rules/subscribe_decision.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace velo::actors {

namespace {

using nlohmann::json;

// The first `count` places of an order, whatever order they come in. Their records stay
// in storage: only those of one page are wanted.
class top_places {
 public:
  top_places(const sort_order& order, std::size_t count) : order_(order), count_(count) {}

  void add(json place) {
    if (full()) {
      if (count_ == 0 || !order_.before(place, places_.front())) return;
      std::pop_heap(places_.begin(), places_.end(), comes_before{order_});
      places_.pop_back();
    }
    places_.push_back(std::move(place));
    std::push_heap(places_.begin(), places_.end(), comes_before{order_});
  }

  [[nodiscard]] bool full() const { return places_.size() == count_; }

  std::vector<json> sorted() && {
    std::sort_heap(places_.begin(), places_.end(), comes_before{order_});
    return std::move(places_);
  }

 private:
  struct comes_before {
    const sort_order& order;
    bool operator()(const json& a, const json& b) const { return order.before(a, b); }
  };

  const sort_order& order_;
  std::size_t count_;
  std::vector<json> places_;  // a heap, the last in order at its front
};

failure from(const storage::result<void>& r) {
  return unavailable(r.error().message());
}

std::optional<failure> refused(rules::access outcome) {
  switch (outcome) {
    case rules::access::granted:
      return std::nullopt;
    case rules::access::unauthenticated:
      return unauthenticated();
    case rules::access::forbidden:
      return forbidden();
  }
  return forbidden();
}

rules::parameters parameters_of(const identity& who, const json_ptr& auth) {
  rules::parameters p;
  p.auth = auth.get();
  p.superuser = who.kind == identity_kind::superuser;
  return p;
}

}  // namespace

reader_behavior::reader_behavior(caf::actor_config& config, const storage::database& database,
                                 const engine_options& options)
    : reader_actor::base(config), database_(database), options_(options) {}

reader_behavior::behavior_type reader_behavior::make_behavior() {
  return {
      [this](const list_request_ptr& wanted) { return list(*wanted); },
      [this](const view_request& wanted) { return view(wanted); },
  };
}

list_answer reader_behavior::list(const list_request& wanted) const {
  if (wanted.who.kind == identity_kind::ingest) return {forbidden()};
  auto transaction = database_.begin_read();
  if (!transaction) return {unavailable(transaction.error().message())};
  auto found = database_.collections.find(*transaction, wanted.collection);
  if (!found) return {unavailable(found.error().message())};
  if (!*found) return {not_found("There is no such collection.")};
  const auto& collection = **found;
  const bool superuser = wanted.who.kind == identity_kind::superuser;
  const auto& hidden = superuser ? std::vector<std::string>{} : collection.hidden;

  const auto auth = read_auth(database_, *transaction, wanted.who);
  if (!auth) return {unavailable(auth.error().message())};
  if (auth->gone) return {unauthenticated()};
  const auto rule = rules::rule::parse(collection.rules.list, options_.expressions);
  const auto who_may = rule ? *rule : rules::rule{};
  const auto parameters = parameters_of(wanted.who, auth->auth);
  if (auto f = refused(rules::decide(who_may, rules::expression(true), parameters).outcome))
    return {*f};
  const auto filter = rules::parse(wanted.filter, options_.expressions);
  if (!filter)
    return {invalid("filter", filter.error().message + " (column " +
                                  std::to_string(filter.error().column) + ")")};
  if (!superuser) {
    const auto user_hidden = hidden_of_user(database_, *transaction, wanted.who);
    if (!user_hidden) return {unavailable(user_hidden.error().message())};
    if (const auto named = rules::names_hidden_field(*filter, hidden, *user_hidden))
      return {invalid("filter", "The field " + *named + " is hidden; a filter may not name it.")};
  }
  const auto order = sort_order::parse(wanted.sort, hidden);
  if (!order) return {order.error()};
  std::optional<json> after;
  if (wanted.cursor && !wanted.cursor->empty()) {
    after = order->place_of_cursor(*wanted.cursor);
    if (!after) return {invalid("cursor", "This cursor is not one of this list.")};
  }

  const auto bound = rules::bind(who_may, *filter, parameters);
  const auto now = time_text(now_ms());
  // One row more than the page says whether there is a next one.
  const std::size_t wanted_rows = wanted.cursor
                                      ? wanted.per_page + std::size_t{1}
                                      : static_cast<std::size_t>(wanted.page) * wanted.per_page;
  top_places places(*order, wanted_rows);
  std::uint64_t total = 0;
  const bool stops_early = wanted.cursor && order->is_storage_order();
  const auto start = stops_early && after ? after->back().get<std::string>() : std::string{};
  const auto scanned = database_.records.for_each(
      *transaction, collection.id, start, [&](std::string_view, json&& record) {
        if (!rules::evaluate(bound, rules::subject{record, rules::action::created, now}))
          return true;
        ++total;
        auto place = order->place_of(record);
        if (after && !order->before(*after, place)) return true;
        places.add(std::move(place));
        return !(stops_early && places.full());
      });
  if (!scanned) return {from(scanned)};

  auto page = std::make_shared<record_page>();
  auto sorted = std::move(places).sorted();
  std::size_t first = 0;
  if (wanted.cursor) {
    if (sorted.size() > wanted.per_page) {
      sorted.pop_back();
      page->next_cursor = order->cursor_of(sorted.back());
    }
  } else {
    page->total = total;
    first = static_cast<std::size_t>(wanted.page - 1) * wanted.per_page;
  }
  page->records = "[";
  for (auto i = first; i < sorted.size(); ++i) {
    auto record = database_.records.get(*transaction, collection.id,
                                        sorted[i].back().get_ref<const std::string&>());
    if (!record) return {unavailable(record.error().message())};
    // The transaction saw it a moment ago.
    if (!*record) continue;
    for (const auto& field : hidden) (*record)->erase(field);
    const auto text = (*record)->dump();
    const bool begun = page->records.size() > 1;
    if (begun && page->records.size() + text.size() + 2 > options_.page_bytes_max) {
      // A page by number has its place among the others, and cannot end early.
      if (!wanted.cursor)
        return {invalid("per_page",
                        "These records are more than " + std::to_string(options_.page_bytes_max) +
                            " bytes: ask for fewer, or page by cursor, which ends a page there.")};
      page->next_cursor = order->cursor_of(sorted[i - 1]);
      break;
    }
    if (begun) page->records += ',';
    page->records += text;
  }
  page->records += ']';
  return {std::shared_ptr<const record_page>(std::move(page))};
}

view_answer reader_behavior::view(const view_request& wanted) const {
  if (wanted.who.kind == identity_kind::ingest) return {forbidden()};
  auto transaction = database_.begin_read();
  if (!transaction) return {unavailable(transaction.error().message())};
  const auto found = database_.collections.find(*transaction, wanted.collection);
  if (!found) return {unavailable(found.error().message())};
  if (!*found) return {not_found("There is no such collection.")};
  const auto& collection = **found;
  const auto auth = read_auth(database_, *transaction, wanted.who);
  if (!auth) return {unavailable(auth.error().message())};
  if (auth->gone) return {unauthenticated()};
  auto record = database_.records.get(*transaction, collection.id, wanted.record_id);
  if (!record) return {unavailable(record.error().message())};
  if (!*record) return {not_found()};
  const auto rule = rules::rule::parse(collection.rules.view, options_.expressions);
  const auto bound = rules::bind(rule ? *rule : rules::rule{}, *rules::parse(""),
                                 parameters_of(wanted.who, auth->auth));
  const auto now = time_text(now_ms());
  if (!rules::evaluate(bound, rules::subject{**record, rules::action::created, now}))
    return {not_found()};
  auto shared = std::make_shared<const json>(std::move(**record));
  if (wanted.who.kind == identity_kind::superuser) return {json_ptr{shared}};
  return {json_ptr{visible(shared, collection.hidden)}};
}

}  // namespace velo::actors
