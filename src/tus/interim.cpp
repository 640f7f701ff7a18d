#include "interim.hpp"

#include <utility>

namespace sf::tus {
namespace {
constexpr int kUploadResumptionSupported = 104;
}

http::Headers Interim::fields() const {
  http::Headers fields;
  fields.add("Upload-Draft-Interop-Version", std::to_string(speaker_.version));
  return fields;
}

io::Task<void> Interim::announce(std::string location, std::string limit) {
  if (!wanted()) co_return;
  http::Headers news = fields();
  news.add("Location", std::move(location));
  news.add("Upload-Limit", std::move(limit));
  (void)co_await request_.send_informational(kUploadResumptionSupported, std::move(news));
}

void Interim::tell(std::uint64_t offset) {
  if (!wanted()) return;
  news_ = offset;
  if (telling_.running()) return;
  telling_.take_off();
  io::Reactor::current().spawn(send());
}

io::Task<void> Interim::send() {
  while (news_ != told_ && request_.takes_now()) {
    told_ = news_;
    http::Headers news = fields();
    news.add("Upload-Offset", std::to_string(told_));
    auto sent = co_await request_.send_informational(kUploadResumptionSupported, std::move(news));
    if (!sent) break;
  }
  telling_.land();
}

}  // namespace sf::tus
