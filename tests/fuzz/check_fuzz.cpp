// `check` on playlists and segments of strangers: the first byte says which of the two the rest is.
#include <streamforge/hls/check.hpp>

#include <cstdint>
#include <string>

namespace {

constexpr const char* kMaster =
    "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=9,CODECS=\"avc1.640028\"\nlist.m3u8\n";
constexpr const char* kList =
    "#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXTINF:4,\n0.ts\n#EXTINF:4,\n1.ts\n";

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  const unsigned what = data[0] % 3;
  unsigned asked = 0;
  const auto fetch = [&](const std::string& uri, bool) -> sf::Result<sf::hls::Fetched> {
    sf::hls::Fetched answer;
    if (++asked > 200) return sf::fail(sf::ErrorCode::kTooLarge, "enough");
    if (uri == "master.m3u8") {
      answer.body = what == 0 ? rest : kMaster;
    } else if (uri.ends_with(".m3u8")) {
      answer.body = what == 1 ? rest : kList;
    } else {
      answer.body = rest;
    }
    return answer;
  };
  const auto rows = sf::hls::check_stream("master.m3u8", fetch);
  if (rows.size() != 45) __builtin_trap();
  return 0;
}
