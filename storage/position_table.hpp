// How far each socket of a subscription is known to have heard, so that a client
// that comes back hears the rest.
//
// An environment of its own, beside the database: positions change every second
// and are worth little each, so they are keyed by a dense number, never waited
// for, and thrown away when damaged. Without them a client hears again what came
// since its subscription was made.

#pragma once

#include "storage/environment.hpp"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace velo::storage {

/// What is known of one socket on one subscription.
struct position {
  std::string socket_id;
  std::uint64_t sequence = 0;   ///< All up to it was heard.
  std::uint64_t predicate = 0;  ///< Hash of what was bound, and of the log it belongs to.
  std::string heir;             ///< The socket that came after it and began here; may be empty.
  std::uint64_t client = 0;     ///< Whose socket it was, as far as that can be seen; or 0.

  bool operator==(const position&) const = default;
};

struct position_update {
  std::uint64_t connection = 0;   ///< connection::number; never 0.
  std::string socket_id;          ///< Empty: every socket of the connection.
  std::optional<position> value;  ///< Nothing: forgotten.
};

/// Owns its environment. One thread or actor.
class position_table {
 public:
  static constexpr const char* directory_name = "positions";

  /// Opens or creates it in the data directory `data`, which the caller has
  /// locked. One that is damaged, or was in use when the machine went down, is
  /// thrown away first.
  static result<std::unique_ptr<position_table>> open(const std::filesystem::path& data,
                                                      const std::string& boot);
  position_table(const position_table&) = delete;
  position_table& operator=(const position_table&) = delete;
  ~position_table();

  /// Of all sockets of a connection.
  result<std::vector<position>> of(std::uint64_t connection) const;

  /// All in one transaction, in order.
  result<void> apply(std::span<const position_update> updates);

 private:
  position_table(std::unique_ptr<environment> env) : env_(std::move(env)) {}
  static result<std::unique_ptr<position_table>> open_sound(const std::filesystem::path& directory,
                                                            const std::string& boot);

  std::unique_ptr<environment> env_;
  table positions_;
  table meta_;
};

}  // namespace velo::storage
