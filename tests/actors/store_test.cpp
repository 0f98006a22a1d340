// What the store promises: durable before it is answered, one order, group
// commit, atomic requests, idempotency.

#include "tests/actors/support/world.hpp"

#include <algorithm>
#include <set>

namespace velo::actors {

namespace {

write_request request_of(const identity& who, std::string collection_id,
                         std::vector<write_operation> operations, bool atomic = false) {
  write_request r{who, std::move(operations), atomic, std::nullopt};
  for (auto& o : r.operations) o.collection_id = collection_id;
  return r;
}

write_request repeatable(write_request r, char scope = 's', std::string body = "body") {
  r.repeat = idempotency{std::string(32, scope), std::move(body)};
  return r;
}

std::uint64_t last_sequence(const world& w, const std::string& collection_id) {
  const auto transaction = w.database->begin_read().value();
  return w.database->changes.last_sequence(transaction, collection_id).value();
}

std::size_t log_size(const world& w, const std::string& collection_id) {
  const auto transaction = w.database->begin_read().value();
  return w.database->changes.state(transaction, collection_id).value().value().count;
}

}  // namespace

TEST_CASE("writers that come together share one commit, and are answered after it",
          "[actors][store]") {
  world w;
  const auto posts = w.collection("posts");
  constexpr int writers = 50;
  std::vector<reply<write_answer_ptr>> replies;
  for (int i = 0; i < writers; ++i)
    replies.push_back(w.begin_write(
        request_of(superuser, posts, {operation(write_kind::create, "r" + std::to_string(i))})));
  const auto stored = [&] {
    int count = 0;
    for (int i = 0; i < writers; ++i) count += w.record(posts, "r" + std::to_string(i)) ? 1 : 0;
    return count;
  };
  // Message by message: the records appear all at once, and nobody hears before.
  int commits = 0;
  int before = 0;
  while (w.step()) {
    const int now = stored();
    if (now != before) ++commits;
    before = now;
    if (now == 0)
      CHECK(std::none_of(replies.begin(), replies.end(), [](auto& r) { return r.has_come(); }));
  }
  CHECK(commits == 1);
  CHECK(before == writers);
  std::set<std::uint64_t> sequences;
  for (const auto& r : replies) sequences.insert((*r)->sequence);
  CHECK(sequences.size() == writers);
  CHECK(*sequences.begin() == 1);
  CHECK(*sequences.rbegin() == writers);
}

TEST_CASE("a flush is answered after what was sent before it", "[actors][store]") {
  world w;
  const auto posts = w.collection("posts");
  const auto written =
      w.begin_write(request_of(superuser, posts, {operation(write_kind::create, "r1")}));
  const auto flushed = w.begin<ack>(w.store, flush{});
  while (!flushed.has_come()) REQUIRE(w.step());
  CHECK(w.record(posts, "r1"));
  w.settle();
  CHECK(written.has_come());
}

TEST_CASE("an operation that is refused leaves the others in", "[actors][store]") {
  world w;
  const auto posts = w.collection("posts");
  auto request = request_of(
      ingester, posts,
      {ingested(rules::action::created, "a"), ingested(rules::action::created, "not an id"),
       ingested(rules::action::created, "b")});
  request.operations.push_back(ingested(rules::action::created, "c"));
  request.operations.back().collection_id = "nowhere";
  const auto answer = w.write(std::move(request));
  REQUIRE(answer.results.size() == 4);
  CHECK(answer.results[0]->sequence == 1);
  CHECK(answer.results[1].error().kind == failure_kind::invalid);
  CHECK(answer.results[2]->sequence == 2);
  CHECK(answer.results[3].error().errors.at(0).first == "collection");
  CHECK(answer.sequence == 2);
}

TEST_CASE("ingested changes are upserts and mirrored", "[actors][store]") {
  world w;
  const auto posts = w.collection("posts");
  w.write(posts, ingested(rules::action::updated, "r1", {{"title", "a"}}), ingester);
  CHECK(w.record(posts, "r1")->at("title") == "a");
  w.write(posts, ingested(rules::action::created, "r1", {{"rank", 1}}), ingester);
  CHECK_FALSE(w.record(posts, "r1")->contains("title"));
  w.write(posts, ingested(rules::action::deleted, "r1"), ingester);
  CHECK_FALSE(w.record(posts, "r1"));
}

TEST_CASE("a stored time of another type stops nobody", "[actors][store]") {
  world w;
  const auto posts = w.collection("posts");
  w.write(posts, ingested(rules::action::created, "r1", {{"created", 5}, {"updated", true}}),
          ingester);
  CHECK(w.write(posts, ingested(rules::action::updated, "r1", {{"a", 1}}), ingester));
  CHECK(w.update(posts, "r1", {{"a", 2}}));
  CHECK(w.record(posts, "r1")->at("created").is_string());
}

TEST_CASE("`mirror: false` keeps no ingested record, but those that clients write",
          "[actors][store]") {
  world w;
  const auto posts = w.collection("posts", {{"mirror", false}});
  CHECK(w.write(posts, ingested(rules::action::created, "passing"), ingester)->sequence == 1);
  CHECK_FALSE(w.record(posts, "passing"));
  CHECK(w.create(posts, "kept")->sequence == 2);
  CHECK(w.record(posts, "kept"));
  CHECK(w.update(posts, "kept", {{"a", 1}}));
  CHECK(w.record(posts, "kept")->at("a") == 1);
  CHECK(w.remove(posts, "kept"));
  CHECK_FALSE(w.record(posts, "kept"));
}

TEST_CASE("stateless ingest writes nothing at all", "[actors][store]") {
  world w;
  const auto posts = w.collection("posts", {{"mirror", false}, {"history", "none"}});
  const auto s = w.subscribe("posts");
  auto c = w.connect();
  w.listen(c, *s);
  for (int i = 1; i <= 3; ++i)
    CHECK(w.write(posts, ingested(rules::action::created, "r"), ingester)->sequence ==
          std::uint64_t(i));
  CHECK(last_sequence(w, posts) == 0);
  CHECK(c.session->story() == "succeeded created:r created:r created:r");
}

TEST_CASE("the log follows the history mode, the sequence goes on", "[actors][store]") {
  world w;
  const auto posts = w.collection("posts");
  w.create(posts, "a");
  w.define({{"history", "none"}}, "posts");
  w.create(posts, "b");
  CHECK(log_size(w, posts) == 1);
  w.define({{"history", "durable"}}, "posts");
  CHECK(w.create(posts, "c")->sequence == 3);
  CHECK(log_size(w, posts) == 2);
  w.restart();
  CHECK(w.create(posts, "d")->sequence == 4);
}

TEST_CASE("atomic: one refused change refuses all", "[actors][store]") {
  world w;
  const auto posts = w.collection("posts");
  const auto answer = w.write(request_of(
      ingester, posts,
      {ingested(rules::action::created, "a"), ingested(rules::action::created, "not an id")},
      true));
  REQUIRE(answer.results.size() == 2);
  CHECK(answer.results[0].error().kind == failure_kind::conflict);
  CHECK(answer.results[1].error().kind == failure_kind::invalid);
  CHECK(answer.sequence == 0);
  CHECK_FALSE(w.record(posts, "a"));
  CHECK(last_sequence(w, posts) == 0);
}

TEST_CASE("atomic: each change sees those before it", "[actors][store]") {
  world w;
  const auto posts = w.collection("posts");
  const auto s = w.subscribe("posts");
  auto c = w.connect();
  w.listen(c, *s);
  const auto answer = w.write(request_of(
      superuser, posts,
      {operation(write_kind::create, "a", {{"n", 1}}),
       operation(write_kind::update, "a", {{"m", 2}}), operation(write_kind::remove, "a"),
       operation(write_kind::create, "a", {{"n", 3}})},
      true));
  REQUIRE(answer.results.size() == 4);
  for (const auto& r : answer.results) CHECK(r);
  CHECK(answer.results[1]->record->at("n") == 1);
  CHECK(answer.sequence == 4);
  CHECK(w.record(posts, "a")->at("n") == 3);
  CHECK_FALSE(w.record(posts, "a")->contains("m"));
  CHECK(c.session->story() == "succeeded created:a updated:a deleted:a created:a");
  // A second create of one id is refused, and with it the whole.
  CHECK_FALSE(
      w.write(request_of(superuser, posts,
                         {operation(write_kind::create, "b"), operation(write_kind::create, "b")},
                         true))
          .results[1]);
  CHECK_FALSE(w.record(posts, "b"));
}

TEST_CASE("the sequence of a request is its highest", "[actors][store]") {
  world w;
  const auto many = w.collection("many");
  const auto few = w.collection("few");
  w.create(many, "a");
  w.create(many, "b");
  auto request = request_of(ingester, many, {ingested(rules::action::created, "c")});
  request.operations.push_back(ingested(rules::action::created, "c"));
  request.operations.back().collection_id = few;
  for (const bool atomic : {false, true}) {
    request.atomic = atomic;
    const auto answer = w.write(request);
    CHECK(answer.sequence == answer.results[0]->sequence);
    CHECK(answer.results[1]->sequence < answer.sequence);
  }
}

TEST_CASE("a repeated request gets the first answer, another body a conflict", "[actors][store]") {
  world w;
  const auto posts = w.collection("posts");
  const auto request =
      repeatable(request_of(superuser, posts, {operation(write_kind::create, "", {{"n", 1}})}));
  const auto first = w.write(request);
  REQUIRE(first.results.at(0));
  const auto check_repeat = [&] {
    const auto again = w.write(request);
    REQUIRE(again.results.size() == 1);
    CHECK(again.results[0]->record_id == first.results[0]->record_id);
    CHECK(*again.results[0]->record == *first.results[0]->record);
    CHECK(again.sequence == first.sequence);
    CHECK(last_sequence(w, posts) == 1);
  };
  check_repeat();
  auto other = request;
  other.repeat->body_hash = "another";
  CHECK(w.write(other).refused.value().kind == failure_kind::conflict);
  other.repeat->scope = std::string(32, 't');
  CHECK(w.write(other).results.at(0));
  w.define({{"hidden", {"x"}}}, "posts");
  w.remove(posts, "unknown");
  w.restart();
  CHECK(w.write(request).results.at(0)->record_id == first.results[0]->record_id);
  CHECK(w.write(other).results.at(0));
}

TEST_CASE("a request and its repetition in one batch are written once", "[actors][store]") {
  world w;
  const auto posts = w.collection("posts");
  const auto request =
      repeatable(request_of(superuser, posts, {operation(write_kind::create, "", {{"n", 1}})}));
  const auto one = w.begin_write(request);
  const auto two = w.begin_write(request);
  w.settle();
  CHECK((*one)->results[0]->record_id == (*two)->results[0]->record_id);
  CHECK(last_sequence(w, posts) == 1);
}

TEST_CASE("what was refused is tried anew", "[actors][store]") {
  world w;
  const auto posts = w.collection("posts");
  const auto request =
      repeatable(request_of(superuser, posts, {operation(write_kind::update, "r1", {{"n", 1}})}));
  CHECK_FALSE(w.write(request).results.at(0));
  w.create(posts, "r1");
  CHECK(w.write(request).results.at(0));
}

TEST_CASE("a request that cannot be stored fails alone", "[actors][store]") {
  world w;
  const auto posts = w.collection("posts");
  auto bad = repeatable(request_of(superuser, posts, {operation(write_kind::create, "bad")}));
  bad.repeat->scope = "no hash";
  const auto before =
      w.begin_write(request_of(superuser, posts, {operation(write_kind::create, "a")}));
  const auto failing = w.begin_write(bad);
  const auto after =
      w.begin_write(request_of(superuser, posts, {operation(write_kind::create, "b")}));
  w.settle();
  CHECK((*before)->sequence == 1);
  CHECK((*failing)->refused.value().kind == failure_kind::unavailable);
  CHECK((*after)->sequence == 2);
  CHECK(w.record(posts, "a"));
  CHECK_FALSE(w.record(posts, "bad"));
}

TEST_CASE("a definition and the writes around it are judged in their order", "[actors][store]") {
  world w;
  const auto posts = w.collection("posts");
  const auto closed = std::make_shared<storage::collection>(*w.find("posts").definition);
  closed->rules.create = std::nullopt;
  auto message = std::make_shared<collection_definition>();
  message->definition = closed;
  message->shards = w.find("posts").shards;
  const auto before = w.begin_write(request_of(guest, posts, {operation(write_kind::create, "a")}));
  w.step();  // The asker's request leaves before the definition's.
  const auto changed =
      w.begin<collection_answer>(w.store, collection_definition_ptr{std::move(message)});
  w.step();
  const auto after = w.begin_write(request_of(guest, posts, {operation(write_kind::create, "b")}));
  w.settle();
  CHECK((*before)->results[0]);
  CHECK((*changed).result);
  CHECK((*after)->results[0].error().kind == failure_kind::unauthenticated);
}

TEST_CASE("an old log is trimmed by count, in slices, behind who writes", "[actors][store]") {
  engine_options options;
  options.history_count_max = 10;
  world w(options);
  const auto posts = w.collection("posts");
  const auto write_many = [&](int count) {
    write_request many{ingester, {}, false, std::nullopt};
    for (int i = 0; i < count; ++i) {
      many.operations.push_back(ingested(rules::action::updated, "r"));
      many.operations.back().collection_id = posts;
    }
    w.write(many);
  };
  write_many(600);
  CHECK(log_size(w, posts) == 600);
  w.pass(std::chrono::seconds{6});
  CHECK(log_size(w, posts) == 10);
  // More than a slice, and enough that nobody waits for the next look.
  write_many(2'500);
  CHECK(log_size(w, posts) == 10);
  CHECK(last_sequence(w, posts) == 3'100);
}

TEST_CASE("a log is still trimmed after a transaction that was given up", "[actors][store]") {
  engine_options options;
  options.history_count_max = 10;
  world w(options);
  const auto posts = w.collection("posts");
  // The last of many cannot be stored, so nothing of the request is.
  json deep = 1;
  for (int i = 0; i < 300; ++i) deep = json::array({std::move(deep)});
  write_request given_up{ingester, {}, false, std::nullopt};
  for (int i = 0; i < 1'100; ++i) {
    given_up.operations.push_back(ingested(rules::action::updated, "r"));
    given_up.operations.back().collection_id = posts;
  }
  given_up.operations.back().fields["deep"] = std::move(deep);
  w.write(std::move(given_up));
  REQUIRE(log_size(w, posts) == 0);
  for (int i = 0; i < 30; ++i) CHECK(w.create(posts, "n" + std::to_string(i)));
  w.pass(std::chrono::seconds{6});
  CHECK(log_size(w, posts) == 10);
}

TEST_CASE("a log is trimmed by bytes and by age though nobody writes", "[actors][store]") {
  engine_options options;
  options.history_bytes_max = 1'000;
  options.history_age_max = std::chrono::hours{1};
  world w(options);
  const auto posts = w.collection("posts");
  for (int i = 0; i < 50; ++i) CHECK(w.create(posts, "r" + std::to_string(i)));
  w.pass(std::chrono::seconds{6});
  CHECK(log_size(w, posts) < 10);
  CHECK(log_size(w, posts) > 0);
}

TEST_CASE("a log that is kept elsewhere from now on is erased", "[actors][store]") {
  world w;
  const auto posts = w.collection("posts");
  for (int i = 0; i < 5; ++i) CHECK(w.create(posts, "r" + std::to_string(i)));
  CHECK(w.define({{"history", "none"}}, "posts").result);
  w.pass(std::chrono::seconds{6});
  CHECK(log_size(w, posts) == 0);
}

TEST_CASE("connections are numbered, and know where they begin", "[actors][store]") {
  world w;
  const auto posts = w.collection("posts");
  const auto first = w.subscribe("posts").value();
  CHECK(w.create(posts, "r1"));
  const auto second = w.subscribe("posts").value();
  CHECK(first.number != 0);
  CHECK(second.number > first.number);
  CHECK(first.sequence == 0);
  CHECK(second.sequence == 1);
  CHECK(first.epoch.size() == 16);
  CHECK(w.connection(second.uuid)->sequence == 1);
  w.restart();
  const auto third = w.subscribe("posts").value();
  CHECK(third.number > second.number);
  CHECK(third.epoch == first.epoch);
}

TEST_CASE("when the store ends, whoever waits is answered", "[actors][store]") {
  world w;
  const auto posts = w.collection("posts");
  const auto waiting =
      w.begin_write(request_of(superuser, posts, {operation(write_kind::create, "a")}));
  const auto flushed = w.begin<ack>(w.store, flush{});
  w.step();
  w.step();  // Both have asked; the store has handled neither.
  caf::anon_send_exit(w.store, caf::exit_reason::user_shutdown);
  const auto late = w.begin_write(request_of(superuser, posts, {}));
  w.settle();
  CHECK(waiting.has_come());
  CHECK(flushed.has_come());
  CHECK(late.has_come());
}

}  // namespace velo::actors
