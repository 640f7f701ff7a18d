// The stored form of index and plan: "SFIX" or "SFPL", a version, fields in order, CRC-32. Integers
// are varints (7 bits a byte, low first), signed ones zigzag; packets are differences, so that one
// takes about 7 bytes.
#include <streamforge/base/digest.hpp>
#include <streamforge/transcode/plan.hpp>

#include <algorithm>
#include <bit>
#include <type_traits>

namespace sf::transcode {
namespace {

constexpr std::string_view kIndexMagic = "SFIX";
constexpr std::string_view kPlanMagic = "SFPL";
constexpr char kVersion = 5;
constexpr std::size_t kHeadBytes = kPlanHeadBytes;
constexpr std::size_t kChecksumBytes = 4;
constexpr std::uint32_t kSideMax = 16'384;

std::string checksum(std::string_view bytes) {
  Digest digest(DigestAlgorithm::kCrc32);
  digest.update(as_bytes(bytes));
  const std::vector<std::byte> sum = digest.finish();
  return std::string(as_text(sum));
}

class Writer {
 public:
  static constexpr bool kReads = false;

  void number(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) {
      out.push_back(static_cast<char>(value | 0x80));
    }
    out.push_back(static_cast<char>(value));
  }
  void text(std::string_view value) {
    number(value.size());
    out.append(value);
  }

  std::string out;
};

// Reads what Writer writes; after a fault every read gives zero and `good` is false.
class Reader {
 public:
  static constexpr bool kReads = true;

  explicit Reader(std::string_view bytes) : left(bytes) {}

  std::uint64_t number() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && !left.empty(); shift += 7) {
      const auto byte = static_cast<unsigned char>(left.front());
      left.remove_prefix(1);
      if (shift == 63 && byte > 1) {
        break;
      }
      value |= std::uint64_t{byte & 0x7fU} << shift;
      if (byte < 0x80) {
        return value;
      }
    }
    return refuse();
  }
  std::string text() {
    const std::uint64_t size = number();
    if (size > left.size()) {
      refuse();
      return {};
    }
    std::string value(left.substr(0, size));
    left.remove_prefix(size);
    return value;
  }
  // How many items follow: each takes a byte at least, so that a lie cannot reserve memory.
  std::size_t count(std::size_t item_bytes_min) {
    const std::uint64_t value = number();
    return value <= left.size() / item_bytes_min ? value : refuse();
  }
  std::uint64_t refuse() {
    good = false;
    left = {};
    return 0;
  }

  std::string_view left;
  bool good = true;
};

std::uint64_t zigzag(std::int64_t value) {
  return (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
}
std::int64_t unzigzag(std::uint64_t value) {
  return static_cast<std::int64_t>((value >> 1) ^ (~(value & 1) + 1));
}
// Differences of hostile numbers may wrap; in unsigned they may do so.
std::int64_t minus(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b));
}
std::int64_t plus(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}

// One description of every structure serves both ways: `io` is a Writer or a Reader.
template <class T>
void field(Writer& io, const T& value) {
  if constexpr (std::is_same_v<T, std::string>) {
    io.text(value);
  } else if constexpr (std::is_same_v<T, double>) {
    io.number(std::bit_cast<std::uint64_t>(value));
  } else if constexpr (std::is_signed_v<T>) {
    io.number(zigzag(value));
  } else {
    io.number(static_cast<std::uint64_t>(value));
  }
}
template <class T>
void field(Reader& io, T& value) {
  if constexpr (std::is_same_v<T, std::string>) {
    value = io.text();
  } else if constexpr (std::is_same_v<T, double>) {
    value = std::bit_cast<double>(io.number());
  } else if constexpr (std::is_signed_v<T>) {
    const std::int64_t wide = unzigzag(io.number());
    value = static_cast<T>(wide);
    if (value != wide) {
      io.refuse();
    }
  } else {
    const std::uint64_t wide = io.number();
    value = static_cast<T>(wide);
    if (static_cast<std::uint64_t>(value) != wide) {
      io.refuse();
    }
  }
}
template <class Io, class... T>
void fields(Io& io, T&... values) {
  (field(io, values), ...);
}

template <class Io, class T, class Visit>
void list(Io& io, T& items, std::size_t item_bytes_min, Visit visit) {
  if constexpr (Io::kReads) {
    items.resize(io.count(item_bytes_min));
  } else {
    io.number(items.size());
  }
  for (auto& item : items) {
    visit(io, item);
  }
}

