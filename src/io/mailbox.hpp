#pragma once

#include <atomic>
#include <functional>
#include <utility>

namespace sf::io {

/// Messages from any thread to one reactor: a lock-free stack that the owner takes whole and turns
/// round, so each sender's order is kept. A sender wakes the owner only when it sleeps, and of many
/// senders only one does.
class Mailbox {
 public:
  struct Message {
    Message* next;
    std::function<void()> work;
  };

  Mailbox() = default;
  Mailbox(const Mailbox&) = delete;
  ~Mailbox() {
    for (Message* each = take(); each;) delete std::exchange(each, each->next);
  }

  /// True when the caller must wake the owner. Any thread.
  [[nodiscard]] bool push(std::function<void()> work) {
    auto* message = new Message{nullptr, std::move(work)};
    message->next = head_.load(std::memory_order_relaxed);
    while (!head_.compare_exchange_weak(message->next, message)) {
    }
    return must_wake();
  }
  /// Likewise, for a sign that is given elsewhere (stopping).
  [[nodiscard]] bool must_wake() noexcept { return asleep_.load() && asleep_.exchange(false); }

  // --- The owner's.

  /// All that was pushed, oldest first; the caller deletes each.
  [[nodiscard]] Message* take() noexcept {
    if (!head_.load(std::memory_order_relaxed)) return nullptr;
    Message* reversed = nullptr;
    for (Message* each = head_.exchange(nullptr, std::memory_order_acquire); each;) {
      Message* next = each->next;
      each->next = std::exchange(reversed, each);
      each = next;
    }
    return reversed;
  }
  /// Called before sleeping; false when there is something to take instead. (Sequentially
  /// consistent against `push`: either the sender sees the sleeper or this sees the message.)
  [[nodiscard]] bool fall_asleep() noexcept {
    asleep_.store(true);
    if (!head_.load()) return true;
    asleep_.store(false, std::memory_order_relaxed);
    return false;
  }
  void awake() noexcept { asleep_.store(false, std::memory_order_relaxed); }

 private:
  alignas(64) std::atomic<Message*> head_{nullptr};
  std::atomic<bool> asleep_{false};
};

}  // namespace sf::io
