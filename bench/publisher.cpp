#include "bench/publisher.hpp"

#include <algorithm>

#include "bench/error.hpp"

namespace velo::bench {

http_publisher::http_publisher(poller& poll, std::uint16_t port,
                               const http_publication& publication, std::size_t slots)
    : record_(publication.record_bytes, publication.quote),
      ids_(publication.ids),
      complete_(publication.complete),
      request_(publication.before_record + record_.text() + publication.after_record),
      slots_(slots) {
  if (!complete_) {
    request_ = http_request(publication.method, publication.target, publication.token, request_);
  }
  channel_at_ = request_.find(class_channel);
  record_at_ = request_.size() - publication.after_record.size() - record_.text().size();
  for (std::size_t i = 0; i < slots; ++i) {
    slots_[i].connection = std::make_unique<http_connection>(
        poll, port, [this, i](const http_response& response) { answered(i, response); });
    free_.push_back(i);
  }
}

void http_publisher::publish(unsigned event_class, const stamp& s) {
  const auto index = free_.back();
  free_.pop_back();
  auto& own = slots_[index];
  own.sequence = s.sequence;
  own.answered = false;
  own.complete = false;
  const auto id = ids_ == 0 ? s.sequence : s.sequence % ids_;
  record_.fill(request_.data() + record_at_, id, event_class, s);
  if (channel_at_ != std::string::npos) write_class(request_.data() + channel_at_, event_class);
  own.connection->send(complete_ ? complete_(request_) : request_);
}

void http_publisher::completed(std::uint32_t sequence) {
  const auto own = std::ranges::find_if(
      slots_, [&](const slot& each) { return !each.complete && each.sequence == sequence; });
  own->complete = true;
  release(static_cast<std::size_t>(own - slots_.begin()));
}

void http_publisher::answered(std::size_t index, const http_response& response) {
  auto& own = slots_[index];
  if (response.status < 200 || response.status > 299) {
    fail("publishing event {} was answered with {}: {}", own.sequence, response.status,
         response.body);
  }
  own.answered = true;
  release(index);
}

void http_publisher::release(std::size_t index) {
  if (slots_[index].answered && slots_[index].complete) free_.push_back(index);
}

}  // namespace velo::bench