template <class Io, class T>
void rational(Io& io, T& value) {
  fields(io, value.numerator, value.denominator);
}

template <class Io, class T>
void video(Io& io, T& v) {
  fields(io, v.stream, v.codec, v.coded_width, v.coded_height, v.display_width, v.display_height,
         v.rotation);
  rational(io, v.sample_aspect);
  rational(io, v.frame_rate);
  rational(io, v.time_base);
  fields(io, v.pixel_format, v.bit_depth, v.profile, v.level, v.interlaced, v.transfer,
         v.average_bps, v.closed_gop, v.times_by_order, v.field_packets, v.codecs, v.copy_obstacle);
}

template <class Io, class T>
void audio(Io& io, T& a) {
  fields(io, a.stream, a.codec, a.profile, a.channels, a.sample_rate, a.language, a.title,
         a.begin_ticks, a.end_ticks, a.average_bps, a.peak_bps, a.copy_obstacle);
  std::int64_t expected = 0;
  list(io, a.runs, 3, [&expected](Io& inner, auto& run) {
    std::int64_t gap = minus(run.begin_sample, expected);
    field(inner, gap);
    if constexpr (Io::kReads) {
      run.begin_sample = plus(expected, gap);
    }
    fields(inner, run.packets, run.samples);
    const std::int64_t length = std::int64_t{run.packets} * std::int64_t{run.samples};
    expected = plus(run.begin_sample, length);
  });
}

// Sizes and places wander, times step: each is stored as what the one before does not tell.
template <class Io, class T>
void packets(Io& io, T& items) {
  PacketEntry last;
  std::int64_t last_step = 0;
  list(io, items, 5, [&](Io& inner, auto& packet) {
    std::int64_t step = minus(packet.dts_ticks, last.dts_ticks);
    std::int64_t bend = minus(step, last_step);
    std::int64_t ahead = minus(packet.pts_ticks, packet.dts_ticks);
    std::int64_t skipped = minus(packet.position, plus(last.position, last.bytes));
    fields(inner, bend, ahead, skipped, packet.bytes, packet.keyframe);
    if constexpr (Io::kReads) {
      step = plus(last_step, bend);
      packet.dts_ticks = plus(last.dts_ticks, step);
      packet.pts_ticks = plus(packet.dts_ticks, ahead);
      packet.position = plus(plus(last.position, last.bytes), skipped);
    }
    last = packet;
    last_step = step;
  });
}

template <class Io, class T>
void index(Io& io, T& value) {
  field(io, value.container);
  bool has_video = value.video.has_value();
  field(io, has_video);
  if constexpr (Io::kReads) {
    if (has_video) {
      value.video.emplace();
    }
  }
  if (has_video) {
    video(io, *value.video);
  }
  list(io, value.audio, 8, [](Io& inner, auto& item) { audio(inner, item); });
  list(io, value.subtitles, 8, [](Io& inner, auto& track) {
    fields(inner, track.stream, track.codec, track.language, track.title, track.is_default,
           track.forced, track.hearing_impaired, track.left_out);
  });
  packets(io, value.packets);
  list(io, value.leaps, 2,
       [](Io& inner, auto& leap) { fields(inner, leap.position, leap.shift_ticks); });
  fields(io, value.zero_ticks, value.video_end_ticks, value.audio_end_ticks, value.promised_ticks);
  list(io, value.warnings, 1, [](Io& inner, auto& item) { field(inner, item); });
  list(io, value.needs, 2, [](Io& inner, auto& need) { fields(inner, need.ticks, need.bytes); });
}

template <class Io, class T>
void spans(Io& io, T& items) {
  std::int64_t at = 0;
  list(io, items, 2, [&at](Io& inner, auto& span) {
    std::int64_t gap = minus(span.begin_ticks, at);
    std::int64_t length = minus(span.end_ticks, span.begin_ticks);
    fields(inner, gap, length);
    if constexpr (Io::kReads) {
      span.begin_ticks = plus(at, gap);
      span.end_ticks = plus(span.begin_ticks, length);
      if (gap < 0 || length <= 0 || span.begin_ticks < 0 || span.end_ticks < span.begin_ticks) {
        inner.refuse();
      }
    }
    at = span.end_ticks;
  });
}

template <class Io, class T>
void stretches(Io& io, T& items) {
  list(io, items, 2, [](Io& inner, auto& item) { fields(inner, item.begin, item.end); });
}

