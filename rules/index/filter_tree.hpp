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

#include <cstdint>
#include <memory>
#include <vector>

#include "rules/index/entry_block.hpp"
#include "rules/index/filter_store.hpp"
#include "rules/index/linear_table.hpp"
#include "rules/index/range_index.hpp"

namespace velo::rules::index {

class filter_tree {
 public:
  filter_tree(const hash_key& key, leaf_store& leaves, filter_store& filters,
              const subscriber_table& owners);

  /// Puts a filter, that is code, where it will be found as `handle`.
  void insert(filter_handle handle, filter_reference where);
  void erase(filter_handle handle, filter_reference where);

  /// Appends what holds for the state that the leaves were begun with: single
  /// subscribers to `ids`, groups to `groups`. Each pass has a number of its own.
  void match(std::uint32_t pass, id_list& ids, std::vector<filter_handle>& groups);

  [[nodiscard]] std::size_t memory_bytes() const noexcept;

 private:
  using node_number = std::uint32_t;
  using terms = std::vector<term>;

  static constexpr std::size_t block_max = 96;  ///< Entries of a block that is split.
  static constexpr std::size_t range_min = 96;  ///< Entries that make a range index worth it.
  static constexpr std::uint32_t node_bit = 1U << 31U;  ///< Of what children_ holds.
  static constexpr std::uint32_t none = 0xFFFFFFFF;

  struct node {
    std::uint64_t slots = 0;            ///< Bits of the slots that children are told apart by.
    block_reference pending = none;     ///< Entries with equalities, before there are children.
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
  [[nodiscard]] std::uint32_t find_child(node_number parent, leaf_number via) const;
  node_number add_node(node_number parent, leaf_number via);
  void drop_if_empty(node_number at);

  [[nodiscard]] static entry entry_of(filter_handle handle, unsigned conjunction, const terms& left,
                                      bool plain);
  void terms_at(node_number at, const entry& of, terms& into) const;
  static void without(terms& from, leaf_number leaf);

  void place(node_number at, filter_handle handle, unsigned conjunction, terms& left, bool plain);
  void split_pending(node_number at);
  void replace_child(std::uint64_t hash, std::uint32_t old, std::uint32_t now);

  // Without an equality.
  void place_rest(node_number at, filter_handle handle, unsigned conjunction, const terms& left,
                  bool plain);
  void push_rest(node_number at, const entry& added);
  [[nodiscard]] std::size_t rest_home(const node& at, filter_handle handle) const noexcept;
  bool place_range(node_number at, filter_handle handle, unsigned conjunction, const terms& left,
                   bool plain);
  void index_ranges(node_number at);
  [[nodiscard]] range_index* range_at(const node& at, slot_number slot) const noexcept;

  [[nodiscard]] bool remove(node_number at, filter_handle handle, unsigned conjunction,
                            const terms& left);
  [[nodiscard]] bool remove_from(block_reference& block, filter_handle handle,
                                 unsigned conjunction);

  void visit(node_number at);
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
  void test(const entry& candidate);
  void ask_code();

  template <class Visit>
  void for_each_entry(block_reference where, Visit&& visit) const;

  const hash_key& key_;
  leaf_store& leaves_;
  filter_store& filters_;
  const subscriber_table& owners_;
  entry_blocks blocks_;
  linear_table children_;
  std::vector<node> nodes_;
  std::vector<node_number> free_nodes_;

  // Of the pass.
  std::uint32_t pass_ = 0;
  id_list* ids_ = nullptr;
  std::vector<filter_handle>* groups_ = nullptr;
  std::vector<node_number> frontier_;
  std::vector<block_reference> found_blocks_;
  struct probe {
    std::uint64_t hash;
    leaf_number via;
  };
  std::vector<probe> probes_;
  std::vector<filter_handle> asked_;  ///< Whose code must be asked.
};

}  // namespace velo::rules::index
