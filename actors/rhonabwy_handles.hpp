// librhonabwy's objects with an owner each. For .cpp files: its header brings many macros.

#pragma once

#include <rhonabwy.h>

#include <cstdlib>
#include <memory>
#include <new>

namespace velo::actors {

struct rhonabwy_free {
  void operator()(jwk_t* key) const { r_jwk_free(key); }
  void operator()(jws_t* token) const { r_jws_free(token); }
  void operator()(char* text) const { r_free(text); }
};
using jwk_ptr = std::unique_ptr<jwk_t, rhonabwy_free>;
using jws_ptr = std::unique_ptr<jws_t, rhonabwy_free>;
using rhonabwy_text = std::unique_ptr<char, rhonabwy_free>;

/// Throw std::bad_alloc where there is no memory.
[[nodiscard]] inline jwk_ptr make_jwk() {
  jwk_t* made = nullptr;
  if (r_jwk_init(&made) != RHN_OK) throw std::bad_alloc();
  return jwk_ptr(made);
}
[[nodiscard]] inline jws_ptr make_jws() {
  jws_t* made = nullptr;
  if (r_jws_init(&made) != RHN_OK) throw std::bad_alloc();
  return jws_ptr(made);
}

}  // namespace velo::actors
