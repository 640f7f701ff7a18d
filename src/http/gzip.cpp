#include <streamforge/base/assert.hpp>
#include <streamforge/http/representation.hpp>

#include <zlib.h>

namespace sf::http {

std::string gzip(std::string_view text) {
  ::z_stream stream{};
  constexpr int kWindowBits = 15 + 16;  // The largest window; 16 asks for gzip's framing.
  constexpr int kMemoryLevel = 8;
  int status = ::deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, kWindowBits, kMemoryLevel,
                              Z_DEFAULT_STRATEGY);
  SF_ASSERT(status == Z_OK);  // It fails for want of memory alone.
  std::string out(::deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<::Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<::uInt>(text.size());
  stream.next_out = reinterpret_cast<::Bytef*>(out.data());
  stream.avail_out = static_cast<::uInt>(out.size());
  status = ::deflate(&stream, Z_FINISH);
  SF_ASSERT(status == Z_STREAM_END);
  out.resize(stream.total_out);
  ::deflateEnd(&stream);
  return out;
}

}  // namespace sf::http
