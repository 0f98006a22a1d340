#include "actors/loop_outlet.hpp"

#include <caf/send.hpp>

namespace velo::actors {

void loop_outlet::know(std::uint32_t loop, const loop_actor& actor) {
  if (loop >= loops_.size()) loops_.resize(loop + 1);
  if (!loops_[loop]) loops_[loop] = actor;
}

void loop_outlet::tell(const socket_place& one, std::string frame) const {
  auto message = std::make_shared<text_fan_out>();
  message->frame = std::make_shared<const std::string>(std::move(frame));
  message->targets = {one.membership};
  caf::anon_send(loops_[one.loop], text_fan_out_ptr{std::move(message)});
}

void loop_outlet::refuse(const socket_place& one, std::string channel,
                         subscription_failure why) const {
  caf::anon_send(loops_[one.loop],
                 membership_refused_ptr{std::make_shared<const membership_refused>(
                     membership_refused{one.membership, std::move(channel), std::move(why)})});
}

void loop_outlet::tell(audience all, std::string frame) const {
  if (all.size() == 0) return;
  const auto shared = std::make_shared<const std::string>(std::move(frame));
  for (std::size_t loop = 0; loop < all.by_loop_.size(); ++loop) {
    if (all.by_loop_[loop].empty()) continue;
    auto message = std::make_shared<text_fan_out>();
    message->frame = shared;
    message->targets = std::move(all.by_loop_[loop]);
    caf::anon_send(loops_[loop], text_fan_out_ptr{std::move(message)});
  }
}

void loop_outlet::close(audience all, std::uint16_t code, const std::string& reason) const {
  for (std::size_t loop = 0; loop < all.by_loop_.size(); ++loop) {
    if (all.by_loop_[loop].empty()) continue;
    auto message = std::make_shared<sockets_closed>();
    message->targets = std::move(all.by_loop_[loop]);
    message->code = code;
    message->reason = reason;
    caf::anon_send(loops_[loop], sockets_closed_ptr{std::move(message)});
  }
}

}  // namespace velo::actors
