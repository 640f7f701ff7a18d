#include "folder_sync.hpp"

#include <coroutine>
#include <optional>
#include <utility>

namespace sf::store {

struct FolderSync::Turn {
  FolderSync& folder;
  io::Reactor& home = io::Reactor::current();
  std::coroutine_handle<> waiter{};
  std::optional<Result<>> result{};  ///< None: lead the next sync.

  bool await_ready() const noexcept { return false; }
  bool await_suspend(std::coroutine_handle<> suspended) {
    waiter = suspended;
    return folder.join(*this);
  }
  std::optional<Result<>> await_resume() { return std::move(result); }

  void wake() {
    home.post([suspended = waiter] { suspended.resume(); });
  }
};

/// Whether to wait: not when nobody leads.
bool FolderSync::join(Turn& turn) {
  const std::lock_guard lock(mutex_);
  if (!std::exchange(led_, true)) return false;
  waiting_.push_back(&turn);
  return true;
}

/// Who is served by a sync that begins now.
std::vector<FolderSync::Turn*> FolderSync::begin() {
  const std::lock_guard lock(mutex_);
  return std::exchange(waiting_, {});
}

void FolderSync::pass_on() {
  Turn* next = nullptr;
  {
    const std::lock_guard lock(mutex_);
    led_ = !waiting_.empty();
    if (!led_) return;
    next = waiting_.front();
    waiting_.erase(waiting_.begin());
  }
  next->wake();
}

io::Task<Result<>> FolderSync::sync() {
  Turn turn{*this};
  if (auto served = co_await turn) co_return std::move(*served);
  const auto with_us = begin();
  auto synced = co_await turn.home.sync_file(folder_.get());
  Result<> result;
  if (!synced) result = fail(std::move(synced.error()));
  for (Turn* other : with_us) {
    other->result = result;
    other->wake();
  }
  pass_on();
  co_return result;
}

}  // namespace sf::store
