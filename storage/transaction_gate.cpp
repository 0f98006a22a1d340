#include "storage/transaction_gate.hpp"

namespace velo::storage {

namespace {

// Of this thread, of all gates. A transaction that ends on another thread than
// it began on miscounts both: they then wait too little or not at all, which
// only delays the move.
thread_local std::size_t open_here = 0;

}  // namespace

void transaction_gate::enter() {
  std::unique_lock lock(mutex_);
  if (open_here == 0) changed_.wait(lock, [this] { return !closing_; });
  ++open_;
  ++open_here;
}

void transaction_gate::leave() {
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    wake = --open_ == 0 && closing_;
  }
  if (open_here > 0) --open_here;
  if (wake) changed_.notify_all();
}

}  // namespace velo::storage
