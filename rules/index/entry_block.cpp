#include "rules/index/entry_block.hpp"

namespace velo::rules::index {

void entry_blocks::put(header& into, std::size_t i, const entry& added) noexcept {
  const_cast<short_literal*>(into.test0())[i] = added.test0;
  const_cast<short_literal*>(into.test1())[i] = added.test1;
  const_cast<tail*>(into.tails())[i] = {added.handle, added.test2, added.test3};
}

block_reference entry_blocks::resize(block_reference where, std::size_t room) {
  const auto fresh = store_.allocate(units(room));
  const auto& from = at(where);
  auto& into = mutable_at(fresh);
  into = {from.node, from.via, from.count, static_cast<std::uint16_t>(room)};
  for (std::size_t i = 0; i < from.count; ++i) put(into, i, from.at(i));
  release(where);
  return fresh;
}

block_reference entry_blocks::push(block_reference where, const entry& added) {
  if (const auto& full = at(where); full.count == full.room) {
    where = resize(where, full.room < 8 ? full.room * 2U : full.room + 8U);
  }
  auto& into = mutable_at(where);
  put(into, into.count++, added);
  return where;
}

block_reference entry_blocks::erase(block_reference where, std::size_t i) {
  auto& in = mutable_at(where);
  put(in, i, in.at(in.count - 1U));
  --in.count;
  if (in.count == 0) {
    release(where);
    return none;
  }
  if (in.room > 8 ? in.count + 16U <= in.room : in.count * 4U <= in.room) {
    return resize(where, in.room > 8 ? in.room - 8U : in.room / 2U);
  }
  return where;
}

}  // namespace velo::rules::index
