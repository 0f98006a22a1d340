// Random attaching, leaving, users, rules and records against a plain model that
// judges one subscription after another.

#include "rules/evaluate.hpp"
#include "rules/parser.hpp"
#include "rules/subscribe_decision.hpp"
#include "tests/actors/support/world.hpp"

#include <algorithm>
#include <array>
#include <deque>
#include <map>
#include <random>

namespace velo::actors {

namespace {

constexpr std::array users{"ada", "bob", "cyd"};
constexpr std::array teams{"red", "blue", "green"};
constexpr std::array filters{"",
                             "a = 1",
                             "a > 2 OR team = 'red'",
                             "team = @request.auth.team",
                             "NOT (owner = @request.auth.id)",
                             "a IN (1, 2, 3) AND team != 'blue'",
                             "team = @request.query.team",
                             "@action = 'deleted' OR a >= 4"};
constexpr std::array rule_texts{"",
                                "a != 0",
                                "owner = @request.auth.id OR a > 1",
                                "team = @request.auth.team",
                                "@request.auth.id != ''",
                                "@request.auth.team = 'red' AND a < 5"};

/// One subscription as the model sees it, and as its client tells it.
struct listener_of {
  storage::connection stored;
  std::string user;  ///< Empty: a guest.
  client socket;
  std::vector<std::string> expected;  ///< Ids of the records heard.
  bool over = false;
};

struct model : world {
  std::mt19937 random;
  std::string users_id = collection("users", {{"type", "auth"}});
  std::string posts;
  std::map<std::string, json> auth;
  std::map<std::string, json> records;
  std::string rule;
  std::deque<listener_of> listeners;
  int made = 0;

  model(unsigned seed, unsigned shards, std::size_t slice) : world(with(slice)), random(seed) {
    posts = collection("posts", {{"shards", shards}});
    for (const auto* id : users) put_user(id);
  }

  static engine_options with(std::size_t slice) {
    engine_options o;
    o.rebind_slice = slice;
    return o;
  }
  template <std::size_t n>
  const char* one_of(const std::array<const char*, n>& all) {
    return all[random() % n];
  }

  void put_user(const std::string& id) {
    json fields{{"team", one_of(teams)}, {"note", random() % 3}};
    const auto known = auth.contains(id);
    const auto written = known ? update(users_id, id, fields) : create(users_id, id, fields);
    REQUIRE(written);
    auth[id] = *written->record;
  }

  json new_record() {
    json r{{"a", random() % 6}, {"owner", one_of(users)}};
    if (random() % 4 != 0) r["team"] = one_of(teams);
    return r;
  }

  rules::parameters parameters(const listener_of& l) {
    rules::parameters p;
    if (!l.user.empty()) p.auth = &auth.at(l.user);
    if (const auto q = l.stored.options.find("query"); q != l.stored.options.end()) p.query = &*q;
    return p;
  }

  /// What the store's clock said is not in any of the filters, so `now` is not either.
  void expect(const std::string& id, const json& record, rules::action action) {
    for (auto& l : listeners) {
      if (l.over || !wants(l, action)) continue;
      const rules::subject subject{record, action, ""};
      const auto p = parameters(l);
      if (rules::evaluate(*rules::parse(rule), p, subject) &&
          rules::evaluate(*rules::parse(l.stored.filter), p, subject))
        l.expected.push_back(std::string(to_string(action)) + ':' + id);
    }
  }
  static bool wants(const listener_of& l, rules::action action) {
    const auto events = l.stored.options.find("events");
    if (events == l.stored.options.end()) return true;
    return std::find(events->begin(), events->end(), to_string(action)) != events->end();
  }

  void attach() {
    listener_of l;
    l.user = random() % 4 == 0 ? "" : one_of(users);
    json options = json::object();
    if (random() % 3 == 0) options["query"] = {{"team", one_of(teams)}};
    if (random() % 4 == 0) options["events"] = {"created", "deleted"};
    const auto s = subscribe("posts", l.user.empty() ? guest : user_of(users_id, l.user),
                             one_of(filters), {}, options);
    const auto allowed =
        rules::decide(rules::rule(*rules::parse(rule)), rules::expression(true), parameters(l))
            .outcome;
    REQUIRE(s.has_value() == (allowed == rules::access::granted));
    if (!s) return;
    l.stored = *s;
    l.socket = connect();
    listen(l.socket, *s);
    listeners.push_back(std::move(l));
  }

  void detach() {
    if (listeners.empty()) return;
    auto& l = listeners[random() % listeners.size()];
    if (l.over) return;
    if (random() % 2 == 0)
      unlisten(l.socket, l.stored);
    else
      hang_up(l.socket);
    l.over = true;
  }

  void change_rule() {
    rule = one_of(rule_texts);
    REQUIRE(set_rules("posts", {{"list", rule}}).result);
    const rules::rule now{*rules::parse(rule)};
    for (auto& l : listeners) {
      if (l.over) continue;
      const auto d = rules::decide(now, *rules::parse(l.stored.filter), parameters(l));
      l.over = d.outcome != rules::access::granted || (l.stored.is_public && !d.is_public);
    }
  }

  void change_record() {
    const auto pick = random() % 3;
    if (pick == 0 || records.empty()) {
      const auto id = "r" + std::to_string(++made);
      const auto written = create(posts, id, new_record());
      REQUIRE(written);
      records[id] = *written->record;
      return expect(id, records[id], rules::action::created);
    }
    auto at = std::next(records.begin(), static_cast<long>(random() % records.size()));
    if (pick == 1) {
      const auto written = update(posts, at->first, new_record());
      REQUIRE(written);
      at->second = *written->record;
      return expect(at->first, at->second, rules::action::updated);
    }
    REQUIRE(remove(posts, at->first));
    expect(at->first, at->second, rules::action::deleted);
    records.erase(at);
  }

  void compare() {
    for (const auto& l : listeners) {
      std::vector<std::string> heard;
      for (const auto& h : l.socket.session->log)
        if (h.data.is_object())
          heard.push_back(h.what + ':' + h.data.at("record").at("id").get<std::string>());
      CAPTURE(l.stored.filter, l.user, rule);
      REQUIRE(heard == l.expected);
    }
  }
};

}  // namespace

TEST_CASE("who hears what is what judging one after another says", "[actors][live_model]") {
  const unsigned shards = GENERATE(1U, 3U);
  const std::size_t slice = GENERATE(1U, 256U);
  const unsigned seed = GENERATE(1U, 2U, 3U, 4U);
  CAPTURE(shards, slice, seed);
  model m(seed, shards, slice);
  for (int i = 0; i < 400; ++i) {
    const auto dice = m.random() % 20;
    if (dice < 5)
      m.attach();
    else if (dice < 7)
      m.detach();
    else if (dice < 10)
      m.put_user(m.one_of(users));
    else if (dice < 11)
      m.change_rule();
    else
      m.change_record();
    m.compare();
  }
  std::size_t events = 0;
  for (const auto& l : m.listeners) events += l.expected.size();
  CHECK(events > 100);
}

}  // namespace velo::actors
