// One filter after another, as fast as that goes: what the index is compared with.
//
// Flat code, constants interned, AND and OR cut short, and every value of the
// record known beforehand as a number: nothing is looked up in JSON.

#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <unordered_map>
#include <vector>

#include "rules/bind.hpp"

namespace velo::bench {

class match_baseline {
 public:
  void add(const rules::predicate& bound);
  /// The numbers of the filters that hold, in the order of add().
  void match(const nlohmann::json& record, std::vector<std::uint32_t>& found);
  /// The values of a record, hashed and looked up; match() does this first.
  void read(const nlohmann::json& record);
  void match_read(std::vector<std::uint32_t>& found) const;

  [[nodiscard]] std::size_t memory_bytes() const {
    return code_.capacity() * sizeof(instruction) + starts_.capacity() * sizeof(std::uint32_t);
  }

 private:
  enum class op : std::uint8_t { equal, range, one_of, contains, member, all, some };

  struct instruction {
    op what;
    bool negated;
    std::uint16_t field;
    std::uint32_t next;  ///< How far the next one at this level is.
    union {
      std::uint32_t constant;
      std::uint32_t list;
      double lo;
    };
    double hi;
  };

  struct value {
    std::uint32_t constant = 0;  ///< 0: not the value of any filter.
    double number = 0;
    bool is_number = false;
    std::string_view text;
    std::vector<std::uint32_t> elements;
  };

  void emit(const rules::expression& tree);
  void emit(const rules::comparison& leaf);
  std::uint16_t field_of(const rules::path& where);
  std::uint32_t intern(const nlohmann::json& constant);
  [[nodiscard]] std::uint32_t known(const nlohmann::json& value) const;
  [[nodiscard]] bool holds(const instruction& at) const;
  [[nodiscard]] bool evaluate(const instruction* at) const;

  std::vector<instruction> code_;
  std::vector<std::uint32_t> starts_;
  std::vector<std::vector<std::uint32_t>> lists_;
  std::vector<std::string> texts_;
  std::vector<std::string> fields_;
  std::unordered_map<std::string, std::uint32_t> text_constants_;
  std::unordered_map<double, std::uint32_t> number_constants_;
  std::uint32_t constants_ = 0;
  std::vector<value> values_;
};

}  // namespace velo::bench
