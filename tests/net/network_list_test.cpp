#include "net/network_list.hpp"

#include "tests/support/catch.hpp"

#include <string>

using namespace velo::net;

namespace {

client_source at(const char* address) {
  return boost::asio::ip::make_address(address);
}

network_list list(std::initializer_list<const char*> networks) {
  network_list out;
  for (const auto* network : networks) REQUIRE(out.add(network));
  return out;
}

std::string behind(const client_source& peer, std::vector<std::string_view> forwarded,
                   const network_list& trusted) {
  return to_text(client_behind(peer, forwarded, trusted));
}

}  // namespace

TEST_CASE("a network holds the addresses that share its prefix", "[net][network_list]") {
  const auto nets = list({"10.0.0.0/8", "192.0.2.17", "2001:db8::/33", "172.16.0.0/12"});
  CHECK(nets.contains(at("10.255.0.1")));
  CHECK_FALSE(nets.contains(at("11.0.0.1")));
  CHECK(nets.contains(at("192.0.2.17")));
  CHECK_FALSE(nets.contains(at("192.0.2.16")));
  CHECK(nets.contains(at("172.31.255.255")));
  CHECK_FALSE(nets.contains(at("172.32.0.0")));
  CHECK(nets.contains(at("2001:db8:7fff::1")));
  CHECK_FALSE(nets.contains(at("2001:db8:8000::1")));
  CHECK(nets.contains(at("::ffff:10.1.2.3")));
  CHECK_FALSE(nets.contains(std::nullopt));
  CHECK(list({"unix"}).contains(std::nullopt));
  CHECK(list({"0.0.0.0/0"}).contains(at("203.0.113.9")));
  CHECK_FALSE(list({"0.0.0.0/0"}).contains(at("2001:db8::1")));
}

TEST_CASE("what is no network is refused", "[net][network_list]") {
  for (const auto* text : {"", "10.0.0.0/33", "10.0.0.0/", "10.0.0/8", "host", "::1/129",
                           "1.2.3.4/x", "10.0.0.0/-1", "10.0.0.0/8 "}) {
    INFO(text);
    CHECK_FALSE(is_network(text));
  }
}

TEST_CASE("a forwarded address counts only from a trusted peer", "[net][network_list]") {
  const auto trusted = list({"10.0.0.0/8", "::1", "unix"});
  CHECK(behind(at("203.0.113.9"), {"198.51.100.1"}, trusted) == "203.0.113.9");
  CHECK(behind(at("10.0.0.1"), {"198.51.100.1"}, trusted) == "198.51.100.1");
  CHECK(behind(at("10.0.0.1"), {}, trusted) == "10.0.0.1");
  CHECK(behind(std::nullopt, {"198.51.100.1"}, trusted) == "198.51.100.1");
  CHECK(behind(std::nullopt, {"198.51.100.1"}, list({"10.0.0.0/8"})) == "unix");
}

TEST_CASE("the right-most hop that is not trusted is the client", "[net][network_list]") {
  const auto trusted = list({"10.0.0.0/8"});
  const auto peer = at("10.0.0.1");
  // What stands left of the client's own address, the client may have written.
  CHECK(behind(peer, {"127.0.0.1, 198.51.100.1, 10.2.2.2"}, trusted) == "198.51.100.1");
  CHECK(behind(peer, {"6.6.6.6", "198.51.100.1,10.2.2.2"}, trusted) == "198.51.100.1");
  CHECK(behind(peer, {"198.51.100.1", "10.2.2.2"}, trusted) == "198.51.100.1");
  CHECK(behind(peer, {"10.3.3.3, 10.2.2.2"}, trusted) == "10.3.3.3");
  // What cannot be read ends the search: nothing left of it is anybody's word.
  CHECK(behind(peer, {"198.51.100.1, unknown, 10.2.2.2"}, trusted) == "10.2.2.2");
  CHECK(behind(peer, {"garbage"}, trusted) == "10.0.0.1");
  CHECK(behind(peer, {""}, trusted) == "10.0.0.1");
  CHECK(behind(peer, {"198.51.100.1,"}, trusted) == "10.0.0.1");
}

TEST_CASE("hops are read with ports and brackets", "[net][network_list]") {
  const auto trusted = list({"10.0.0.0/8"});
  const auto peer = at("10.0.0.1");
  CHECK(behind(peer, {"198.51.100.1:4711"}, trusted) == "198.51.100.1");
  CHECK(behind(peer, {"[2001:db8::1]:4711"}, trusted) == "2001:db8::1");
  CHECK(behind(peer, {"[2001:db8::1]"}, trusted) == "2001:db8::1");
  CHECK(behind(peer, {" 2001:db8::1 "}, trusted) == "2001:db8::1");
  CHECK(behind(peer, {"::ffff:198.51.100.1"}, trusted) == "198.51.100.1");
  CHECK(behind(peer, {"[2001:db8::1"}, trusted) == "10.0.0.1");
}
