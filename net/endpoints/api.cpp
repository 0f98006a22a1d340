#include "net/endpoints/api.hpp"

#include "net/channel_name.hpp"

namespace velo::net {

handler api::identified(with_identity run) const {
  return [this, run = std::move(run)](request&& r, const respond& answer) {
    const auto token = r.bearer_token();
    if (!token) return run(std::move(r), answer, actors::identity{});
    const auto& loop = *r.loop;
    ask(loop, engine_.auth(), actors::authenticate{*token}, answer,
        [run, answer,
         r = std::make_shared<request>(std::move(r))](const actors::authenticated& who) {
          if (!who.result) return answer(error_response(who.result.error()));
          run(std::move(*r), answer, *who.result);
        });
  };
}

handler api::superuser_only(with_identity run) const {
  return identified(
      [run = std::move(run)](request&& r, const respond& answer, actors::identity who) {
        if (who.kind == actors::identity_kind::guest)
          return answer(error_response(actors::unauthenticated()));
        if (who.kind != actors::identity_kind::superuser)
          return answer(error_response(actors::forbidden()));
        run(std::move(r), answer, std::move(who));
      });
}

std::string origin_socket(const request& from) {
  const auto id = from.header("X-Socket-ID");
  return is_socket_id(id) ? std::string(id) : std::string{};
}

}  // namespace velo::net
