// MPEG-4 as DivX and XviD write it into AVI: a B-picture lies in the packet of the picture that it
// refers to, and where it would have been lies a packet without a picture.

#include "engine_case.hpp"

#include "engine_libav.hpp"

#include <algorithm>

namespace sf::transcode {
namespace {

using test::ClipOptions;

// ISO/IEC 14496-2 section 6.2.5: vop_coding_type follows the start code.
bool is_b_picture(const std::string& picture) {
  const std::size_t start = picture.find(std::string("\x00\x00\x01\xb6", 4));
  return start != std::string::npos &&
         (static_cast<unsigned char>(picture.at(start + 4)) >> 6) == 2;
}

void pack(std::vector<std::string>& pictures) {
  const std::string none("\x00\x00\x01\xb6\x51\xff", 6);
  for (std::size_t i = 0; i + 1 < pictures.size(); ++i) {
    if (!is_b_picture(pictures[i + 1])) continue;
    pictures[i] += pictures[i + 1];
    while (++i + 1 < pictures.size() && is_b_picture(pictures[i + 1])) {
      pictures[i] = pictures[i + 1];
    }
    pictures[i] = none;
  }
}

/// A copy of an AVI, packed.
void write_packed(const std::string& from, const std::string& to) {
  AVFormatContext* in = nullptr;
  ASSERT_EQ(avformat_open_input(&in, from.c_str(), nullptr, nullptr), 0);
  ASSERT_GE(avformat_find_stream_info(in, nullptr), 0);
  AVFormatContext* out = nullptr;
  ASSERT_GE(avformat_alloc_output_context2(&out, nullptr, "avi", to.c_str()), 0);
  for (unsigned i = 0; i < in->nb_streams; ++i) {
    AVStream* stream = avformat_new_stream(out, nullptr);
    avcodec_parameters_copy(stream->codecpar, in->streams[i]->codecpar);
    stream->time_base = in->streams[i]->time_base;
  }
  ASSERT_GE(avio_open(&out->pb, to.c_str(), AVIO_FLAG_WRITE), 0);
  ASSERT_GE(avformat_write_header(out, nullptr), 0);
  std::vector<PacketPtr> packets;
  std::vector<std::string> pictures;
  for (PacketPtr packet = new_packet(); av_read_frame(in, packet.get()) >= 0;
       packet = new_packet()) {
    if (packet->stream_index == 0) {
      pictures.emplace_back(reinterpret_cast<const char*>(packet->data),
                            static_cast<std::size_t>(packet->size));
    }
    packets.push_back(std::move(packet));
  }
  pack(pictures);
  for (std::size_t next = 0; const PacketPtr& packet : packets) {
    if (packet->stream_index == 0) {
      const std::string& picture = pictures[next++];
      PacketPtr slot = new_packet();
      ASSERT_GE(av_new_packet(slot.get(), static_cast<int>(picture.size())), 0);
      std::ranges::copy(picture, slot->data);
      av_packet_copy_props(slot.get(), packet.get());
      slot->pts = slot->dts;
      av_packet_unref(packet.get());
      av_packet_move_ref(packet.get(), slot.get());
    }
    av_packet_rescale_ts(packet.get(), in->streams[packet->stream_index]->time_base,
                         out->streams[packet->stream_index]->time_base);
    ASSERT_GE(av_interleaved_write_frame(out, packet.get()), 0);
  }
  av_write_trailer(out);
  avio_closep(&out->pb);
  avformat_free_context(out);
  avformat_close_input(&in);
}

TEST(PackedPictures, AreAllShownWhereverBegun) {
  const test::TempDir folder;
  const std::string plain = test::clip({.kind = "avi", .seconds = 9, .fps = "15", .gop = 25});
  write_packed(plain, folder.file("packed.avi"));
  EngineCase source(folder.file("packed.avi"));
  ASSERT_TRUE(source.ok()) << source.error().message;
  EXPECT_TRUE(source.plan().constant_frame_rate);
  source.make_all();
  const std::string rung = source.plan().rungs[0].name;
  const std::string joined = source.joined_video(rung);
  EXPECT_EQ(test::count_frames(joined), test::count_frames(plain));
  EXPECT_EQ(test::decode_errors(joined), "");
  EXPECT_GT(test::ssim(joined, plain), 0.9);
  for (std::uint32_t segment = source.video_segments(); segment-- > 0;) {
    EXPECT_EQ(source.video[rung][segment].damaged_frames, 0U) << segment;
    const std::string before = test::read_file(source.video_file(rung, segment));
    Engine fresh;
    source.make_video(segment, fresh);
    EXPECT_EQ(test::read_file(source.video_file(rung, segment)) == before, true) << segment;
  }
}

}  // namespace
}  // namespace sf::transcode
