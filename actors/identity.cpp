#include "actors/identity.hpp"

namespace velo::actors {

std::string user_key(const std::string& collection_id, const std::string& record_id) {
  return collection_id + '/' + record_id;
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
