#include "rules/json.hpp"

#include <cstdint>
#include <limits>
#include <vector>

namespace velo::rules {

namespace {

/// Builds a value from the events of nlohmann's iterative parser. Its own
/// builder would do, but for the depth, which has to be bounded while reading.
class builder {
 public:
  using number_integer_t = nlohmann::json::number_integer_t;
  using number_unsigned_t = nlohmann::json::number_unsigned_t;
  using number_float_t = nlohmann::json::number_float_t;
  using string_t = nlohmann::json::string_t;
  using binary_t = nlohmann::json::binary_t;

  bool null() { return put(nullptr) != nullptr; }
  bool boolean(bool value) { return put(value) != nullptr; }
  bool number_integer(number_integer_t value) { return put(value) != nullptr; }
  bool number_unsigned(number_unsigned_t value) {
    if (value > static_cast<number_unsigned_t>(std::numeric_limits<number_integer_t>::max())) {
      return put(static_cast<number_float_t>(value)) != nullptr;
    }
    return put(static_cast<number_integer_t>(value)) != nullptr;
  }
  bool number_float(number_float_t value, const string_t&) { return put(value) != nullptr; }
  bool string(string_t& value) { return put(std::move(value)) != nullptr; }
  bool binary(binary_t&) { return false; }

  bool start_object(std::size_t) { return open(nlohmann::json::object()); }
  bool start_array(std::size_t) { return open(nlohmann::json::array()); }
  bool end_object() { return close(); }
  bool end_array() { return close(); }
  bool key(string_t& name) {
    member_ = &(*open_.back())[std::move(name)];
    return true;
  }

  template <class Exception>
  bool parse_error(std::size_t position, const std::string&, const Exception& error) {
    // "[json.exception.parse_error.101] parse error at …": the id says nothing to a user.
    std::string message = error.what();
    const auto end_of_id = message.find("] ");
    if (end_of_id != std::string::npos) message.erase(0, end_of_id + 2);
    error_ = {std::move(message), position};
    return false;
  }

  nlohmann::json take() { return std::move(root_); }
  json_error& error() { return error_; }

 private:
  template <class Value>
  nlohmann::json* put(Value&& value) {
    if (open_.empty()) {
      root_ = std::forward<Value>(value);
      return &root_;
    }
    if (open_.back()->is_array()) {
      auto& items = open_.back()->get_ref<nlohmann::json::array_t&>();
      return &items.emplace_back(std::forward<Value>(value));
    }
    *member_ = std::forward<Value>(value);
    return member_;
  }

  bool open(nlohmann::json container) {
    if (open_.size() == json_depth_max) {
      error_ = {"nested deeper than " + std::to_string(json_depth_max) + " levels", 0};
      return false;
    }
    open_.push_back(put(std::move(container)));
    return true;
  }

  bool close() {
    open_.pop_back();
    return true;
  }

  nlohmann::json root_;
  std::vector<nlohmann::json*> open_;  ///< Containers not yet closed, outermost first.
  nlohmann::json* member_ = nullptr;   ///< Where the value of the last key goes.
  json_error error_;
};

}  // namespace

json_result<nlohmann::json> parse_json(std::string_view text) {
  builder build;
  if (!nlohmann::json::sax_parse(text.begin(), text.end(), &build)) {
    return std::move(build.error());
  }
  // A json converts to everything, so the result has to be told which it is.
  return {boost::system::in_place_value, build.take()};
}

json_result<nlohmann::json> parse_record(std::string_view text) {
  auto parsed = parse_json(text);
  if (parsed && !parsed->is_object()) {
    return json_error{std::string("expected an object, found ") + parsed->type_name(), 0};
  }
  return parsed;
}

}  // namespace velo::rules
