#pragma once

#include <streamforge/store/records.hpp>

#include <cstdint>
#include <optional>

namespace sf::store {

/// What becomes of an upload that is found at start.
enum class UploadFate : std::uint8_t {
  kKeep,      ///< In order: it goes on, or is done.
  kPromote,   ///< All bytes are in temp/: rename the file, then complete the record.
  kComplete,  ///< The file is in raw/ already: complete the record.
  kForget,    ///< Nothing was ever received: remove the record and its video.
  kLost,      ///< Bytes that were acknowledged are gone.
};

/// The decision, from the record, the sizes of temp/{id} and raw/{id}, and whether the upload has
/// `parts` (temp/{id}.0, …) that are still to be joined: then its bytes are in those.
[[nodiscard]] inline UploadFate fate_of(const Upload& upload,
                                        std::optional<std::uint64_t> temp_bytes,
                                        std::optional<std::uint64_t> raw_bytes,
                                        bool parts = false) noexcept {
  if (upload.complete) {
    if (raw_bytes) return UploadFate::kKeep;
    const bool whole = temp_bytes && *temp_bytes >= upload.offset;
    return whole ? UploadFate::kPromote : UploadFate::kLost;
  }
  // Only a promotion puts a file into raw/, and it gives it its final size first.
  if (raw_bytes) {
    const bool whole = upload.length.value_or(*raw_bytes) == *raw_bytes;
    return whole ? UploadFate::kComplete : UploadFate::kLost;
  }
  if (temp_bytes && parts) return UploadFate::kKeep;
  if (temp_bytes && *temp_bytes >= upload.offset) {
    const bool waits = upload.explicit_end || upload.end_refused;
    const bool at_end = upload.length == upload.offset && !waits;
    return at_end ? UploadFate::kPromote : UploadFate::kKeep;
  }
  return upload.offset == 0 ? UploadFate::kForget : UploadFate::kLost;
}

}  // namespace sf::store
