#include "actors/interned_texts.hpp"

#include <functional>

namespace velo::actors {

namespace {

std::uint64_t hash_of(std::string_view text) {
  return std::hash<std::string_view>{}(text);
}

}  // namespace

interned_texts::id interned_texts::find(std::string_view text) const {
  return by_text_.find(hash_of(text), [&](id known) { return entries_[known].text == text; });
}

interned_texts::id interned_texts::acquire(std::string_view text) {
  auto which = find(text);
  if (which == none) {
    if (free_.empty()) {
      which = static_cast<id>(entries_.size());
      entries_.emplace_back();
    } else {
      which = free_.back();
      free_.pop_back();
    }
    entries_[which].text = text;
    by_text_.insert(hash_of(text), which);
  }
  ++entries_[which].uses;
  return which;
}

bool interned_texts::release(id which) {
  auto& e = entries_[which];
  if (--e.uses != 0) return false;
  by_text_.erase(hash_of(e.text), which);
  e = {};
  free_.push_back(which);
  return true;
}

std::size_t interned_texts::memory_bytes() const {
  std::size_t bytes = entries_.size() * sizeof(entry) + free_.capacity() * sizeof(id);
  for (const auto& e : entries_)
    if (e.text.capacity() > std::string().capacity()) bytes += e.text.capacity() + 1;
  return bytes + by_text_.memory_bytes();
}

}  // namespace velo::actors
