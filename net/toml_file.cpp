#include "net/toml_file.hpp"

#include <toml++/toml.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace velo::net {

namespace {

using nlohmann::json;

std::string join(const std::string& path, std::string_view step) {
  return path.empty() ? std::string(step) : path + '.' + std::string(step);
}

std::string place(const std::string& name, const toml::source_position& at) {
  return name + ':' + std::to_string(at.line) + ':' + std::to_string(at.column);
}

class converter {
 public:
  explicit converter(toml_document& out) : out_(out) {}

  json convert(const toml::node& node, const std::string& path) {
    if (!path.empty() && node.source().begin)
      out_.places[path] = place(out_.name, node.source().begin);
    if (const auto* table = node.as_table()) {
      auto object = json::object();
      for (const auto& [key, value] : *table)
        object[std::string(key.str())] = convert(value, join(path, key.str()));
      return object;
    }
    if (const auto* items = node.as_array()) {
      auto array = json::array();
      for (const auto& item : *items)
        array.push_back(convert(item, join(path, std::to_string(array.size()))));
      return array;
    }
    return convert_scalar(node, path);
  }

  [[nodiscard]] const std::vector<std::string>& errors() const { return errors_; }

 private:
  json convert_scalar(const toml::node& node, const std::string& path) {
    if (const auto text = node.value_exact<std::string>()) return *text;
    if (const auto flag = node.value_exact<bool>()) return *flag;
    if (const auto whole = node.value_exact<std::int64_t>()) return *whole;
    if (const auto number = node.value_exact<double>()) return *number;
    errors_.push_back(out_.at(path) + path +
                      ": A date is no setting's value: write a string in quotes.");
    return nullptr;
  }

  toml_document& out_;
  std::vector<std::string> errors_;
};

// Nothing where it cannot be read, a directory included; errno says why.
std::optional<std::string> read_file(const std::string& path) {
  errno = 0;
  std::ifstream in(path, std::ios::binary);
  if (!in) return std::nullopt;
  std::string text;
  std::array<char, 4096> block{};
  while (in.read(block.data(), block.size()) || in.gcount() > 0)
    text.append(block.data(), static_cast<std::size_t>(in.gcount()));
  if (in.bad()) return std::nullopt;
  return text;
}

}  // namespace

std::string toml_document::at(const std::string& path) const {
  const auto found = places.find(path);
  return (found == places.end() ? name : found->second) + ": ";
}

config_result<toml_document> read_toml_file(const std::string& path) {
  const auto text = read_file(path);
  if (!text) {
    const auto reason = std::generic_category().message(errno == 0 ? EIO : errno);
    return config_errors{{path + ": The file cannot be read (" + reason + ")."}};
  }
  toml_document document;
  document.name = path;
  try {
    const toml::table table = toml::parse(*text, std::string_view(path));
    converter from_toml(document);
    document.root = from_toml.convert(table, {});
    if (!from_toml.errors().empty()) return config_errors{from_toml.errors()};
  } catch (const toml::parse_error& error) {
    return config_errors{
        {place(path, error.source().begin) + ": " + std::string(error.description()) + '.'}};
  }
  return document;
}

}  // namespace velo::net
