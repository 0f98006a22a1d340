// Cross-origin requests of browsers: who may read our answers, and the
// preflight that asks first. Never with credentials: tokens travel in headers,
// so no page acts with a cookie that it cannot see.

#pragma once

#include "net/http.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace velo::net {

class cors {
 public:
  /// `origins` as browsers send them ("https://app.example.com"); "*" allows
  /// all, an empty list none.
  explicit cors(std::vector<std::string> origins = {"*"});

  /// Appends, as header lines, what every answer to this Origin says (empty for
  /// a request without one).
  void append_headers(std::string& out, std::string_view origin) const;

  /// Whether `method` with these headers is a preflight rather than a request.
  [[nodiscard]] static bool is_preflight(std::string_view method,
                                         const boost::beast::http::fields& headers);
  /// Its answer, save for append_headers(): 204 whatever the path, so that the
  /// page gets to read a 404 or 405 of the request proper.
  [[nodiscard]] static response preflight(const boost::beast::http::fields& headers);

 private:
  [[nodiscard]] bool allows(std::string_view origin) const;

  bool any_ = false;
  std::vector<std::string> origins_;
};

}  // namespace velo::net
