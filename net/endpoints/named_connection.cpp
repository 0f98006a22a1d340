#include "net/endpoints/named_connection.hpp"

#include "actors/auth_value.hpp"
#include "net/endpoints/driver_channels.hpp"
#include "net/http_body.hpp"

#include <utility>

namespace velo::net {

using actors::invalid;

boost::system::result<named_connection, response> find_connection(const api& a,
                                                                  const std::string& name,
                                                                  const actors::identity& who) {
  const auto id = parse_any_channel_name(name, a.settings());
  if (!id)
    return error_response(invalid(
        "channel_name", "channel_name is what subscribe answered, with or without prefix."));
  const auto transaction = a.engine().database().begin_read();
  if (!transaction) return error_response(503, transaction.error().message());
  auto stored = a.engine().database().connections.get(*transaction, id->text());
  if (!stored) return error_response(503, stored.error().message());
  if (*stored && !(*stored)->is_public && !actors::speaks_for(who, **stored))
    return error_response(actors::forbidden());
  return named_connection{*id, std::move(*stored)};
}

boost::system::result<named_connection, response> find_connection(const api& a, const request& r,
                                                                  const actors::identity& who) {
  const auto body = json_body(r);
  if (!body) return body.error();
  const auto name = body->find("channel_name");
  return find_connection(
      a, name != body->end() && name->is_string() ? name->get<std::string>() : std::string(), who);
}

}  // namespace velo::net
