#include "bench/match_workload.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <random>

namespace velo::bench {

namespace {

using namespace rules;
using nlohmann::json;

class dice {
 public:
  explicit dice(std::uint64_t seed) : random_(seed) {}
  double real() { return static_cast<double>(random_() >> 11U) * 0x1p-53; }
  int below(int n) { return static_cast<int>(random_() % static_cast<std::uint64_t>(n)); }

 private:
  std::mt19937_64 random_;
};

class zipf {
 public:
  explicit zipf(int values) : sums_(static_cast<std::size_t>(values)) {
    double sum = 0;
    for (std::size_t i = 0; i < sums_.size(); ++i)
      sums_[i] = sum += 1.0 / static_cast<double>(i + 1);
    for (auto& s : sums_) s /= sum;
  }
  int operator()(dice& random) const {
    return static_cast<int>(std::lower_bound(sums_.begin(), sums_.end(), random.real()) -
                            sums_.begin());
  }

 private:
  std::vector<double> sums_;
};

std::uint64_t mixed(std::uint64_t x) {
  x ^= x >> 32U;
  x *= 0xd6e8feb86659fd93ULL;
  x ^= x >> 32U;
  x *= 0xd6e8feb86659fd93ULL;
  return x ^ x >> 32U;
}

/// An identifier of 15 characters.
std::string id_of(std::uint64_t number) {
  constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyz0123456789";
  std::string made(15, ' ');
  auto rest = mixed(number * 2654435761ULL + 99);
  for (std::size_t i = 0; i < made.size(); ++i) {
    made[i] = letters[rest % letters.size()];
    rest /= letters.size();
    if (i == 10) rest = mixed(rest + number);
  }
  return made;
}

path field(std::string name) {
  path made;
  made.steps.emplace_back(std::move(name));
  return made;
}

expression leaf(const char* name, relation op, json value, bool negated = false) {
  comparison made;
  made.left = field(name);
  made.op = op;
  made.negated = negated;
  made.right = constant::literal(std::move(value));
  return expression(std::move(made));
}
expression equals(const char* name, json value) {
  return leaf(name, relation::equal, std::move(value));
}
expression differs(const char* name, json value) {
  return leaf(name, relation::equal, std::move(value), true);
}
expression in(const char* name, const std::vector<json>& values) {
  comparison made;
  made.left = field(name);
  made.op = relation::in_list;
  for (const auto& value : values) made.list.push_back(constant::literal(value));
  return expression(std::move(made));
}
expression all(std::vector<expression> terms) {
  return expression(conjunction{std::move(terms)});
}
expression some(std::vector<expression> terms) {
  return expression(disjunction{std::move(terms)});
}
expression between(const char* name, double lo, double hi) {
  return all({leaf(name, relation::greater_equal, lo), leaf(name, relation::less_equal, hi)});
}
predicate bound(const expression& tree) {
  return bind(tree, {});
}

std::string state(int i) {
  return "st" + std::to_string(i);
}
std::string region(int i) {
  return "region-" + std::to_string(i);
}

constexpr const char* feed_states[] = {"active", "done", "draft", "queued", "failed"};

/// Fields that nobody asks about.
void pad(json& record, int from, int to, dice& random) {
  for (int i = from; i < to; ++i) {
    const auto name = "f" + std::to_string(i);
    if (i % 2 != 0)
      record[name] = "v" + std::to_string(random.below(100'000));
    else
      record[name] = random.below(1'000);
  }
}

class feed : public match_workload {
 public:
  feed(std::uint32_t subscribers, std::uint64_t seed) : random_(seed), subscribers_(subscribers) {}

  predicate subscriber(std::uint32_t number) override {
    auto owner = equals("owner", id_of(number));
    if (number % 5 != 0) return bound(owner);
    return bound(all({owner, equals("status", feed_states[random_.below(5)])}));
  }
  json record() override {
    json made{
        {"owner", id_of(static_cast<std::uint64_t>(random_.below(static_cast<int>(subscribers_))))},
        {"status", feed_states[random_.below(5)]}};
    pad(made, 2, 12, random_);
    return made;
  }

 private:
  dice random_;
  std::uint32_t subscribers_;
};

class shared : public match_workload {
 public:
  explicit shared(std::uint64_t seed) : random_(seed) {}

  predicate subscriber(std::uint32_t number) override {
    return bound(equals("room", id_of(number % 1'000)));
  }
  json record() override {
    json made{{"room", id_of(static_cast<std::uint64_t>(random_.below(1'000)))}};
    for (int i = 1; i < 6; ++i) made["f" + std::to_string(i)] = random_.below(1'000);
    return made;
  }

 private:
  dice random_;
};

class dash : public match_workload {
 public:
  enum class amounts { continuous, round, alerts };

  dash(amounts kind, std::uint64_t seed) : random_(seed), kind_(kind) {}

  expression filter() {
    const double amount = kind_ == amounts::alerts  ? 9'800 + random_.real() * 200
                          : kind_ == amounts::round ? random_.below(100) * 100
                                                    : random_.real() * 10'000;
    return all({equals("status", state(random_.below(5))),
                equals("region", region(random_.below(20))),
                leaf("amount", relation::greater, amount)});
  }
  predicate subscriber(std::uint32_t) override { return bound(filter()); }
  json record() override {
    json made{{"status", state(random_.below(5))},
              {"region", region(random_.below(20))},
              {"amount", random_.real() * 10'000}};
    pad(made, 3, 12, random_);
    return made;
  }

 protected:
  dice random_;

 private:
  amounts kind_;
};

class rule_bound : public dash {
 public:
  explicit rule_bound(std::uint64_t seed) : dash(amounts::continuous, seed), user_(100'000) {}

  predicate subscriber(std::uint32_t) override {
    const json auth{{"id", user()}};
    return bind(who_, filter(), {&auth, nullptr, false});
  }
  json record() override {
    auto made = dash::record();
    made["owner"] = user();
    made["public"] = random_.below(10) == 0;
    made["members"] = json::array();
    for (int n = random_.below(6); n > 0; --n) made["members"].push_back(user());
    return made;
  }

 private:
  std::string user() { return id_of(static_cast<std::uint64_t>(user_(random_))); }

  static expression condition() {
    path auth_id{root::auth, {}};
    auth_id.steps.emplace_back("id");
    comparison owner;
    owner.left = field("owner");
    owner.right = auth_id;
    comparison member;
    member.left = auth_id;
    member.op = relation::in_path;
    member.right = field("members");
    return some({expression(owner), expression(member), equals("public", true)});
  }

  zipf user_;
  rule who_{condition()};
};

class synthetic : public match_workload {
 public:
  synthetic(bool skewed, int values, std::uint64_t seed)
      : random_(seed), values_(values), skewed_(skewed), zipf_(values) {
    for (int i = 0; i < fields; ++i) names_.push_back("f" + std::to_string(i));
  }

  predicate subscriber(std::uint32_t) override {
    const auto count = static_cast<std::size_t>(3 + random_.below(3));
    std::vector<expression> terms;
    std::uint32_t used = 0;
    while (terms.size() < count) {
      const auto which = random_.below(fields);
      if ((used >> which & 1U) != 0) continue;
      used |= 1U << which;
      terms.push_back(term(names_[static_cast<std::size_t>(which)].c_str()));
    }
    return bound(all(std::move(terms)));
  }
  json record() override {
    json made;
    for (const auto& name : names_) made[name] = value();
    return made;
  }

 private:
  static constexpr int fields = 20;

  int value() { return skewed_ ? zipf_(random_) : random_.below(values_); }

  expression term(const char* name) {
    const auto kind = random_.real();
    if (kind < 0.8) return equals(name, value());
    if (kind < 0.95) {
      const auto side = random_.real();
      if (side < 0.25) return leaf(name, relation::greater_equal, random_.below(values_));
      if (side < 0.5) return leaf(name, relation::less_equal, random_.below(values_));
      const int width = std::max(1, values_ / 5);
      const int lo = random_.below(values_);
      return between(name, lo, lo + width - 1);
    }
    if (random_.real() < 0.5) return differs(name, value());
    const json first = value();
    return in(name, {first, random_.below(values_), random_.below(values_)});
  }

  dice random_;
  int values_;
  bool skewed_;
  zipf zipf_;
  std::vector<std::string> names_;
};

class mix : public match_workload {
 public:
  mix(std::uint32_t subscribers, std::uint64_t seed)
      : random_(seed), users_(static_cast<int>(std::max<std::uint32_t>(subscribers / 4, 10))) {}

  predicate subscriber(std::uint32_t) override { return bound(filter()); }
  json record() override {
    json made;
    const auto put = [&](const char* name, json value) {
      if (random_.real() >= 0.08)
        made[name] = std::move(value);
      else if (random_.below(2) == 0)
        made[name] = nullptr;
    };
    put("owner", user());
    put("status", state(random_.below(5)));
    put("region", region(random_.below(200)));
    if (random_.real() >= 0.08) made["amount"] = random_.below(10'000);
    std::string title;
    for (int i = 0; i < 8; ++i) title += "w" + std::to_string(random_.below(1'000)) + " ";
    put("title", title);
    put("team", team());
    made["priority"] = random_.below(5);
    made["public"] = random_.below(2);
    return made;
  }

 private:
  std::string user() { return id_of(static_cast<std::uint64_t>(random_.below(users_))); }
  std::string team() { return id_of(1'000'000 + static_cast<std::uint64_t>(random_.below(2'000))); }

  expression filter() {
    const auto kind = random_.real();
    if (kind < 0.30)
      return all({equals("owner", user()), differs("status", state(random_.below(5)))});
    if (kind < 0.45) {
      return some({equals("owner", user()), all({equals("public", 1), equals("team", team())})});
    }
    if (kind < 0.60) {
      return all({some({equals("status", state(0)), equals("status", state(1 + random_.below(4)))}),
                  equals("region", region(random_.below(200))),
                  between("amount", random_.below(9'000), 9'000 + random_.below(1'000))});
    }
    if (kind < 0.72) {
      return all(
          {in("region",
              {region(random_.below(200)), region(random_.below(200)), region(random_.below(200))}),
           leaf("priority", relation::greater_equal, random_.below(5)), equals("team", team())});
    }
    if (kind < 0.84) {
      return all(
          {expression(negation{some({equals("status", state(random_.below(5))),
                                     leaf("amount", relation::less, random_.below(5'000))})}),
           equals("team", team())});
    }
    if (kind < 0.90) {
      return all({leaf("title", relation::like, "w" + std::to_string(random_.below(1'000)) + " "),
                  equals("team", team())});
    }
    if (kind < 0.95) {
      const int lo = random_.below(9'990);
      return all({between("amount", lo, random_.below(9'990)), differs("team", team())});
    }
    if (kind < 0.9995) {
      const int lo = random_.below(9'990);
      return all({between("amount", lo, lo + random_.below(10)),
                  differs("status", state(random_.below(5)))});
    }
    return all({differs("status", state(random_.below(5))),
                leaf("title", relation::like, "w" + std::to_string(random_.below(1'000)))});
  }

  dice random_;
  int users_;
};

}  // namespace

const std::vector<std::string>& match_workload_names() {
  static const std::vector<std::string> names{"feed",   "shared",   "dash",      "dashr",
                                              "dasha",  "syn-z100", "syn-u10",   "syn-u1000",
                                              "syn-u4", "mix",      "rule-bound"};
  return names;
}

std::unique_ptr<match_workload> make_match_workload(std::string_view name,
                                                    std::uint32_t subscribers, std::uint64_t seed) {
  if (name == "feed") return std::make_unique<feed>(subscribers, seed);
  if (name == "shared") return std::make_unique<shared>(seed);
  if (name == "dash") return std::make_unique<dash>(dash::amounts::continuous, seed);
  if (name == "dashr") return std::make_unique<dash>(dash::amounts::round, seed);
  if (name == "dasha") return std::make_unique<dash>(dash::amounts::alerts, seed);
  if (name == "mix") return std::make_unique<mix>(subscribers, seed);
  if (name == "rule-bound") return std::make_unique<rule_bound>(seed);
  if (name.starts_with("syn-u") || name.starts_with("syn-z")) {
    int values = 0;
    const auto digits = name.substr(5);
    std::from_chars(digits.data(), digits.data() + digits.size(), values);
    if (values > 0) return std::make_unique<synthetic>(name[4] == 'z', values, seed);
  }
  return nullptr;
}

}  // namespace velo::bench