template <class Io, class T>
void plan(Io& io, T& value) {
  index(io, value.index);
  auto grid = static_cast<std::uint8_t>(value.timeline.grid);
  field(io, grid);
  if constexpr (Io::kReads) {
    value.timeline.grid = grid == 0 ? hls::GridKind::kFixed : hls::GridKind::kSourceKeyframes;
  }
  spans(io, value.timeline.video);
  spans(io, value.timeline.audio);
  rational(io, value.frame_rate);
  field(io, value.constant_frame_rate);
  list(io, value.rungs, 10, [](Io& inner, auto& rung) {
    fields(inner, rung.name, rung.width, rung.height, rung.mode, rung.why, rung.preset, rung.crf,
           rung.max_kbps, rung.buffer_kbits, rung.level, rung.delay);
    stretches(inner, rung.encoded);
  });
  list(io, value.audio, 8, [](Io& inner, auto& track) {
    fields(inner, track.source, track.name, track.language, track.label, track.mode, track.why,
           track.sample_rate, track.channels, track.kbps);
    stretches(inner, track.encoded);
  });
  fields(io, value.segment_seconds, value.growing);
}

// What the engine divides by or indexes with.
bool makes_sense(const Plan& value) {
  const auto rung_ok = [](const RungPlan& rung) {
    return rung.width >= 2 && rung.width <= kSideMax && rung.width % 2 == 0 && rung.height >= 2 &&
           rung.height <= kSideMax && rung.height % 2 == 0 && rung.delay <= RungPlan::kDelayMax;
  };
  const auto track_ok = [&value](const AudioPlan& track) {
    return track.source >= 0 && static_cast<std::size_t>(track.source) < value.index.audio.size() &&
           track.sample_rate >= 8'000 && track.sample_rate <= 96'000 && track.channels >= 1 &&
           track.channels <= 2;
  };
  const auto source_ok = [](const AudioInfo& track) {
    return track.sample_rate > 0 && track.sample_rate <= 768'000 &&
           std::ranges::all_of(track.runs, [](const AudioRun& run) { return run.samples > 0; });
  };
  return std::ranges::all_of(value.rungs, rung_ok) && std::ranges::all_of(value.audio, track_ok) &&
         std::ranges::all_of(value.index.audio, source_ok) && value.frame_rate.numerator >= 0 &&
         value.frame_rate.denominator > 0 && (value.rungs.empty() || value.index.video);
}

template <class Visit>
std::string write(std::string_view magic, Visit visit) {
  Writer writer;
  writer.out = concat(magic, kVersion);
  visit(writer);
  writer.out += checksum(writer.out);
  return std::move(writer.out);
}

template <class T, class Visit>
Result<T> read(std::string_view bytes, std::string_view magic, std::string_view what, Visit visit) {
  if (bytes.size() < kHeadBytes + kChecksumBytes || !bytes.starts_with(magic)) {
    return fail(ErrorCode::kCorrupt, concat("this is no stored ", what));
  }
  if (bytes[magic.size()] != kVersion) {
    return fail(ErrorCode::kUnsupported, concat("the stored ", what, " is of another version"));
  }
  const std::string_view body = bytes.substr(0, bytes.size() - kChecksumBytes);
  if (checksum(body) != bytes.substr(body.size())) {
    return fail(ErrorCode::kCorrupt, concat("the checksum of the stored ", what, " is wrong"));
  }
  Reader reader(body.substr(kHeadBytes));
  T value;
  visit(reader, value);
  if (!reader.good || !reader.left.empty()) {
    return fail(ErrorCode::kCorrupt, concat("the stored ", what, " does not read as one"));
  }
  return value;
}

}  // namespace

std::string serialize(const SourceIndex& value) {
  return write(kIndexMagic, [&](Writer& io) { index(io, value); });
}

Result<SourceIndex> parse_index(std::string_view bytes) {
  return read<SourceIndex>(bytes, kIndexMagic, "index",
                           [](Reader& io, SourceIndex& value) { index(io, value); });
}

std::string serialize(const Plan& value) {
  return write(kPlanMagic, [&](Writer& io) { plan(io, value); });
}

Result<Plan> parse_plan(std::string_view bytes) {
  return read<Plan>(bytes, kPlanMagic, "plan", [](Reader& io, Plan& value) {
    plan(io, value);
    if (!makes_sense(value)) {
      io.refuse();
    }
  });
}

bool is_current_plan(std::string_view head) noexcept {
  return head.size() == kHeadBytes && head.starts_with(kPlanMagic) && head.back() == kVersion;
}

}  // namespace sf::transcode
