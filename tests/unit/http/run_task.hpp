#pragma once

/// Tasks without a reactor; for tests.

#include <streamforge/io/task.hpp>

#include <gtest/gtest.h>

#include <coroutine>
#include <exception>
#include <optional>

namespace sf::http::test {

/// A coroutine that runs as far as it can and frees itself.
struct Detached {
  struct promise_type {
    Detached get_return_object() const noexcept { return {}; }
    std::suspend_never initial_suspend() const noexcept { return {}; }
    std::suspend_never final_suspend() const noexcept { return {}; }
    void return_void() const noexcept {}
    void unhandled_exception() const noexcept { std::terminate(); }
  };
};

template <class T>
Detached run_into(io::Task<T> task, std::optional<T>& into) {
  into.emplace(co_await task);
}

/// The outcome of a task that waits for nothing: no reactor is needed.
template <class T>
T run_task(io::Task<T> task) {
  std::optional<T> outcome;
  run_into(std::move(task), outcome);
  EXPECT_TRUE(outcome) << "the task waits for something";
  return std::move(*outcome);
}

}  // namespace sf::http::test
