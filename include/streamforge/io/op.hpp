#pragma once

/// What an operation is made of, between the reactor that fills it and the backend that carries it
/// out. Callers see only `IoOp` (reactor.hpp).

#include <sys/socket.h>

#include <coroutine>
#include <cstddef>
#include <cstdint>

namespace sf::io {

class Backend;

/// The base of a running operation: the backend calls `on_complete` once (a multishot: until the
/// flags lack kMore), on the reactor's thread, never from within the call that started or cancelled
/// it. Lives inside the awaiting coroutine's frame, so an operation costs no allocation.
struct Completion {
  /// In `flags` of a multishot: more completions follow; a received buffer's id is in the upper
  /// half.
  static constexpr std::uint32_t kHasBuffer = 1;
  static constexpr std::uint32_t kMore = 2;
  static constexpr unsigned kBufferShift = 16;

  /// `result` is a count or descriptor, or a negated errno.
  void (*on_complete)(Completion* self, std::int32_t result, std::uint32_t flags) = nullptr;
};

enum class OpKind : std::uint8_t {
  kReadAt,
  kWriteAt,
  kSpliceAt,
  kSyncData,
  kSyncFile,
  kAllocate,
  kOpen,  ///< From here up: files, which may block. Below: descriptors that can be polled.
  kRecv,
  kSend,
  kConnect,
  kRead,
  kWrite,
  kPoll,
};

/// One operation's kind and arguments. What the pointers name lives until it has completed.
struct Op : Completion {
  OpKind kind = OpKind::kPoll;
  bool started = false;     ///< The epoll backend's: a connect is under way.
  std::int32_t result = 0;  ///< Once complete. The epoll backend: bytes moved so far.
  int fd = -1;
  int from = -1;         ///< The pipe of a splice.
  int flags = 0;         ///< MSG_… of a send or receive, the events of a poll.
  void* data = nullptr;  ///< Bytes, a path or a socket address.
  std::size_t size = 0;  ///< Of `data`, or of the range to allocate.
  std::uint64_t offset = 0;
  ::msghdr message{};   ///< Of a send.
  void* how = nullptr;  ///< Of an open: struct open_how.

  Backend* backend = nullptr;
  std::coroutine_handle<> awaiter;
  Op* previous = nullptr;  ///< The backend's lists, while in flight.
  Op* next = nullptr;
};

}  // namespace sf::io
