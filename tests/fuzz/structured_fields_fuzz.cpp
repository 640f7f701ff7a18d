/// Structured fields from strangers: what is read is written and read as the same, and no input
/// reads beyond itself.
/// build/debug/tests/fuzz_structured_fields tests/fuzz/corpus/structured_fields

#include <streamforge/base/assert.hpp>

#include <cstdint>

#include "digest_fields.hpp"
#include "structured_fields.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto item = sf::tus::parse_sf_item(text)) {
    const auto* bytes = std::get_if<sf::tus::SfBytes>(&*item);
    SF_ASSERT(!bytes || sf::tus::parse_sf_item(sf::tus::sf_bytes(bytes->bytes)) == item);
  }
  if (const auto members = sf::tus::parse_sf_dictionary(text)) {
    for (std::size_t i = 0; i < members->size(); ++i) {
      for (std::size_t j = 0; j < i; ++j) SF_ASSERT((*members)[i].first != (*members)[j].first);
    }
  }
  if (const auto checksum = sf::tus::parse_digest_field(text); checksum && *checksum) {
    const auto again = sf::tus::parse_digest_field(sf::tus::to_digest_field(**checksum));
    SF_ASSERT(again && *again == *checksum);
  }
  static_cast<void>(sf::tus::parse_want_digest(text));
  return 0;
}
