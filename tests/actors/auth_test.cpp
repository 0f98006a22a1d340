#include "tests/actors/support/world.hpp"

namespace velo::actors {

namespace {

/// Takes a token for its claims in JSON.
struct trusting_verifier : token_verifier {
  jwt_result<json> verify(std::string_view token, time) const override {
    auto claims = json::parse(token, nullptr, false);
    if (claims.is_discarded()) return {boost::system::in_place_error, jwt_error::malformed};
    return {boost::system::in_place_value, std::move(claims)};
  }
};

engine_options with_tokens() {
  engine_options o;
  o.superuser_token = "root-token";
  o.ingest_key = "ingest-key";
  return o;
}

struct signing_in : world {
  auth_actor auth;

  explicit signing_in(
      std::shared_ptr<token_verifier> verifier = std::make_shared<trusting_verifier>())
      : world(with_tokens()) {
    auth = system->spawn<auth_behavior>(std::move(verifier), registry, store, std::cref(*database),
                                        std::cref(options));
  }
  ~signing_in() {
    caf::anon_send_exit(auth, caf::exit_reason::user_shutdown);
    auth = nullptr;
  }

  outcome<identity> who(const std::string& token) {
    return ask<authenticated>(auth, authenticate{token}).result;
  }
  outcome<identity> bearer(const json& claims) { return who(claims.dump()); }
};

}  // namespace

TEST_CASE("superuser and ingest are known by their tokens", "[actors][auth]") {
  signing_in w;
  CHECK(w.who("root-token")->kind == identity_kind::superuser);
  CHECK(w.who("ingest-key")->kind == identity_kind::ingest);
  for (const char* bad : {"", "root-toke", "root-token ", "garbage"})
    CHECK(w.who(bad).error().kind == failure_kind::unauthenticated);
}

TEST_CASE("an unset token lets nobody in", "[actors][auth]") {
  signing_in w(nullptr);
  w.options.superuser_token = w.options.ingest_key = "";
  CHECK(w.who("").error().kind == failure_kind::unauthenticated);
  CHECK(w.bearer({{"sub", "ada"}}).error().kind == failure_kind::unauthenticated);
}

TEST_CASE("a stored user is the record, another the claims, a deleted one nobody",
          "[actors][auth]") {
  signing_in w;
  const auto users = w.collection("users", {{"type", "auth"}});
  w.create(users, "ada");
  const auto stored = w.bearer({{"sub", "ada"}, {"role", "admin"}});
  REQUIRE(stored);
  CHECK(stored->key() == user_key(users, "ada"));
  CHECK_FALSE(stored->claims);
  const auto claims = w.bearer({{"sub", "bob"}, {"role", "admin"}});
  REQUIRE(claims);
  CHECK(claims->claims->at("id") == "bob");
  CHECK(claims->claims->at("role") == "admin");
  w.remove(users, "ada");
  CHECK(w.bearer({{"sub", "ada"}}).error().kind == failure_kind::unauthenticated);
  w.create(users, "ada");
  CHECK(w.bearer({{"sub", "ada"}}));
}

TEST_CASE("a token's collection has to be one of users", "[actors][auth]") {
  signing_in w;
  CHECK(w.bearer({{"sub", "ada"}})->collection_id == "users");  // there is none: claims
  CHECK(w.bearer({{"sub", "ada"}, {"collection", "users"}}).has_error());
  w.collection("posts");
  const auto members = w.collection("members", {{"type", "auth"}});
  CHECK(w.bearer({{"sub", "ada"}, {"collection", "posts"}}).has_error());
  CHECK(w.bearer({{"sub", "ada"}, {"collection", "members"}})->collection_id == members);
  CHECK(w.bearer({{"sub", "ada"}, {"collection", 7}}).has_error());
  w.collection("users");
  CHECK(w.bearer({{"sub", "ada"}}).has_error());
}

TEST_CASE("claims of odd types are refused or taken, never anybody's end", "[actors][auth]") {
  signing_in w;
  for (const json& bad :
       {json::object(), json{{"sub", 7}}, json{{"sub", ""}}, json{{"sub", nullptr}}})
    CHECK(w.bearer(bad).has_error());
  for (const json& odd :
       {json{{"sub", "u"}, {"id", json::array()}}, json{{"sub", "u"}, {"iat", "text"}},
        json{{"sub", "u"}, {"iat", -1e300}}, json{{"sub", std::string(8000, 'x')}},
        json{{"sub", std::string("a\0b", 3)}}}) {
    const auto who = w.bearer(odd);
    REQUIRE(who);
    w.settle();
  }
  CHECK(w.who("root-token"));
}

TEST_CASE("a newer token rebinds what its user listens to", "[actors][auth]") {
  signing_in w;
  const auto posts = w.collection("posts", {{"rules", {{"list", "@request.auth.team = team"}}}});
  const auto red = w.bearer({{"sub", "u1"}, {"team", "red"}, {"iat", 100}});
  auto c = w.connect();
  w.listen(c, *w.subscribe("posts", *red));
  w.create(posts, "r1", {{"team", "red"}});
  w.bearer({{"sub", "u1"}, {"team", "green"}, {"iat", 50}});
  w.create(posts, "r2", {{"team", "green"}});
  w.bearer({{"sub", "u1"}, {"team", "blue"}, {"iat", 200}});
  w.create(posts, "r3", {{"team", "red"}});
  w.create(posts, "r4", {{"team", "blue"}});
  CHECK(c.session->story() == "succeeded created:r1 created:r4");
}

}  // namespace velo::actors
