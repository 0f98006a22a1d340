#include "actors/identity.hpp"

namespace velo::actors {

std::string user_key(std::string_view collection_id, std::string_view record_id) {
  return std::string(collection_id).append(1, '/').append(record_id);
}

std::string sign_in_id(std::string_view collection_name, std::string_view record_id,
                       std::string_view default_collection) {
  if (collection_name == default_collection) return std::string(record_id);
  return std::string(collection_name).append(1, '.').append(record_id);
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
