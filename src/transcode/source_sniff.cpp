#include "source_sniff.hpp"

#include <streamforge/base/bytes.hpp>

#include <algorithm>
#include <array>
#include <cstdint>

namespace sf::transcode {
namespace {

using namespace std::string_view_literals;

std::uint32_t big_endian(std::string_view bytes, std::size_t at, std::size_t count) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < count; ++i) {
    value = value << 8 | static_cast<unsigned char>(bytes[at + i]);
  }
  return value;
}

bool is_at(std::string_view head, std::size_t at, std::string_view mark) {
  return head.size() >= at + mark.size() && head.substr(at, mark.size()) == mark;
}

struct Signature {
  std::size_t at;
  std::string_view mark;
  std::string_view is;
};
// What people send by mistake, or attackers on purpose: named, so that the answer helps.
constexpr std::array kRefused{
    Signature{0, "#EXTM3U", "a playlist; upload the video itself"},
    Signature{0, "ffconcat", "a list of other files; upload the video itself"},
    Signature{0, "[playlist]", "a playlist; upload the video itself"},
    Signature{0, "v=0\r\n", "a session description; upload the video itself"},
    Signature{0, "v=0\n", "a session description; upload the video itself"},
    Signature{0, "PK\x03\x04", "a ZIP archive; upload what is inside"},
    Signature{0, "Rar!\x1a\x07", "a RAR archive; upload what is inside"},
    Signature{0, "7z\xbc\xaf\x27\x1c", "a 7z archive; upload what is inside"},
    Signature{0, "\x1f\x8b", "a gzip archive; upload what is inside"},
    Signature{0,
              "\xfd"
              "7zXZ",
              "an xz archive; upload what is inside"},
    Signature{0, "BZh", "a bzip2 archive; upload what is inside"},
    Signature{257, "ustar", "a tar archive; upload what is inside"},
    Signature{0, "%PDF", "a PDF document"},
    Signature{0,
              "\x7f"
              "ELF",
              "a program"},
    Signature{0, "MZ", "a program"},
    Signature{0, "#!", "a script"},
    Signature{0, "\x89PNG", "a picture"},
    Signature{0, "\xff\xd8\xff", "a picture"},
    Signature{0, "GIF8", "a picture"},
    Signature{0, "BM", "a picture"},
    Signature{0, "II*\0"sv, "a picture"},
    Signature{0, "MM\0*"sv, "a picture"},
    Signature{8, "WEBP", "a picture"},
    Signature{0, "MThd", "a MIDI file"},
    Signature{0, "SQLite format 3", "a database"},
};

std::unexpected<Error> refuse(std::string_view is) {
  return fail(ErrorCode::kUnsupported, concat("This file is not a video: it is ", is));
}

// ISO 14496-12: boxes of a size and four letters. The first must be one that may stand first.
bool is_iso_media(std::string_view head) {
  constexpr std::array kFirst{"ftyp"sv, "styp"sv, "moov"sv, "mdat"sv, "moof"sv, "free"sv,
                              "skip"sv, "wide"sv, "pnot"sv, "sidx"sv, "uuid"sv};
  if (head.size() < 16) {
    return false;
  }
  const std::uint32_t size = big_endian(head, 0, 4);
  return (size == 0 || size == 1 || size >= 8) &&
         std::ranges::find(kFirst, head.substr(4, 4)) != kFirst.end();
}

Result<Kind> iso_media(std::string_view head) {
  if (!is_at(head, 4, "ftyp") && !is_at(head, 4, "styp")) {
    return Kind{"mov", "mov"};
  }
  constexpr std::array kPictures{"heic"sv, "heix"sv, "mif1"sv, "msf1"sv,
                                 "avif"sv, "avis"sv, "crx "sv};
  const std::string_view brand = head.substr(8, 4);
  if (std::ranges::find(kPictures, brand) != kPictures.end()) {
    return refuse("a picture");
  }
  return Kind{brand == "qt  " ? "mov" : "mp4", "mov"};
}

