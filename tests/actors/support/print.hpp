// How Catch prints an outcome that a check found wanting. Without this it would
// stream what is inside, which nobody taught to stream.

#pragma once

#include "actors/failure.hpp"
#include "tests/support/catch.hpp"

template <class T>
struct Catch::StringMaker<boost::system::result<T, velo::actors::failure>> {
  static std::string convert(const boost::system::result<T, velo::actors::failure>& outcome) {
    return outcome ? "a value" : "failure: " + outcome.error().message;
  }
};
