#include "net/delivery_queue.hpp"

#include "actors/event_body.hpp"
#include "net/frame_header.hpp"
#include "net/outbox.hpp"

#include <utility>

namespace velo::net {

namespace {

constexpr std::string_view event_tail = "\"}";

}  // namespace

std::uint32_t delivery_queue::prepare(actors::delivery& d, std::size_t channel_bytes) {
  if (d.prepared != actors::delivery::unprepared && d.channel_bytes == channel_bytes) {
    return d.prepared;
  }
  std::string text = R"({"event":")";
  text += actors::escape_json(d.what->name);
  text += R"(","channel":")";
  text += d.channel_prefix;

  frame f;
  f.tail = R"(","data":")";
  const auto& data = d.what->data;
  if (data.size() < outbox::shared_bytes_min) {
    f.tail.append(data).append(event_tail);
    f.bytes = f.tail.size();
  } else {
    f.body = {d.what, &data};
    f.body_tail = event_tail;
    f.bytes = f.tail.size() + data.size() + event_tail.size();
  }
  const frame_header header(frame_opcode::text, text.size() + channel_bytes + f.bytes);
  f.head = header.view();
  f.head += text;
  f.bytes += f.head.size() + channel_bytes;

  d.prepared = static_cast<std::uint32_t>(frames_.size());
  d.channel_bytes = static_cast<std::uint32_t>(channel_bytes);
  frames_.push_back(std::move(f));
  last_text_ = nullptr;
  return d.prepared;
}

std::uint32_t delivery_queue::prepare(const std::shared_ptr<const std::string>& text) {
  if (text != last_text_) {
    const frame_header header(frame_opcode::text, text->size());
    frame f;
    f.head = header.view();
    if (text->size() < outbox::shared_bytes_min) {
      f.tail = *text;
    } else {
      f.body = text;
    }
    f.bytes = f.head.size() + text->size();
    frames_.push_back(std::move(f));
    last_text_ = text;
  }
  return static_cast<std::uint32_t>(frames_.size() - 1);
}

void delivery_queue::add(chain& to, std::uint32_t index, std::string_view channel) {
  const auto at = static_cast<std::uint32_t>(links_.size());
  auto& l = links_.emplace_back();
  l.frame = index;
  l.next = none;
  l.channel_bytes = static_cast<std::uint8_t>(channel.size());
  channel.copy(l.channel, channel.size());
  (to.empty() ? to.first : links_[to.last].next) = at;
  to.last = at;
  ++to.frames;
  to.bytes += static_cast<std::uint32_t>(frames_[index].bytes);
}

bool delivery_queue::are_small(const chain& c) const {
  for (auto i = c.first; i != none; i = links_[i].next) {
    if (frames_[links_[i].frame].body != nullptr) return false;
  }
  return true;
}

void delivery_queue::clear() {
  links_.clear();
  frames_.clear();
  last_text_ = nullptr;
}

}  // namespace velo::net
