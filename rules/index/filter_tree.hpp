// Filters by what they have in common.
//
// A filter goes down from the root by its rarest equalities: a node's child is
// what all filters have that share one more of them. A place with few filters is
// a block of entries, read in whole; one with many becomes a node. What has no
// equality left stays at its node: by its range of numbers, if many there have
// one over the same field, else in blocks that are read whenever the node is.
//
// A record goes down by every equality that it satisfies, and meets each filter
// whose equalities it satisfies on one path only, the one the filter took.

#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "rules/index/chunked.hpp"
#include "rules/index/entry_block.hpp"
#include "rules/index/filter_store.hpp"
#include "rules/index/interval_places.hpp"
#include "rules/index/linear_table.hpp"
#include "rules/index/range_index.hpp"

namespace velo::rules::index {

/// Filters to be looked at again, since changes find them in vain: a sample, taken in proportion
/// to how often that happens. Where looking changes nothing it gets rare, else frequent.
class review_queue {
 public:
  /// `count` entries were found in vain; returns whether what was found is to be added.
  [[nodiscard]] bool found_in_vain(std::size_t count) noexcept {
    left_ -= static_cast<std::int64_t>(count);
    if (left_ > 0) return false;
    left_ = interval_;
    return waiting_.size() < waiting_max;
  }
  void add(filter_handle handle) { waiting_.push_back(handle); }
  [[nodiscard]] bool empty() const noexcept { return waiting_.empty(); }
  [[nodiscard]] filter_handle take() noexcept {
    const auto next = waiting_.back();
    waiting_.pop_back();
    return next;
  }
  void looked_at(bool moved) noexcept {
    moved_ += moved ? 1 : 0;
    if (++looked_at_ < 64) return;
    interval_ = moved_ * 4 >= looked_at_ ? std::max(interval_ / 2, interval_min)
                                         : std::min(interval_ * 2, interval_max);
    looked_at_ = moved_ = 0;
  }
  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    return waiting_.capacity() * sizeof(filter_handle);
  }

 private:
  static constexpr std::size_t waiting_max = 1'024;
  static constexpr std::int64_t interval_min = 256;
  static constexpr std::int64_t interval_max = std::int64_t{1} << 20U;

  std::vector<filter_handle> waiting_;
  std::int64_t interval_ = 1'024;
  std::int64_t left_ = 1'024;
  unsigned looked_at_ = 0;
  unsigned moved_ = 0;
};

class filter_tree {
 public:
  filter_tree(const hash_key& key, leaf_store& leaves, filter_store& filters,
              const subscriber_table& owners);

  /// Puts a filter, that is code, where it will be found as `handle`.
  void insert(filter_handle handle, filter_reference where);
  void erase(filter_handle handle, filter_reference where);

  /// Appends what holds for the state that the leaves were begun with: single
  /// subscribers to `ids`, groups to `groups`.
  void match(id_list& ids, std::vector<filter_handle>& groups);

  /// A filter that was found in vain lately.
  [[nodiscard]] std::optional<filter_handle> suspect();
  /// Says what came of looking at the last suspect.
  void looked_at(bool moved);
  /// Puts the filter anew where, by what is known now, it is found in vain much less often;
  /// returns whether there is such a place.
  bool improve(filter_handle handle, filter_reference where);

  [[nodiscard]] index_effort& effort() noexcept { return effort_; }
  [[nodiscard]] std::size_t memory_bytes() const noexcept;

 private:
  using node_number = std::uint32_t;
  using terms = std::vector<term>;

  static constexpr std::size_t block_max = 96;       ///< Entries of a block that is split.
  static constexpr std::size_t lowered_at_once = 8;  ///< Entries with each put.
  static constexpr std::size_t range_min = 96;       ///< Entries that make a range index worth it.
  static constexpr std::uint32_t node_bit = 1U << 31U;  ///< Of what children_ holds.
  static constexpr std::uint32_t none = 0xFFFFFFFF;

  struct node {
    std::uint64_t slots = 0;  ///< Bits of the slots that children are told apart by.
    /// Entries with equalities, from before there were children.
    block_reference pending = none;
    block_reference crowd = none;       ///< The block that became this node.
    std::vector<block_reference> rest;  ///< Entries without; by handle, split like a table.
    std::vector<std::unique_ptr<range_index>> ranges;
    std::uint32_t rest_count = 0;
    std::uint32_t children = 0;
    node_number parent = none;
    leaf_number via = 0;
  };

  struct hash_of {
    const filter_tree& owner;
    std::uint64_t operator()(std::uint32_t child) const;
    void prefetch(std::uint32_t child) const;
  };

