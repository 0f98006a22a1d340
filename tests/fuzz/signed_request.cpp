// Any bytes as a request of the Pusher API, `METHOD target` in the first line and the
// body after it. What it claims to be signed with is judged; and, rightly signed, it is
// taken, while the same signature is good for no other method, body, time or app.

#include "net/request_signature.hpp"
#include "tests/fuzz/time_bound.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>

namespace {

using namespace velo::net;
using namespace std::chrono_literals;

constexpr auto now = 1'767'225'600s;
constexpr auto window = 600s;

const app ours{.id = "velo", .keys = {{"velo-key", "velo-secret"}, {"next-key", "next-secret"}}};
const app theirs{.id = "other", .keys = {{"other-key", "other-secret"}}};

struct asked {
  std::string method, raw_path, path, body;
};

bool accepted(const app& by, const asked& what, const parameters& query,
              std::chrono::seconds at = now) {
  const signed_parts parts{what.method, what.raw_path, what.path, query, what.body};
  const auto verified = verify_request(by, parts, at, window);
  if (verified && by.find_key((*verified)->key) != *verified) std::abort();
  if (!verified && verified.error().sentence.empty()) std::abort();
  return verified.has_value();
}

// What signed_query() signs as it is: libraries send no other names.
bool is_plain(std::string_view name) {
  return !name.empty() && !name.starts_with("auth_") && name != "body_md5" &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
         });
}

void check_signing(const asked& what, parameters more) {
  more.erase(
      std::remove_if(more.begin(), more.end(), [](const auto& p) { return !is_plain(p.first); }),
      more.end());
  const auto query = parse_parameters(
      signed_query(ours.keys.back(), what.method, what.path, std::move(more), what.body, now));
  if (!query || !accepted(ours, what, *query)) std::abort();
  if (accepted(theirs, what, *query)) std::abort();
  if (accepted(ours, what, *query, now + window + 1s)) std::abort();
  if (accepted(ours, what, *query, now - window - 1s)) std::abort();
  auto other = what;
  other.method += 'X';
  if (accepted(ours, other, *query)) std::abort();
  other = what;
  other.path += "/x";
  other.raw_path = other.path;
  if (accepted(ours, other, *query)) std::abort();
  other = what;
  if (other.body.empty()) {
    other.body.assign(1, 'x');
  } else {
    other.body[other.body.size() / 2] ^= 1;
  }
  if (accepted(ours, other, *query)) std::abort();
  for (const auto& [name, value] : *query) {
    auto doubled = *query;
    doubled.emplace_back(name, value);
    if (accepted(ours, what, doubled)) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const velo::fuzz::time_bound bound(size);
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto line = text.substr(0, text.find('\n'));
  const auto space = line.find(' ');
  if (space == std::string_view::npos) return 0;
  const auto target = split_target(line.substr(space + 1));
  if (!target) return 0;
  const auto path = percent_decode(target->path);
  const auto query = parse_parameters(target->query);
  if (!path || !query) return 0;
  const asked what{std::string(line.substr(0, space)), std::string(target->path), *path,
                   std::string(text.substr(std::min(line.size() + 1, text.size())))};
  static_cast<void>(accepted(ours, what, *query));
  check_signing(what, *query);
  return 0;
}
