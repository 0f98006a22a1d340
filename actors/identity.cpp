#include "actors/identity.hpp"

namespace velo::actors {

std::string user_key(std::string_view collection_id, std::string_view record_id) {
  return std::string(collection_id).append(1, '/').append(record_id);
}

std::string identity::key() const {
  switch (kind) {
    case identity_kind::guest:
      return {};
    case identity_kind::user:
      return user_key(collection_id, record_id);
    case identity_kind::superuser:
      return "@superuser";
    case identity_kind::ingest:
      return "@ingest";
  }
  return {};
}

}  // namespace velo::actors
