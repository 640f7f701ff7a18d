#pragma once

/// 104 (Upload Resumption Supported): tells a client of the IETF draft where its upload is before
/// its body begins, and how far it is durable while the body comes. Lives in its request's
/// coroutine, which awaits `landed` before it answers. One reactor's thread.

#include <streamforge/http/message.hpp>

#include <cstdint>
#include <string>

#include "flight.hpp"
#include "ietf.hpp"

namespace sf::tus {

class Interim {
 public:
  Interim(const http::Request& request, const Speaker& speaker) noexcept
      : request_(request), speaker_(speaker) {}

  /// Whether this client is told anything (R1).
  [[nodiscard]] bool wanted() const noexcept {
    return speaker_.is_ietf() && speaker_.named_version &&
           request_.version != http::Version::kHttp10;
  }
  /// Where the upload is (R2). A peer that has gone is noticed by whoever reads from it.
  io::Task<void> announce(std::string location, std::string limit);
  /// `offset` is durable (R18). Never waits: what the peer does not take at once is dropped, and
  /// of what comes while it is being told the newest follows.
  void tell(std::uint64_t offset);
  [[nodiscard]] Flight::Landing landed() noexcept { return telling_.landed(); }

 private:
  io::Task<void> send();
  [[nodiscard]] http::Headers fields() const;

  const http::Request& request_;
  const Speaker speaker_;
  std::uint64_t told_ = 0;
  std::uint64_t news_ = 0;
  Flight telling_;
};

}  // namespace sf::tus