  [[nodiscard]] std::uint64_t child_hash(node_number parent, leaf_number via) const noexcept {
    return hash_word(static_cast<std::uint64_t>(parent) << 32U | via, 3, key_);
  }
  [[nodiscard]] std::uint32_t find_child(node_number parent, leaf_number via) const {
    return find_child(child_hash(parent, via), parent, via);
  }
  [[nodiscard]] std::uint32_t find_child(std::uint64_t hash, node_number parent,
                                         leaf_number via) const;
  [[nodiscard]] bool is_child(std::uint32_t child, node_number parent, leaf_number via) const;
  node_number add_node(node_number parent, leaf_number via);
  void drop_if_empty(node_number at);

  [[nodiscard]] static entry entry_of(filter_handle handle, unsigned conjunction, const terms& left,
                                      standing how);
  void terms_at(node_number at, const entry& of, terms& into) const;
  static void without(terms& from, leaf_number leaf);

  void place(node_number at, filter_handle handle, unsigned conjunction, terms& left, standing how);
  /// Some of what waits at a node goes where it belongs: all at once would keep one put
  /// waiting for what many have brought.
  void lower(node_number at);

  // Without an equality.
  void place_rest(node_number at, filter_handle handle, unsigned conjunction, const terms& left,
                  standing how);
  void push_rest(node_number at, const entry& added);
  [[nodiscard]] std::size_t rest_home(const node& at, filter_handle handle) const noexcept;
  bool place_range(node_number at, filter_handle handle, unsigned conjunction, const terms& left,
                   standing how);
  void index_ranges(node_number at);
  [[nodiscard]] range_index* range_at(const node& at, slot_number slot) const noexcept;

  [[nodiscard]] bool remove(node_number number, filter_handle handle, unsigned conjunction,
                            const terms& left);
  [[nodiscard]] bool remove_from(block_reference& block, filter_handle handle,
                                 unsigned conjunction);

  /// Whether the entry is below `at`; then `path` is what leads there.
  [[nodiscard]] bool locate(node_number number, filter_handle handle, unsigned conjunction,
                            const terms& left, std::vector<leaf_number>& path) const;
  [[nodiscard]] bool is_in(block_reference block, filter_handle handle, unsigned conjunction) const;
  bool improve(filter_handle handle, filter_reference where, unsigned conjunction);

  void enter(node_number number);
  void go_down();
  void visit_block(block_reference where);
  void visit_handles(const filter_handle* from, std::size_t count, bool groups);
  void visit_ranges(const range_index& index);
  void emit(filter_handle handle) {
    if ((handle & group_bit) != 0) {
      groups_->push_back(handle);
    } else {
      ids_->push(handle);
    }
  }
  /// Once for each filter, however often it is found.
  void emit_once(filter_handle handle);
  void test(const entry& candidate);
  void test_passed();
  void ask_code();
  [[nodiscard]] bool holds(filter_reference where, unsigned conjunction);

  template <class Visit>
  void for_each_entry(block_reference where, Visit&& visit) const {
    const auto& block = blocks_.at(where);
    for (std::size_t i = 0; i < block.count; ++i) visit(block.at(i));
  }

  const hash_key& key_;
  leaf_store& leaves_;
  filter_store& filters_;
  const subscriber_table& owners_;
  entry_blocks blocks_;
  linear_table children_;
  chunked<node, 6> nodes_;
  node_number nodes_end_ = 1;
  interval_places places_;
  std::uint64_t lists_ = 0;  ///< Of intervals, made so far.
  std::vector<node_number> free_nodes_;
  bool lowering_ = false;  ///< What is placed now was there before.

  // Of the pass.
  id_list* ids_ = nullptr;
  std::vector<filter_handle>* groups_ = nullptr;
  std::vector<node_number> frontier_;
  std::vector<block_reference> found_blocks_;
  struct probe {
    std::uint64_t hash;
    node_number parent;
    leaf_number via;
    std::uint32_t child;
  };
  std::vector<probe> probes_;
  std::vector<std::uint64_t> place_hashes_;
  struct passed {
    const entry_blocks::tail* rest;
    short_literal test0;
    short_literal test1;
  };
  std::vector<passed> passed_;
  struct asked {
    filter_handle handle;
    unsigned conjunction;
  };
  std::vector<asked> asked_;  ///< Whose code must be asked.
  terms asked_terms_;
  /// Bits of the subscribers and groups that emit_once() has seen, all 0 between passes.
  std::vector<std::uint64_t> seen_ids_, seen_groups_;
  std::vector<std::uint64_t*> seen_;  ///< The words of both that are not 0.

  index_effort effort_;
  review_queue placed_;  ///< Found where their equalities led.
  review_queue asked_in_vain_;
  review_queue* reviewed_ = nullptr;  ///< What the last suspect came from.
};

}  // namespace velo::rules::index