// The DocType element (0x4282) is within the first few elements of the EBML header.
Result<Kind> ebml(std::string_view head) {
  const std::string_view start = head.substr(0, 256);
  if (start.find("webm") != std::string_view::npos) {
    return Kind{"webm", "matroska"};
  }
  if (start.find("matroska") != std::string_view::npos) {
    return Kind{"matroska", "matroska"};
  }
  return refuse("an EBML file of an unknown kind");
}

// Sync bytes at the distance of a packet: 188, 192 (M2TS: 4 bytes of time before each), 204.
bool is_transport_stream(std::string_view head) {
  for (const std::size_t packet : {188U, 192U, 204U}) {
    const std::size_t first_max = std::min(packet, head.size());
    for (std::size_t first = 0; first < first_max; ++first) {
      std::size_t found = 0;
      while (first + found * packet < head.size() && head[first + found * packet] == '\x47') {
        ++found;
      }
      // All that there are; of a whole head a few may be missing at its end.
      if (found >= 5 && first + found * packet + packet >= std::min(head.size(), packet * 32)) {
        return true;
      }
    }
  }
  return false;
}

// Length of the MPEG audio or ADTS frame whose header is at `at`; 0 when there is none.
// ISO/IEC 11172-3 section 2.4.2.3, 13818-3, 13818-7 section 6.2.
std::size_t audio_frame_bytes(std::string_view head, std::size_t at, bool& is_adts) {
  if (at + 7 > head.size() || big_endian(head, at, 2) >> 5 != 0x7ff) {
    return 0;
  }
  const std::uint32_t header = big_endian(head, at, 4);
  const std::uint32_t version = header >> 19 & 3U;  // 3: MPEG-1, 2: MPEG-2, 0: MPEG-2.5.
  const std::uint32_t layer = 4 - (header >> 17 & 3U);
  is_adts = layer == 4 && (header >> 20 & 1U) != 0;
  if (is_adts) {
    const std::size_t length = (big_endian(head, at + 3, 3) >> 5) & 0x1fffU;
    return length > 7 ? length : 0;
  }
  const std::uint32_t rate_row = header >> 10 & 3U;
  const std::uint32_t bits_row = header >> 12 & 15U;
  if (layer == 4 || version == 1 || rate_row == 3 || bits_row == 0 || bits_row == 15) {
    return 0;
  }
  constexpr std::uint16_t kKbps[5][16] = {
      {0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448, 0},  // MPEG-1 I
      {0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 0},     // MPEG-1 II
      {0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0},      // MPEG-1 III
      {0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256, 0},     // MPEG-2 I
      {0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0}};         // MPEG-2 II, III
  constexpr std::uint32_t kRates[3] = {44'100, 48'000, 32'000};
  const std::uint32_t rate = kRates[rate_row] >> (version == 3 ? 0 : version == 2 ? 1 : 2);
  const std::uint32_t row = version == 3 ? layer - 1 : (layer == 1 ? 3 : 4);
  const std::uint32_t bits = std::uint32_t{kKbps[row][bits_row]} * 1000;
  const std::uint32_t padding = header >> 9 & 1U;
  if (layer == 1) {
    return (12 * bits / rate + padding) * 4;
  }
  return (layer == 3 && version != 3 ? 72 : 144) * bits / rate + padding;
}

// Raw MPEG audio or ADTS: a header, and another one where the first says. Tags may come before.
Result<Kind> raw_audio(std::string_view head) {
  std::size_t at = 0;
  if (is_at(head, 0, "ID3") && head.size() > 10) {
    for (std::size_t i = 6; i < 10; ++i) {
      at = at << 7 | (static_cast<unsigned char>(head[i]) & 0x7fU);
    }
    at += 10;
    if (at + 4 > head.size()) {
      return Kind{"mp3", "mp3"};  // A picture in the tag fills all that we see.
    }
    if (is_at(head, at, "fLaC")) {
      return Kind{"flac", "flac"};
    }
    while (at < head.size() && head[at] == '\0') {
      ++at;
    }
  }
  bool is_adts = false;
  const std::size_t first = audio_frame_bytes(head, at, is_adts);
  bool next_is_adts = false;
  if (first == 0 ||
      (at + first + 7 <= head.size() &&
       (audio_frame_bytes(head, at + first, next_is_adts) == 0 || next_is_adts != is_adts))) {
    return fail(ErrorCode::kUnsupported, "");
  }
  return is_adts ? Kind{"aac", "aac"} : Kind{"mp3", "mp3"};
}

// Pictures alone, as encoders write them: a start code, and what a stream begins with. Nothing says
// when they are shown.
bool is_bare_stream(std::string_view head) {
  if (is_at(head, 0, "\0\0\1\xb3"sv) || is_at(head, 0, "\0\0\1\xb0"sv)) {
    return true;  // MPEG-1 and MPEG-2, MPEG-4.
  }
  const std::size_t code = is_at(head, 0, "\0\0\0\1"sv) ? 4 : is_at(head, 0, "\0\0\1"sv) ? 3 : 0;
  if (code == 0 || head.size() <= code) {
    return false;
  }
  constexpr std::array kFirst{'\x09', '\x27', '\x47', '\x67', '\x40', '\x42', '\x46'};
  return std::ranges::find(kFirst, head[code]) != kFirst.end();  // H.264, then HEVC.
}

bool is_text(std::string_view head) {
  const auto odd = [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte == 0x7f || (byte < 0x20 && byte != '\t' && byte != '\n' && byte != '\r' &&
                            byte != '\f' && byte != 0x1b);
  };
  return std::ranges::none_of(head, odd);
}

std::unexpected<Error> refuse_text(std::string_view head) {
  const std::string start = to_lower(trim(head.substr(0, 512)));
  if (start.contains("<svg")) {
    return refuse("a picture (SVG)");
  }
  if (start.contains("<!doctype html") || start.contains("<html")) {
    return refuse("a web page");
  }
  return refuse("text");
}

}  // namespace

