#include "storage/cbor.hpp"

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

namespace velo::storage {

namespace {

using nlohmann::json;

constexpr std::size_t not_reserved_above = 64;

/// Whether a value is nested at most `depth` levels deep.
bool nested_at_most(const json& value, int depth) {
  if (!value.is_structured()) return true;
  if (depth == 0) return false;
  return std::all_of(value.begin(), value.end(),
                     [depth](const json& item) { return nested_at_most(item, depth - 1); });
}

/// Builds a value from nlohmann's events. Every event returns whether to go on.
class value_builder : public nlohmann::json_sax<json> {
 public:
  json take() { return std::move(root_); }

  bool null() override { return add(nullptr); }
  bool boolean(bool v) override { return add(v); }
  bool number_integer(number_integer_t v) override { return add(v); }
  bool number_unsigned(number_unsigned_t v) override { return add(v); }
  bool number_float(number_float_t v, const string_t&) override { return add(v); }
  bool string(string_t& v) override { return add(std::move(v)); }
  bool binary(binary_t& v) override { return add(json::binary(std::move(v))); }

  bool start_object(std::size_t) override { return open(json::object()); }
  bool end_object() override { return close(); }

  bool start_array(std::size_t length) override {
    if (!open(json::array())) return false;
    // The length is a claim of the input; believe small ones only.
    if (length <= not_reserved_above) open_.back()->get_ref<json::array_t&>().reserve(length);
    return true;
  }
  bool end_array() override { return close(); }

  bool key(string_t& v) override {
    key_ = std::move(v);
    return true;
  }

  bool parse_error(std::size_t, const std::string&, const json::exception&) override {
    return false;
  }

 private:
  bool add(json&& value) {
    place(std::move(value));
    return true;
  }

  json* place(json&& value) {
    if (open_.empty()) {
      root_ = std::move(value);
      return &root_;
    }
    json& parent = *open_.back();
    if (parent.is_array()) {
      auto& items = parent.get_ref<json::array_t&>();
      items.push_back(std::move(value));
      return &items.back();
    }
    json& slot = parent[key_];
    slot = std::move(value);
    return &slot;
  }

  bool open(json&& empty) {
    if (open_.size() >= static_cast<std::size_t>(nesting_max)) return false;
    // Pointers to ancestors stay good: only the innermost container grows.
    open_.push_back(place(std::move(empty)));
    return true;
  }

  bool close() {
    open_.pop_back();
    return true;
  }

  json root_;
  std::vector<json*> open_;
  std::string key_;
};

constexpr unsigned major_unsigned = 0;
constexpr unsigned major_negative = 1;
constexpr unsigned major_text = 3;

struct item_head {
  unsigned major = 0;
  std::uint64_t argument = 0;
};

/// The head of the item at `offset`, which is moved behind it.
result<item_head> read_head(std::string_view bytes, std::size_t& offset) {
  if (offset >= bytes.size()) return errc::corrupt;
  const auto first = static_cast<unsigned char>(bytes[offset++]);
  const unsigned low = first & 0x1fU;
  item_head head{static_cast<unsigned>(first) >> 5U, low};
  if (low < 24) return head;
  if (low > 27) return errc::corrupt;  // Of no length we write.
  const std::size_t width = std::size_t{1} << (low - 24);
  if (bytes.size() - offset < width) return errc::corrupt;
  head.argument = 0;
  for (const char c : bytes.substr(offset, width))
    head.argument = head.argument << 8U | static_cast<unsigned char>(c);
  offset += width;
  return head;
}

}  // namespace

result<void> append_cbor(std::string& out, const json& value) {
  if (!nested_at_most(value, nesting_max)) return errc::invalid_value;
  json::to_cbor(value, nlohmann::detail::output_adapter<char>(out));
  return {};
}

result<std::string> to_cbor(const json& value) {
  std::string out;
  if (auto done = append_cbor(out, value); !done) return fail(done.error());
  return out;
}

void append_array_head(std::string& out, std::size_t items) {
  out += static_cast<char>(0x80 | items);
}

void append_fixed_int(std::string& out, std::int64_t value) {
  // CBOR has -1 - n for the negatives: n is the complement.
  const bool negative = value < 0;
  const auto magnitude = static_cast<std::uint64_t>(negative ? ~value : value);
  out += static_cast<char>(negative ? 0x3b : 0x1b);
  for (int shift = 56; shift >= 0; shift -= 8) out += static_cast<char>(magnitude >> shift);
}

result<std::int64_t> read_fixed_int(std::string_view bytes, std::size_t offset) {
  if (bytes.size() < fixed_int_bytes || offset > bytes.size() - fixed_int_bytes)
    return errc::corrupt;
  const auto head = static_cast<unsigned char>(bytes[offset]);
  std::uint64_t magnitude = 0;
  for (const char c : bytes.substr(offset + 1, fixed_int_bytes - 1))
    magnitude = magnitude << 8 | static_cast<unsigned char>(c);
  if ((head != 0x1b && head != 0x3b) ||
      magnitude > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
    return errc::corrupt;
  const auto value = static_cast<std::int64_t>(magnitude);
  return head == 0x3b ? ~value : value;
}

result<std::string_view> read_text(std::string_view bytes, std::size_t& offset) {
  const auto head = read_head(bytes, offset);
  if (!head) return fail(head.error());
  if (head->major != major_text || head->argument > bytes.size() - offset) return errc::corrupt;
  const auto text = bytes.substr(offset, static_cast<std::size_t>(head->argument));
  offset += text.size();
  return text;
}

result<void> skip_int(std::string_view bytes, std::size_t& offset) {
  const auto head = read_head(bytes, offset);
  if (!head) return fail(head.error());
  const bool is_int = head->major == major_unsigned || head->major == major_negative;
  return is_int ? result<void>() : result<void>(errc::corrupt);
}

result<json> from_cbor(std::string_view bytes) {
  value_builder builder;
  if (!json::sax_parse(bytes.begin(), bytes.end(), &builder, json::input_format_t::cbor))
    return fail(errc::corrupt);
  return result<json>(boost::system::in_place_value, builder.take());
}

result<json> array_from_cbor(std::string_view bytes, std::size_t items) {
  auto value = from_cbor(bytes);
  if (value && (!value->is_array() || value->size() != items)) return fail(errc::corrupt);
  return value;
}

std::string take_string(json& item, bool& ok) {
  auto* text = item.get_ptr<std::string*>();
  ok = ok && text != nullptr;
  return text != nullptr ? std::move(*text) : std::string();
}

bool take_bool(const json& item, bool& ok) {
  const auto* value = item.get_ptr<const bool*>();
  ok = ok && value != nullptr;
  return value != nullptr && *value;
}

std::int64_t take_int(const json& item, bool& ok) {
  if (const auto* value = item.get_ptr<const std::uint64_t*>()) {
    ok = ok && *value <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    return static_cast<std::int64_t>(*value);
  }
  const auto* value = item.get_ptr<const std::int64_t*>();
  ok = ok && value != nullptr;
  return value != nullptr ? *value : 0;
}

std::uint64_t take_unsigned(const json& item, bool& ok) {
  const auto* value = item.get_ptr<const std::uint64_t*>();
  ok = ok && value != nullptr;
  return value != nullptr ? *value : 0;
}

}  // namespace velo::storage
