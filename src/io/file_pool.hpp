#pragma once

#include <streamforge/io/op.hpp>

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace sf::io {

/// The threads on which an epoll reactor's file operations block. Operations queue in themselves;
/// what is done waits for the reactor, which `notify` wakes. Started on first use.
class FilePool {
 public:
  explicit FilePool(std::function<void()> notify) : notify_(std::move(notify)) {}
  FilePool(const FilePool&) = delete;
  ~FilePool();  ///< Finishes what is queued.

  // --- The reactor's thread.
  void start(Op& op);
  /// Takes out what has not begun; true when it was there, and the caller completes it.
  bool remove(Op& op);
  /// Any one queued operation on `fd`, taken out; null when there is none.
  Op* remove_any(int fd);
  /// Everything done since the last call, oldest first, linked by `next`.
  Op* take_done();

  /// Carries one operation out, blocking; a count or a negated errno. Any thread.
  static std::int32_t perform(Op& op) noexcept;

 private:
  struct List {
    Op* first = nullptr;
    Op* last = nullptr;
    void push(Op& op) noexcept;
    void remove(Op& op) noexcept;
  };
  void serve();

  const std::function<void()> notify_;
  std::vector<std::thread> threads_;

  std::mutex mutex_;  // Guards what follows.
  std::condition_variable some_;
  List queue_;
  List done_;
  unsigned queued_ = 0;
  unsigned idle_ = 0;
  bool ending_ = false;
};

}  // namespace sf::io
