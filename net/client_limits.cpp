#include "net/client_limits.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <random>

namespace velo::net {

namespace ip = boost::asio::ip;

client_key key_of(const ip::address& address) {
  const bool v6 = address.is_v6() && !address.to_v6().is_v4_mapped();
  if (!v6) {
    const auto v4 =
        address.is_v4() ? address.to_v4() : ip::make_address_v4(ip::v4_mapped, address.to_v6());
    return ip::make_address_v6(ip::v4_mapped, v4).to_bytes();
  }
  auto key = address.to_v6().to_bytes();
  std::fill(key.begin() + 8, key.end(), static_cast<unsigned char>(0));
  return key;
}

client_key key_of_token(std::string_view token) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  EVP_Digest(token.data(), token.size(), digest.data(), &size, EVP_sha256(), nullptr);
  client_key key{};
  std::copy_n(digest.begin(), key.size(), key.begin());
  return key;
}

// With a seed of the process's: nobody can choose addresses that fall together.
std::size_t client_key_hash::operator()(const client_key& key) const noexcept {
  static const std::uint64_t seed = [] {
    std::random_device random;
    return (std::uint64_t{random()} << 32U) | random();
  }();
  std::array<std::uint64_t, 2> words{};
  std::memcpy(words.data(), key.data(), key.size());
  std::uint64_t h = seed;
  for (const auto word : words) {
    // The finalizer of MurmurHash3: every bit of the input reaches every bit.
    h ^= word;
    h ^= h >> 33U;
    h *= 0xff51afd7ed558ccdULL;
    h ^= h >> 33U;
    h *= 0xc4ceb9fe1a85ec53ULL;
    h ^= h >> 33U;
  }
  return h;
}

// -- connections -------------------------------------------------------------

connection_counts::shard& connection_counts::shard_of(const client_key& key) {
  return shards_[client_key_hash{}(key) % shard_count];
}

std::unique_ptr<connection_counts::place> connection_counts::enter(const client_source& client) {
  if (!client) return nullptr;
  return enter(key_of(*client));
}

std::unique_ptr<connection_counts::place> connection_counts::enter(const client_key& key) {
  if (max_ == 0) return nullptr;
  auto& s = shard_of(key);
  std::size_t number = 0;
  {
    const std::lock_guard lock(s.mutex);
    number = ++s.open[key];
  }
  return std::make_unique<place>(*this, key, number);
}

void connection_counts::leave(const client_key& key) {
  auto& s = shard_of(key);
  const std::lock_guard lock(s.mutex);
  const auto at = s.open.find(key);
  if (at != s.open.end() && --at->second == 0) s.open.erase(at);
}

// -- requests ----------------------------------------------------------------

rate_limiter::rate_limiter(std::size_t per_second, std::size_t clients_max)
    : interval_(per_second == 0 ? clock::duration::zero()
                                : clock::duration(std::chrono::seconds{1}) /
                                      static_cast<clock::rep>(per_second)),
      clients_max_(std::max(clients_max, shard_count)) {}

rate_limiter::clock::duration rate_limiter::take(const client_key& client, clock::time_point now) {
  if (!is_on()) return clock::duration::zero();
  constexpr clock::duration depth = std::chrono::seconds{1};
  auto& s = shards_[client_key_hash{}(client) % shard_count];
  const std::lock_guard lock(s.mutex);
  auto at = s.full_at.find(client);
  if (at == s.full_at.end()) {
    if (s.full_at.size() >= clients_max_ / shard_count) make_room(s, now);
    at = s.full_at.emplace(client, now).first;
  }
  const auto full_at = std::max(at->second, now) + interval_;
  if (full_at - now > std::max(depth, interval_)) return full_at - now - std::max(depth, interval_);
  at->second = full_at;
  return clock::duration::zero();
}

std::size_t rate_limiter::size() {
  std::size_t total = 0;
  for (auto& s : shards_) {
    const std::lock_guard lock(s.mutex);
    total += s.full_at.size();
  }
  return total;
}

void rate_limiter::make_room(shard& in, clock::time_point now) const {
  // A full pass at most once a second: a flood of new clients must not make each cost one.
  if (now - in.swept >= std::chrono::seconds{1}) {
    in.swept = now;
    std::erase_if(in.full_at, [now](const auto& entry) { return entry.second <= now; });
    if (in.full_at.size() < clients_max_ / shard_count) return;
  }
  // Else the quietest of a few, in the table's own order, which nobody outside knows.
  constexpr int looked_at = 8;
  auto quietest = in.full_at.begin();
  auto at = quietest;
  for (int i = 0; i < looked_at && at != in.full_at.end(); ++i, ++at) {
    if (at->second < quietest->second) quietest = at;
  }
  if (quietest != in.full_at.end()) in.full_at.erase(quietest);
}

}  // namespace velo::net
