#pragma once

/// Takes the SHA-256 of finished masters, off the upload's path, which is faster than the digest:
/// one master after another on a thread of its own that runs when nothing else wants the core or
/// the disk. What is to be done is in the records (bytes all there, `source.sha256` empty), so a
/// restart goes on by itself; a digest that was interrupted is taken again from the start. Lives on
/// one reactor.

#include <streamforge/io/gate.hpp>
#include <streamforge/io/offload.hpp>
#include <streamforge/io/reactor.hpp>
#include <streamforge/store/blobs.hpp>
#include <streamforge/store/catalogue.hpp>
#include <streamforge/store/events.hpp>

#include <optional>
#include <string>

namespace sf::store {

class Hasher {
 public:
  Hasher(io::Reactor& home, Catalogue& catalogue, BlobStore& blobs, EventBus& events);
  ~Hasher();  ///< `stop` must have been awaited, if it was started.
  Hasher(const Hasher&) = delete;

  /// Once, on `home`: looks through the records, then follows the events.
  void start();
  /// On `home`. Ends within one step of a digest.
  io::Task<void> stop();

 private:
  io::Task<void> run();
  io::Task<void> catch_up();
  io::Task<void> follow();
  io::Task<void> take(std::string id);
  io::Task<Result<std::string>> digest(int file);

  io::Reactor& home_;
  Catalogue& catalogue_;
  BlobStore& blobs_;
  EventBus& events_;

  // Home's.
  io::OffloadPool thread_;
  io::Gate running_;
  std::optional<EventBus::Subscription> changes_;
  bool stopping_ = false;
};

}  // namespace sf::store
