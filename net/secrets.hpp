// Secrets nobody configured: made once, kept in the data directory.
//
// `secrets.json` belongs to the user who runs the server and to nobody else.
// Where others could read it, it is closed to them and a warning says that it was
// open; where others could have written it, or it is no file of ours, the start
// is refused.

#pragma once

#include "net/config.hpp"

#include <string>
#include <vector>

namespace velo::net {

/// What complete_secrets had to make, for the one time it is shown.
struct new_secrets {
  bool app = false;
  bool superuser_token = false;
  std::string file;                   ///< Where secrets are kept.
  std::vector<std::string> warnings;  ///< For the log.

  [[nodiscard]] bool any() const { return app || superuser_token; }
};

/// Fills in the app and the superuser token that `c` does not have, from its data
/// directory (made if absent, mode 0700), making and storing durably what is not
/// there either. Where both are configured, no file is read or written.
/// Call it before the server starts: two at once on a new directory agree.
[[nodiscard]] config_result<new_secrets> complete_secrets(config& c);

}  // namespace velo::net
