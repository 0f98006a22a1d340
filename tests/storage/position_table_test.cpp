#include "storage/position_table.hpp"

#include "tests/storage/child_process.hpp"
#include "tests/storage/temp_directory.hpp"
#include "tests/support/catch.hpp"

#include <fstream>
#include <vector>

namespace velo::storage {

namespace {

position_update heard(std::uint64_t connection, const std::string& socket, std::uint64_t sequence) {
  return {connection, socket, position{socket, sequence, 7, {}}};
}

void apply(position_table& table, std::vector<position_update> updates) {
  table.apply(updates).value();
}

}  // namespace

TEST_CASE("positions are kept by connection and socket", "[storage][position_table]") {
  temp_directory temp;
  std::filesystem::create_directory(temp.data());
  {
    const auto table = position_table::open(temp.data(), "boot").value();
    apply(*table, {heard(1, "1.1", 5), heard(1, "1.2", 6), heard(2, "1.1", 9)});
    apply(*table, {heard(1, "1.1", 8), {1, "1.2", std::nullopt}});
    CHECK(table->of(1).value() == std::vector{position{"1.1", 8, 7, {}}});
    CHECK(table->of(3).value().empty());
  }
  const auto again = position_table::open(temp.data(), "another boot").value();
  CHECK(again->of(1).value() == std::vector{position{"1.1", 8, 7, {}}});
  apply(*again, {{1, {}, std::nullopt}});
  CHECK(again->of(1).value().empty());
  CHECK(again->of(2).value().size() == 1);
}

TEST_CASE("positions outlive a killed process, not a machine that went down",
          "[storage][position_table]") {
  temp_directory temp;
  std::filesystem::create_directory(temp.data());
  const auto killed = [&](const std::string& boot) {
    child_process writer([&] {
      const auto table = position_table::open(temp.data(), boot).value();
      apply(*table, {heard(1, "1.1", 5)});
      ::_exit(0);
      return 0;
    });
    CHECK(writer.wait() == 0);
  };
  killed("boot");
  CHECK(position_table::open(temp.data(), "boot").value()->of(1).value().size() == 1);
  killed("boot");
  CHECK(position_table::open(temp.data(), "next boot").value()->of(1).value().empty());
}

TEST_CASE("damaged positions are thrown away", "[storage][position_table]") {
  temp_directory temp;
  std::filesystem::create_directory(temp.data());
  apply(*position_table::open(temp.data(), "boot").value(), {heard(1, "1.1", 5)});
  std::ofstream(temp.data() / "positions" / "data.mdb", std::ios::trunc) << "not a database";
  const auto table = position_table::open(temp.data(), "boot").value();
  CHECK(table->of(1).value().empty());
  apply(*table, {heard(1, "1.1", 6)});
  CHECK(table->of(1).value().size() == 1);
}

}  // namespace velo::storage
