#include "actors/record_channel.hpp"

#include "actors/channel_name.hpp"

namespace velo::actors {

namespace {

constexpr std::string_view private_prefix = "private-";

bool strip(std::string_view& text, std::string_view prefix) {
  if (prefix.empty() || !text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

}  // namespace

std::optional<record_channel> parse_record_channel(std::string_view name, std::string_view prefix) {
  const bool is_private = strip(name, private_prefix);
  if (!strip(name, prefix)) return std::nullopt;
  const auto id = channel_id::parse(name);
  if (!id) return std::nullopt;
  return record_channel{*id, is_private};
}

bool in_record_namespace(std::string_view name, std::string_view prefix) {
  while (strip(name, kind_prefix(name))) {
  }
  return name.starts_with(prefix);
}

std::optional<channel_id> parse_channel_name(std::string_view channel_name,
                                             std::string_view prefix) {
  if (const auto channel = parse_record_channel(channel_name, prefix)) return channel->id;
  return channel_id::parse(channel_name);
}

}  // namespace velo::actors
