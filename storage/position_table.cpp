#include "storage/position_table.hpp"

#include "storage/key.hpp"
#include "storage/scan.hpp"

#include <string_view>
#include <system_error>
#include <utility>

namespace velo::storage {

namespace {

// The name of the one entry of `meta`: the boot it was last used in, empty after a clean end.
constexpr std::string_view boot_key = "boot";
constexpr std::size_t map_bytes = std::size_t{1} << 36;
constexpr std::size_t numbers_bytes = 3 * sizeof(std::uint64_t);
// Of what is stored. Another one is thrown away: it is worth little.
constexpr std::string_view format_key = "format";
constexpr std::string_view format = "2";
// LMDB's limit is 511 bytes a key; a socket id has about twenty.
constexpr std::size_t socket_id_bytes_max = 128;

std::string key_of(std::uint64_t connection, std::string_view socket_id) {
  std::string key;
  append_big_endian(key, connection);
  return key.append(socket_id);
}

std::string encode(const position& p) {
  std::string bytes;
  append_big_endian(bytes, p.sequence);
  append_big_endian(bytes, p.predicate);
  append_big_endian(bytes, p.client);
  return bytes.append(p.heir);
}

result<position> decode(std::string_view socket_id, std::string_view bytes) {
  if (bytes.size() < numbers_bytes) return errc::corrupt;
  position p;
  p.socket_id = socket_id;
  p.sequence = read_big_endian(bytes.substr(0, 8));
  p.predicate = read_big_endian(bytes.substr(8, 8));
  p.client = read_big_endian(bytes.substr(16, 8));
  p.heir = bytes.substr(numbers_bytes);
  return p;
}

}  // namespace

result<std::unique_ptr<position_table>> position_table::open(const std::filesystem::path& data,
                                                             const std::string& boot) {
  const auto directory = data / directory_name;
  auto opened = open_sound(directory, boot);
  if (opened || opened.error() == errc::disk_full || opened.error() == errc::read_only ||
      opened.error() == errc::locked_by_other_process)
    return opened;
  std::error_code failed;
  std::filesystem::remove_all(directory, failed);
  if (failed) return error_from_errno(failed.value());
  return open_sound(directory, boot);
}

result<std::unique_ptr<position_table>> position_table::open_sound(
    const std::filesystem::path& directory, const std::string& boot) {
  auto env = environment::open(directory, {.map_bytes = map_bytes, .durable = false});
  if (!env) return fail(env.error());
  std::unique_ptr<position_table> opened(new position_table(std::move(*env)));
  auto done = opened->env_->write([&](write_transaction& txn) -> result<void> {
    const auto positions = txn.create_table("positions");
    if (!positions) return fail(positions.error());
    const auto meta = txn.create_table("meta");
    if (!meta) return fail(meta.error());
    opened->positions_ = *positions;
    opened->meta_ = *meta;
    const auto used_in = txn.get(*meta, boot_key);
    if (!used_in) return fail(used_in.error());
    if (*used_in && !(*used_in)->empty() && (boot.empty() || **used_in != boot))
      return errc::corrupt;
    const auto stored_as = txn.get(*meta, format_key);
    if (!stored_as) return fail(stored_as.error());
    if (*used_in && (!*stored_as || **stored_as != format)) return errc::corrupt;
    if (auto done = txn.put(*meta, format_key, format); !done) return done;
    return txn.put(*meta, boot_key, boot.empty() ? std::string_view("?") : boot);
  });
  if (done) done = opened->env_->sync();
  if (!done) return fail(done.error());
  return opened;
}

position_table::~position_table() {
  if (!env_->sync()) return;
  const auto clean =
      env_->write([this](write_transaction& txn) { return txn.put(meta_, boot_key, {}); });
  if (clean) static_cast<void>(env_->sync());
}

result<std::vector<position>> position_table::of(std::uint64_t connection) const {
  std::vector<position> found;
  const auto txn = env_->begin_read();
  if (!txn) return fail(txn.error());
  auto done = scan_prefix(*txn, positions_, key_of(connection, {}), {},
                          [&](std::string_view socket_id, std::string_view bytes) -> result<bool> {
                            auto p = decode(socket_id, bytes);
                            if (!p) return fail(p.error());
                            found.push_back(std::move(*p));
                            return true;
                          });
  if (!done) return fail(done.error());
  return found;
}

result<void> position_table::apply(std::span<const position_update> updates) {
  return env_->write([&](write_transaction& txn) -> result<void> {
    for (const auto& u : updates) {
      if (u.connection == 0 || u.socket_id.size() > socket_id_bytes_max) return errc::invalid_key;
      const auto key = key_of(u.connection, u.socket_id);
      if (u.value) {
        if (auto done = txn.put(positions_, key, encode(*u.value)); !done) return done;
      } else if (!u.socket_id.empty()) {
        if (auto done = txn.erase(positions_, key); !done) return fail(done.error());
      } else if (auto done = erase_prefix(txn, positions_, key, static_cast<std::size_t>(-1));
                 !done) {
        return fail(done.error());
      }
    }
    return {};
  });
}

}  // namespace velo::storage
