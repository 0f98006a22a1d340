// The actors' word on channel names, as net/ spells it.

#pragma once

#include "actors/channel_name.hpp"

namespace velo::net {

using actors::channel_kind;
using actors::channel_name_bytes_ever;
using actors::channel_name_bytes_max;
using actors::is_cache;
using actors::is_channel_name;
using actors::is_presence;
using actors::is_socket_id;
using actors::kind_of;
using actors::needs_signature;

}  // namespace velo::net
