/// Range and condition fields from strangers: what is selected lies inside the representation, does
/// not overlap, and is not more than was there.
/// build/debug/tests/fuzz_range tests/fuzz/corpus/range

#include <streamforge/base/assert.hpp>
#include <streamforge/base/limits.hpp>
#include <streamforge/http/representation.hpp>

#include <cstdint>
#include <cstring>
#include <string>

namespace {

void check_ranges(std::string_view field, std::uint64_t bytes) {
  const auto decision = sf::http::decide_ranges(field, bytes);
  const bool some = decision.verdict == sf::http::RangeVerdict::kRanges;
  SF_ASSERT(some == !decision.ranges.empty());
  SF_ASSERT(decision.ranges.size() <= sf::limits::kRangesMax);
  for (std::size_t i = 0; i < decision.ranges.size(); ++i) {
    const auto& range = decision.ranges[i];
    SF_ASSERT(range.first <= range.last && range.last < bytes);
    for (std::size_t j = 0; j < i; ++j) {
      const auto& other = decision.ranges[j];
      SF_ASSERT(range.last < other.first || other.last < range.first);
    }
  }
}

void check_answer(std::string_view range, std::string_view condition) {
  static const std::string kBytes(1000, 'x');
  sf::http::Request request;
  request.headers.add("Range", std::string(range));
  request.headers.add("If-Range", std::string(condition));
  request.headers.add("If-None-Match", std::string(condition));
  request.headers.add("If-Modified-Since", std::string(condition));
  sf::http::Representation representation;
  representation.content_type = "video/mp2t";
  representation.etag = "\"v1\"";
  representation.last_modified_ms = 784'111'777'000;
  representation.bytes = sf::http::SharedBytes{nullptr, sf::as_bytes(kBytes)};
  const auto response = sf::http::respond(request, std::move(representation));
  const auto status = response.status;
  SF_ASSERT(status == 200 || status == 206 || status == 304 || status == 416);
  SF_ASSERT(status != 206 || response.body_bytes().value_or(0) > 0);
  SF_ASSERT(status != 304 || response.body_bytes() == 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::uint64_t bytes = 0;
  if (size < sizeof bytes) return 0;
  std::memcpy(&bytes, data, sizeof bytes);
  const std::string_view text(reinterpret_cast<const char*>(data) + sizeof bytes,
                              size - sizeof bytes);
  const auto line = text.find('\n');
  const auto range = text.substr(0, line);
  const auto rest = line == text.npos ? std::string_view() : text.substr(line + 1);
  check_ranges(range, bytes);
  check_ranges(range, bytes % 4096);
  check_answer(range, rest);
  static_cast<void>(sf::http::accepts_encoding(rest, "gzip"));
  return 0;
}
