#include "net/app.hpp"

#include <algorithm>

namespace velo::net {

const app_key* app::find_key(std::string_view key) const {
  const auto at =
      std::find_if(keys.begin(), keys.end(), [key](const app_key& k) { return k.key == key; });
  return at == keys.end() ? nullptr : &*at;
}

const app* find_app(const std::vector<app>& apps, std::string_view id) {
  const auto at = std::find_if(apps.begin(), apps.end(), [id](const app& a) { return a.id == id; });
  return at == apps.end() ? nullptr : &*at;
}

const app* find_app_of_key(const std::vector<app>& apps, std::string_view key) {
  const auto at = std::find_if(apps.begin(), apps.end(),
                               [key](const app& a) { return a.find_key(key) != nullptr; });
  return at == apps.end() ? nullptr : &*at;
}

}  // namespace velo::net
