#include "storage/data_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bit>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string>

namespace velo::storage {

namespace {

// LMDB 0.9 on 64 bits, in the byte order of the machine:
//
//   page     number u64, pad u16, flags u16, then lower u16 and upper u16 (of
//            an overflow page: count u32), then per node its offset u16
//   page 0, 1 after the header: magic u32, version u32, address, map size,
//            free tree, main tree, last page u64, transaction u64
//   tree     page size u32 (in the free tree), flags u16, depth u16,
//            four counts u64, root u64 (all ones: empty)
//   node     lo u16, hi u16, flags u16, key size u16, key, data
constexpr std::size_t page_head_bytes = 16;
constexpr std::size_t node_head_bytes = 8;
constexpr std::size_t tree_bytes = 48;
constexpr std::size_t meta_bytes = 8 + 8 + 8 + 2 * tree_bytes + 8 + 8;
constexpr std::uint32_t meta_magic = 0xBEEFC0DE;
constexpr std::uint32_t meta_version = 1;
constexpr std::uint64_t no_page = ~std::uint64_t{0};

constexpr std::uint16_t branch_page = 0x01;
constexpr std::uint16_t leaf_page = 0x02;
constexpr std::uint16_t overflow_page = 0x04;
constexpr std::uint16_t meta_page = 0x08;
constexpr std::uint16_t keys_only_page = 0x20;

constexpr std::uint16_t node_in_overflow = 0x01;
constexpr std::uint16_t node_is_tree = 0x02;

constexpr int depth_max = 32;  // LMDB's own cursor is no deeper

/// The reader of one file. All methods return false for damage.
class data_file {
 public:
  data_file(int fd, std::uint64_t file_bytes) : fd_(fd), file_bytes_(file_bytes) {}

  bool check() {
    std::string first;
    std::string second;
    if (!read_meta(0, first)) return false;
    page_bytes_ = number<std::uint32_t>(first, 24);  // of the free tree, after the map size
    if (!std::has_single_bit(page_bytes_) || page_bytes_ < 512 || page_bytes_ > 65536) return false;
    if (!read_meta(page_bytes_, second)) return false;
    constexpr std::size_t last_page_at = 24 + 2 * tree_bytes;
    const auto transaction = [](const std::string& meta) {
      return number<std::uint64_t>(meta, last_page_at + 8);
    };
    const auto& meta = transaction(second) > transaction(first) ? second : first;
    pages_ = file_bytes_ / page_bytes_;
    // A file may end before its last page if the last pages are free ones that
    // were never written. Only then every page is looked at.
    whole_ = pages_ <= number<std::uint64_t>(meta, last_page_at);
    constexpr std::size_t root_at = 40;
    return check_tree(number<std::uint64_t>(meta, 24 + root_at), 0) &&
           check_tree(number<std::uint64_t>(meta, 24 + tree_bytes + root_at), 0);
  }

 private:
  template <class T>
  static T number(const std::string& bytes, std::size_t at) {
    T value{};
    std::memcpy(&value, bytes.data() + at, sizeof value);
    return value;
  }

  bool read(std::uint64_t offset, std::size_t count, std::string& out) const {
    out.resize(count);
    for (std::size_t done = 0; done < count;) {
      const auto got =
          ::pread(fd_, out.data() + done, count - done, static_cast<off_t>(offset + done));
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) return false;
      done += static_cast<std::size_t>(got);
    }
    return true;
  }

  bool read_meta(std::uint64_t offset, std::string& meta) const {
    std::string page;
    if (!read(offset, page_head_bytes + meta_bytes, page)) return false;
    meta = page.substr(page_head_bytes);
    return number<std::uint16_t>(page, 10) == meta_page &&
           number<std::uint32_t>(meta, 0) == meta_magic &&
           number<std::uint32_t>(meta, 4) == meta_version;
  }

  bool read_page(std::uint64_t page_number, std::string& page) const {
    return page_number < pages_ && read(page_number * page_bytes_, page_bytes_, page) &&
           number<std::uint64_t>(page, 0) == page_number;
  }

  bool check_tree(std::uint64_t root, int depth) {
    return root == no_page || check_page(root, depth, depth == 0 || whole_);
  }

  /// A page of a tree and, if `below`, those under it.
  bool check_page(std::uint64_t page_number, int depth, bool below) {
    std::string page;
    // No page is reached twice, so more visits than pages are a cycle.
    if (depth > depth_max || ++visited_ > pages_ || !read_page(page_number, page)) return false;
    const auto flags = number<std::uint16_t>(page, 10);
    const bool branch = (flags & branch_page) != 0;
    if (branch == ((flags & leaf_page) != 0)) return false;
    if ((flags & keys_only_page) != 0) return true;
    const std::size_t lower = number<std::uint16_t>(page, 12);
    const std::size_t upper = number<std::uint16_t>(page, 14);
    // A page of 64 KiB wraps these to 0; none of ours is that large.
    if (lower < page_head_bytes || lower > upper || upper > page_bytes_) return false;
    for (std::size_t at = page_head_bytes; below && at < lower; at += 2)
      if (!check_node(page, number<std::uint16_t>(page, at), branch, depth)) return false;
    return true;
  }

  bool check_node(const std::string& page, std::size_t at, bool branch, int depth) {
    if (at < page_head_bytes || at + node_head_bytes > page.size()) return false;
    const auto flags = number<std::uint16_t>(page, at + 4);
    const std::uint64_t low = number<std::uint32_t>(page, at);
    if (branch) return check_page(low | std::uint64_t{flags} << 32, depth + 1, true);
    const std::size_t data_at = at + node_head_bytes + number<std::uint16_t>(page, at + 6);
    if ((flags & node_in_overflow) != 0)
      return data_at + 8 <= page.size() && check_overflow(number<std::uint64_t>(page, data_at));
    if (data_at + low > page.size()) return false;
    if ((flags & node_is_tree) == 0) return true;
    return low == tree_bytes && check_tree(number<std::uint64_t>(page, data_at + 40), depth + 1);
  }

  bool check_overflow(std::uint64_t page_number) const {
    std::string head;
    if (page_number >= pages_ || !read(page_number * page_bytes_, page_head_bytes, head))
      return false;
    return number<std::uint64_t>(head, 0) == page_number &&
           (number<std::uint16_t>(head, 10) & overflow_page) != 0 &&
           number<std::uint32_t>(head, 12) <= pages_ - page_number;
  }

  int fd_;
  std::uint64_t file_bytes_;
  std::uint32_t page_bytes_ = 0;
  std::uint64_t pages_ = 0;  ///< Whole pages in the file.
  std::uint64_t visited_ = 0;
  bool whole_ = false;
};

}  // namespace

result<data_file_state> check_data_file(const std::filesystem::path& file) {
  const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0 && errno == ENOENT) return data_file_state::absent;
  if (fd < 0) return error_from_errno(errno);
  struct stat status {};
  const bool known = ::fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
  const bool empty = known && status.st_size == 0;
  const bool sound =
      known && !empty && data_file(fd, static_cast<std::uint64_t>(status.st_size)).check();
  ::close(fd);
  if (empty) return data_file_state::absent;
  if (!sound) return errc::corrupt;
  return data_file_state::sound;
}

}  // namespace velo::storage
