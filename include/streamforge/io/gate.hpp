#pragma once

#include <streamforge/base/assert.hpp>
#include <streamforge/io/task.hpp>

#include <coroutine>
#include <cstdint>
#include <utility>

namespace sf::io {

/// Counts the tasks of one owner, so that shutting down is simple: after `close` nothing may enter,
/// and awaiting it means that all who had entered have left; the waiter goes on in the reactor's
/// next turn. One reactor's thread. (After Seastar's gate.)
class Gate {
 public:
  Gate() noexcept = default;
  Gate(const Gate&) = delete;
  ~Gate() { SF_ASSERT(count_ == 0); }

  /// Held by whoever is inside.
  class Pass {
   public:
    Pass(Pass&& other) noexcept : gate_(std::exchange(other.gate_, nullptr)) {}
    Pass& operator=(Pass&&) = delete;
    ~Pass() {
      if (gate_) gate_->leave();
    }

   private:
    friend class Gate;
    explicit Pass(Gate* gate) noexcept : gate_(gate) {}
    Gate* gate_;
  };

  [[nodiscard]] bool closed() const noexcept { return closed_; }
  [[nodiscard]] std::uint32_t count() const noexcept { return count_; }
  /// The gate must be open: ask `closed` first.
  [[nodiscard]] Pass enter() noexcept {
    SF_ASSERT(!closed_);
    ++count_;
    return Pass(this);
  }

  struct Closing {
    Gate& gate;
    bool await_ready() const noexcept { return gate.count_ == 0; }
    void await_suspend(std::coroutine_handle<> waiter) const noexcept {
      SF_ASSERT(!gate.waiter_);
      gate.waiter_ = waiter;
    }
    void await_resume() const noexcept {}
  };
  /// No entry from here on; `co_await gate.close()` ends when the last one has left.
  [[nodiscard]] Closing close() noexcept {
    closed_ = true;
    return {*this};
  }

 private:
  void leave() noexcept;

  std::uint32_t count_ = 0;
  bool closed_ = false;
  std::coroutine_handle<> waiter_;
};

}  // namespace sf::io