Result<Kind> sniff(std::string_view head) {
  if (head.empty()) {
    return fail(ErrorCode::kUnsupported, "This file is empty");
  }
  if (is_iso_media(head)) {
    return iso_media(head);
  }
  std::string_view visible = head;
  if (visible.starts_with("\xef\xbb\xbf")) {
    visible.remove_prefix(3);
  }
  for (const Signature& signature : kRefused) {
    if (is_at(visible, signature.at, signature.mark)) {
      return refuse(signature.is);
    }
  }
  if (is_at(head, 0, "\x1a\x45\xdf\xa3")) {
    return ebml(head);
  }
  if (is_at(head, 0, "RIFF") && (is_at(head, 8, "AVI ") || is_at(head, 8, "AVIX"))) {
    return Kind{"avi", "avi"};
  }
  if ((is_at(head, 0, "RIFF") || is_at(head, 0, "RF64")) && is_at(head, 8, "WAVE")) {
    return Kind{"wav", "wav"};
  }
  if (is_at(head, 0, "FLV\x01")) {
    return Kind{"flv", "flv"};
  }
  if (is_at(head, 0, "OggS")) {
    return Kind{"ogg", "ogg"};
  }
  if (is_at(head, 0, "\x30\x26\xb2\x75\x8e\x66\xcf\x11")) {
    return Kind{"asf", "asf"};
  }
  if (is_at(head, 0, "\x00\x00\x01\xba"sv)) {
    return Kind{"mpeg", "mpeg"};
  }
  if (is_at(head, 0, "fLaC")) {
    return Kind{"flac", "flac"};
  }
  if (is_text(head)) {
    return refuse_text(visible);
  }
  if (is_transport_stream(head)) {
    return Kind{"mpegts", "mpegts"};
  }
  if (auto audio = raw_audio(head)) {
    return audio;
  }
  if (is_bare_stream(head)) {
    return refuse(
        "a bare stream of pictures, which does not say when they are shown; "
        "\"ffmpeg -i FILE FILE.mkv\" makes a video of it");
  }
  return refuse("of a kind that is not known here");
}

}  // namespace sf::transcode
