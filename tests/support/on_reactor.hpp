#pragma once

/// Running a coroutine on a reactor, once for each backend.
///   class FileTest : public sf::test::OnReactor {};
///   TEST_P(FileTest, Reads) { run([](io::Reactor& r) { return read_story(r); }); }
///   SF_ON_BOTH_BACKENDS(FileTest);
/// The story is a function that is a coroutine, never a capturing lambda that is one (task.hpp).

#include <streamforge/io/reactor.hpp>

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>

namespace sf::test {

class OnReactor : public ::testing::TestWithParam<io::BackendKind> {
 public:
  using Story = std::function<io::Task<void>(io::Reactor&)>;

  /// Runs the story on this thread until it ends.
  void run(const Story& story, std::size_t staging_bytes = 0) {
    io::ReactorConfig config;
    config.backend = GetParam();
    config.staging_bytes = staging_bytes;
    Result<std::unique_ptr<io::Reactor>> reactor = io::Reactor::create(config);
    ASSERT_TRUE(reactor) << reactor.error().message;
    ASSERT_EQ((*reactor)->backend(), GetParam());
    io::Reactor& home = **reactor;
    home.post([&] { home.spawn(run_and_stop(story, home)); });
    home.run();
  }

 private:
  static io::Task<void> run_and_stop(const Story& story, io::Reactor& reactor) {
    io::Task<void> task = story(reactor);
    co_await task;
    reactor.stop();
  }
};

inline std::string backend_name(const ::testing::TestParamInfo<io::BackendKind>& info) {
  return std::string(io::name_of(info.param));
}

/// The code's name, "ok" when there is no error: for EXPECT_EQ inside coroutines.
template <class T>
[[nodiscard]] std::string outcome(const Result<T>& result) {
  return result ? "ok" : std::string(name_of(result.error().code));
}

}  // namespace sf::test

#define SF_ON_BOTH_BACKENDS(suite)                                                                \
  INSTANTIATE_TEST_SUITE_P(                                                                       \
      Io, suite, ::testing::Values(::sf::io::BackendKind::kUring, ::sf::io::BackendKind::kEpoll), \
      ::sf::test::backend_name)
