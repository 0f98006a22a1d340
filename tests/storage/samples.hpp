// Values and databases to test with. Random ones come from a seed, so that a
// failure can be repeated.

#pragma once

#include "storage/database.hpp"
#include "tests/storage/temp_directory.hpp"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <limits>
#include <memory>
#include <random>
#include <string>

namespace velo::storage {

/// A database in a directory of its own.
struct sample_database {
  explicit sample_database(const database_options& options = {.durable = false})
      : db(database::open(directory.data(), options).value()) {}

  /// Closes and opens again, as a restart does.
  void reopen(const database_options& options = {.durable = false}) {
    db.reset();
    db = database::open(directory.data(), options).value();
  }

  temp_directory directory;
  std::unique_ptr<database> db;
};

/// Runs `work` in a write transaction and commits.
template <class Work>
void write(database& db, Work&& work) {
  auto txn = db.begin_write().value();
  work(txn);
  txn.commit().value();
}

inline change sample_change(std::uint64_t sequence, std::string collection_id = "posts") {
  change c;
  c.sequence = sequence;
  c.collection_id = std::move(collection_id);
  c.action = rules::action::updated;
  c.record_id = "r" + std::to_string(sequence);
  c.record = std::make_shared<const nlohmann::json>(
      nlohmann::json{{"id", c.record_id}, {"title", "Grüße 🌊"}, {"price", 1.5}});
  c.committed_ms = static_cast<std::int64_t>(1'000 * sequence);
  return c;
}

/// The uuid number n; their order is that of the numbers.
inline std::string sample_uuid(unsigned n) {
  auto digits = std::to_string(n);
  digits.insert(0, 12 - digits.size(), '0');
  return "6f9619ff-8b86-4011-b42d-" + digits;
}

inline connection sample_connection(unsigned n, std::int64_t last_seen_ms = 1'700'000'000'000) {
  connection c;
  c.uuid = sample_uuid(n);
  c.collection_id = "posts";
  c.app_id = "app";
  c.auth_collection_id = "users";
  c.auth_record_id = "u" + std::to_string(n);
  c.socket_id = "12.34";
  c.filter = "title ~ 'é%'";
  c.options = {{"events", {"created"}}, {"query", {{"x", "1"}}}};
  c.last_seen_ms = last_seen_ms;
  c.created_ms = 1'600'000'000'000;
  c.number = n;
  c.sequence = 17;
  c.epoch = "0123456789abcdef";
  c.token = {"jti-1", 1'600'000'000, 1'800'000'000'000};
  return c;
}

using random_source = std::mt19937_64;

inline std::string random_text(random_source& random, std::size_t bytes_max) {
  static const std::string pieces[] = {"a", "Z", "0", " ", "'", "\"", "\\", "\n", "é", "漢", "🌊"};
  std::string text;
  while (text.size() < random() % (bytes_max + 1)) text += pieces[random() % std::size(pieces)];
  return text;
}

inline nlohmann::json random_json(random_source& random, int depth = 4) {
  switch (random() % (depth > 0 ? 8 : 6)) {
    case 0:
      return nullptr;
    case 1:
      return random() % 2 == 0;
    case 2:
      return static_cast<std::int64_t>(random()) >> random() % 64;
    case 3:
      return random() >> random() % 64;
    case 4:
      return std::uniform_real_distribution(-1e300, 1e300)(random);
    case 5:
      return random_text(random, 40);
    case 6: {
      auto items = nlohmann::json::array();
      for (auto n = random() % 5; n > 0; --n) items.push_back(random_json(random, depth - 1));
      return items;
    }
    default: {
      auto members = nlohmann::json::object();
      for (auto n = random() % 5; n > 0; --n)
        members[random_text(random, 10)] = random_json(random, depth - 1);
      return members;
    }
  }
}

inline std::string random_bytes(random_source& random, std::size_t bytes_max) {
  std::string bytes(random() % (bytes_max + 1), '\0');
  for (auto& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

}  // namespace velo::storage
