#include "rules/bind.hpp"

#include "rules/normalise.hpp"

namespace velo::rules {

namespace {

/// FNV-1a of the printed form: the same on every run, unlike std::hash.
std::uint64_t stable_hash(const std::string& text) {
  std::uint64_t hash = 14695981039346656037ULL;
  for (const char c : text) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  }
  return hash;
}

}  // namespace

predicate::predicate(expression normal)
    : expr_(std::move(normal)), hash_(stable_hash(to_string(expr_))) {}

std::optional<bool> predicate::constant() const noexcept {
  const auto* known = std::get_if<bool>(&expr_.node());
  return known != nullptr ? std::optional(*known) : std::nullopt;
}

predicate bind(const rule& who, const expression& filter, const parameters& identity) {
  return predicate(normalise(who, filter, identity));
}

predicate bind(const expression& tree, const parameters& identity) {
  return predicate(normalise(tree, identity));
}

}  // namespace velo::rules
