#pragma once

/// A reactor on a thread of its own, to which a test hands tasks and waits for them; records that
/// are filled in; a store in memory.

#include <gtest/gtest.h>
#include <streamforge/base/bytes.hpp>
#include <streamforge/base/id.hpp>
#include <streamforge/io/offload.hpp>
#include <streamforge/io/reactor.hpp>
#include <streamforge/store/catalogue.hpp>
#include <streamforge/store/events.hpp>

#include <future>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

#include "support/on_reactor.hpp"
#include "support/temp_dir.hpp"

namespace sf::store::test {

/// What a call that must not fail gave; the test fails with the error's words.
template <class T>
T must(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

template <class T>
ErrorCode code_of(const Result<T>& result) {
  if (result) throw std::runtime_error("succeeded");
  return result.error().code;
}

class ReactorThread {
 public:
  explicit ReactorThread(io::BackendKind backend) {
    io::ReactorConfig config;
    config.backend = backend;
    reactor_ = must(io::Reactor::create(config));
    thread_ = std::thread([this] { reactor_->run(); });
  }
  ReactorThread(const ReactorThread&) = delete;
  ~ReactorThread() {
    reactor_->stop();
    thread_.join();
  }

  [[nodiscard]] io::Reactor& reactor() { return *reactor_; }

  /// Starts the task there and waits for what it gives.
  template <class T>
  T wait(io::Task<T> task) {
    return start(std::move(task)).get();
  }
  template <class T>
  std::future<T> start(io::Task<T> task) {
    auto answer = std::make_shared<std::promise<T>>();
    auto held = std::make_shared<io::Task<T>>(std::move(task));
    auto future = answer->get_future();
    reactor_->post([this, answer, held] { reactor_->spawn(run(held, answer)); });
    return future;
  }

 private:
  template <class T>
  static io::Task<void> run(std::shared_ptr<io::Task<T>> task,
                            std::shared_ptr<std::promise<T>> answer) {
    auto own = std::make_unique<io::Task<T>>(std::move(*task));
    io::Task<T>& running = *own;
    if constexpr (std::is_void_v<T>) {
      co_await running;
      own.reset();  // With all that it held, before the test goes on.
      answer->set_value();
    } else {
      T value = co_await running;
      own.reset();
      answer->set_value(std::move(value));
    }
  }

  std::unique_ptr<io::Reactor> reactor_;
  std::thread thread_;
};

inline Upload make_upload(std::optional<std::uint64_t> length = 1000) {
  Upload upload;
  upload.id = make_id();
  upload.owner = "owner";
  upload.length = length;
  return upload;
}

inline Video make_video(const std::string& id, const std::string& title = "A film") {
  Video video;
  video.id = id;
  video.owner = "owner";
  video.title = title;
  return video;
}

/// A catalogue in memory, a pool, a bus and one reactor on the backend of the test.
class CatalogueTest : public ::testing::TestWithParam<io::BackendKind> {
 protected:
  std::string add_video(const std::string& title = "A film") {
    const Upload upload = make_upload();
    must(reactor.wait(catalogue->create_upload(upload, make_video(upload.id, title))));
    return upload.id;
  }
  /// An upload whose bytes are all there: its video is queued.
  std::string add_complete(const std::string& title = "A film") {
    const std::string id = add_video(title);
    must(reactor.wait(catalogue->complete_upload(id)));
    return id;
  }
  Video video(const std::string& id) { return must(reactor.wait(catalogue->video(id))); }

  io::OffloadPool pool{4, "pool"};
  EventBus events;
  std::unique_ptr<Catalogue> catalogue = must(Catalogue::open("/meta", pool, events, true));
  ReactorThread reactor{GetParam()};
};

}  // namespace sf::store::test
