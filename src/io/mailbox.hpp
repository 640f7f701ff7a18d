#pragma once

#include <streamforge/base/unique_fd.hpp>

#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <utility>

namespace sf::io {

/// Messages from any thread to one reactor: a lock-free stack that the owner takes whole and turns
/// round, so each sender's order is kept. A sender wakes the owner only when it sleeps, and of many
/// senders only one does. Shared with each sender for as long as its call lasts, so that the owner
/// may go as soon as it has the message.
class Mailbox {
 public:
  struct Message {
    Message* next;
    std::function<void()> work;
  };

  /// `eventfd` is what the owner's backend waits on.
  explicit Mailbox(UniqueFd eventfd) noexcept : eventfd_(std::move(eventfd)) {}
  Mailbox(const Mailbox&) = delete;
  ~Mailbox() {
    for (Message* each = take(); each;) delete std::exchange(each, each->next);
  }

  /// Any thread.
  void push(std::function<void()> work) {
    auto* message = new Message{nullptr, std::move(work)};
    message->next = head_.load(std::memory_order_relaxed);
    while (!head_.compare_exchange_weak(message->next, message)) {
    }
    wake();
  }
  /// Wakes the owner when it sleeps: after a push, or a sign that is given elsewhere. Any thread.
  void wake() noexcept {
    if (asleep_.load() && asleep_.exchange(false)) ring(eventfd_.get());
  }
  [[nodiscard]] int eventfd() const noexcept { return eventfd_.get(); }
  static void ring(int eventfd) noexcept {
    const std::uint64_t one = 1;
    // Can only fail when the counter is full, and then the owner is being woken anyway.
    [[maybe_unused]] const auto written = ::write(eventfd, &one, sizeof one);
  }

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
  const UniqueFd eventfd_;
  alignas(64) std::atomic<Message*> head_{nullptr};
  std::atomic<bool> asleep_{false};
};

}  // namespace sf::io
