// One setting: how it is spelled, what it may hold and where its value lives.
//
// The table of all of them is settings_table.cpp. A row's key `a.b` gives the
// variable `VELO_A_B` and the flag `--a-b` unless it names another, as
// CONFIGURATION.md promises.

#pragma once

#include <nlohmann/json_fwd.hpp>

#include <boost/system/result.hpp>

#include <chrono>
#include <cstdint>
#include <limits>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace velo::net {

struct config;

enum class setting_kind : std::uint8_t {
  text,
  choice,    ///< One of `choices`.
  count,     ///< A whole number.
  size,      ///< Bytes: `64KiB`, or a plain number of them.
  duration,  ///< `5m`, `250ms`; never a plain number.
  list,      ///< Texts; separated by commas in a variable or flag.
};

using setting_value =
    std::variant<std::string, std::uint64_t, std::chrono::milliseconds, std::vector<std::string>>;

struct setting {
  std::string_view key;
  setting_kind kind{};
  std::string_view default_text;  ///< As one would write it in a variable.
  std::string_view meaning;       ///< For --help: what it is, without a full stop.
  std::string_view named;         ///< The variable, where it is not the derived one.
  bool is_secret = false;         ///< Never printed.
  std::uint64_t min = 0;  ///< Of a count, in bytes of a size, in milliseconds of a duration.
  std::uint64_t max = std::numeric_limits<std::uint32_t>::max();
  std::span<const std::string_view> choices;

  /// A further condition: what is wrong with the value, and what to write; empty where nothing is.
  std::string (*check)(const setting_value&) = nullptr;
  /// Where the value lives. Null for the parts of an app, which config_load.cpp puts together.
  void (*store)(config&, const setting_value&) = nullptr;
  setting_value (*load)(const config&) = nullptr;

  [[nodiscard]] std::string variable() const;  ///< `VELO_LIMITS_BODY_BYTES`
  [[nodiscard]] std::string flag() const;      ///< `--limits-body-bytes`
};

/// All settings that have one value, in the order they are shown.
[[nodiscard]] std::span<const setting> settings();

[[nodiscard]] std::string variable_of(std::string_view key);

/// What is wrong with a value, and what to write instead.
struct value_error {
  std::string sentence;
};
[[noreturn]] inline void throw_exception_from_error(const value_error& e,
                                                    const boost::source_location&) {
  throw std::runtime_error(e.sentence);
}
template <class T>
using value_result = boost::system::result<T, value_error>;

/// Reads a value as a variable, a flag or a default gives it.
[[nodiscard]] value_result<setting_value> read_text(const setting& row, std::string_view text);
/// Reads a value of the file: numbers are numbers there, lists are arrays.
[[nodiscard]] value_result<setting_value> read_file_value(const setting& row,
                                                          const nlohmann::json& value);

/// The value in TOML; read_file_value gives it back.
[[nodiscard]] std::string to_toml(const setting& row, const setting_value& value);
[[nodiscard]] std::string quoted_toml(std::string_view text);

}  // namespace velo::net
