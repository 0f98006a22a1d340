#include "net/private_file.hpp"

#include "actors/random.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>

namespace velo::net {

namespace {

constexpr std::size_t bytes_max = 64 * 1024;

file_error failed(const std::string& path, std::string_view what) {
  return {path + ": " + std::string(what) + " (" + std::generic_category().message(errno) + ")."};
}

class descriptor {
 public:
  explicit descriptor(int number) : number_(number) {}
  descriptor(const descriptor&) = delete;
  descriptor& operator=(const descriptor&) = delete;
  ~descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  [[nodiscard]] int get() const { return number_; }
  [[nodiscard]] bool is_open() const { return number_ >= 0; }

 private:
  int number_;
};

// A file under a name of its own that goes away unless it was moved.
class temporary_name {
 public:
  explicit temporary_name(const std::string& path) : name_(path + '.' + actors::random_id(12)) {}
  temporary_name(const temporary_name&) = delete;
  temporary_name& operator=(const temporary_name&) = delete;
  ~temporary_name() { ::unlink(name_.c_str()); }
  [[nodiscard]] const char* get() const { return name_.c_str(); }

 private:
  std::string name_;
};

bool write_all(int file, std::string_view text) {
  while (!text.empty()) {
    const auto n = ::write(file, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

bool read_all(int file, std::string& text) {
  std::array<char, 4096> block{};
  while (text.size() <= bytes_max) {
    const auto n = ::read(file, block.data(), block.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    if (n == 0) return true;
    text.append(block.data(), static_cast<std::size_t>(n));
  }
  errno = EFBIG;
  return false;
}

// A new name is durable with its directory, not with the file.
bool sync_directory_of(const std::string& path) {
  auto directory = std::filesystem::path(path).parent_path();
  if (directory.empty()) directory = ".";
  const descriptor opened(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return opened.is_open() && ::fsync(opened.get()) == 0;
}

}  // namespace

boost::system::result<std::optional<private_text>, file_error> read_private_file(
    const std::string& path) {
  const descriptor file(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!file.is_open()) {
    if (errno == ENOENT) return std::optional<private_text>();
    return failed(path, "The file cannot be opened");
  }
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return failed(path, "The file cannot be examined");
  if (!S_ISREG(status.st_mode)) return file_error{path + ": It is not a regular file."};
  if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0)
    return file_error{path +
                      ": Others may write it, so what it holds cannot be trusted. Remove it, or "
                      "check it and chmod it to 600."};
  private_text read;
  if ((status.st_mode & (S_IRGRP | S_IROTH)) != 0) {
    if (::fchmod(file.get(), S_IRUSR | S_IWUSR) != 0)
      return failed(path, "Others may read it, and that cannot be changed: chmod it to 600");
    read.was_readable = true;
  }
  if (!read_all(file.get(), read.text)) return failed(path, "The file cannot be read");
  return std::optional(std::move(read));
}

boost::system::result<bool, file_error> write_private_file(const std::string& path,
                                                           const std::string& text, bool replace) {
  const temporary_name name(path);
  {
    const descriptor file(
        ::open(name.get(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!file.is_open() || !write_all(file.get(), text) || ::fsync(file.get()) != 0)
      return failed(path, "The file cannot be written");
  }
  // link() leaves a file that is there alone, rename() replaces it; both are atomic.
  const int moved = replace ? ::rename(name.get(), path.c_str()) : ::link(name.get(), path.c_str());
  if (moved != 0) {
    if (!replace && errno == EEXIST) return false;
    return failed(path, "The file cannot be written");
  }
  if (!sync_directory_of(path)) return failed(path, "The directory cannot be synced");
  return true;
}

boost::system::result<void, file_error> make_private_directory(const std::string& path) {
  std::filesystem::path directory = std::filesystem::path(path).lexically_normal();
  if (!directory.has_filename()) directory = directory.parent_path();  // "data/"
  std::error_code error;
  if (directory.has_parent_path())
    std::filesystem::create_directories(directory.parent_path(), error);
  if (!error && ::mkdir(directory.c_str(), S_IRWXU) != 0 && errno != EEXIST)
    error.assign(errno, std::generic_category());
  if (!error && !std::filesystem::is_directory(directory, error) && !error)
    error = std::make_error_code(std::errc::not_a_directory);
  if (!error) return {};
  return file_error{path + ": The directory cannot be made (" + error.message() + ")."};
}

}  // namespace velo::net
