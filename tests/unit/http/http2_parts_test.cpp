#include <streamforge/io/file_bytes.hpp>

#include <gtest/gtest.h>
#include <unistd.h>

#include <string>

#include "http2_budget.hpp"
#include "http2_output.hpp"
#include "http2_source.hpp"

namespace sf::http {
namespace {

TEST(Http2Budget, AFloodReachesItsEndWhateverTheTime) {
  Http2Budget budget(1'000);
  int frames = 0;
  while (budget.spend(Http2Budget::kFrame, 1'000)) ++frames;
  EXPECT_EQ(frames, Http2Budget::kMax);
  EXPECT_FALSE(budget.spend(Http2Budget::kFrame, 1'010));
  EXPECT_TRUE(budget.spend(Http2Budget::kFrame, 2'000));  // Time earns.
}

TEST(Http2Budget, APeerThatReadsAndAsksNeverDoes) {
  Http2Budget budget(0);
  for (int i = 0; i < 100'000; ++i) {
    budget.earn(Http2Budget::kRequest);
    ASSERT_TRUE(budget.spend(Http2Budget::kFrame, 0));
    for (int frame = 0; frame < 8; ++frame) {  // Each 4 KiB answered by two WINDOW_UPDATEs.
      budget.earn_by_sending(Http2Output::kPayloadBytes);
      ASSERT_TRUE(budget.spend(8 * Http2Budget::kFrame, 0));
    }
  }
}

TEST(Http2Budget, AWindowThatIsOpenedByteByByteDoes) {
  Http2Budget budget(0);
  int frames = 0;
  do {
    budget.earn_by_sending(1);
    ++frames;
  } while (budget.spend(Http2Budget::kFrame, 0));
  EXPECT_LE(frames, Http2Budget::kMax + 1);
}

TEST(Http2Budget, RequestsThatAreAlwaysCancelledDo) {
  Http2Budget budget(0);
  int requests = 0;
  do {
    budget.earn(Http2Budget::kRequest);
    ++requests;
  } while (budget.spend(Http2Budget::kFrame + Http2Budget::kCancelled, 0));
  EXPECT_LE(requests, Http2Budget::kMax);
}

std::string text_of(Http2Source& source, std::size_t step) {
  std::string text;
  while (!source.drained()) {
    const auto piece = source.front();
    const std::size_t bytes = std::min<std::size_t>(piece.bytes, step);
    if (piece.memory) {
      text += as_text(ByteSpan(piece.memory, bytes));
    } else {
      text += concat('<', piece.offset, '+', std::uint64_t{bytes}, '>');
    }
    source.take(bytes);
  }
  return text;
}

TEST(Http2Source, GivesPartsAndWhatStandsBetweenThem) {
  const auto file = std::make_shared<const UniqueFd>();
  Response response;
  response.body = std::vector<FileSlice>{{file, 10, 4}, {file, 50, 0}, {file, 100, 2}};
  response.part_heads = {"a:", "b:", "c:", "end"};
  Http2Source source;
  source.open(response);
  EXPECT_EQ(text_of(source, 3), "a:<10+3><13+1>b:c:<100+2>end");
  EXPECT_TRUE(source.ended());
}

TEST(Http2Source, KnowsItsLastBytes) {
  Response response;
  response.body = std::string("12345");
  Http2Source source;
  source.open(response);
  EXPECT_FALSE(source.ends_after(4));
  EXPECT_TRUE(source.ends_after(5));

  Response streamed;
  streamed.body = BodyProducer();
  Http2Source open;
  open.open(streamed);
  EXPECT_TRUE(open.drained());
  EXPECT_FALSE(open.ended());
  open.push(as_bytes("piece"));
  EXPECT_FALSE(open.ends_after(5));
  EXPECT_EQ(text_of(open, 100), "piece");
  open.close();
  EXPECT_TRUE(open.ended());
}

TEST(Http2Output, LeavesRoomForFilesBetweenHeads) {
  const auto file = std::make_shared<const UniqueFd>(::dup(STDIN_FILENO));
  const std::string head = "headhead9";
  const std::string text = "small";
  Http2Output output;
  output.begin(48 * 1024);
  EXPECT_TRUE(output.empty());
  output.add(as_bytes("SETTINGS"));
  output.add(as_bytes(head), {text.size(), as_bytes(text).data(), nullptr, 0}, text.size());
  EXPECT_FALSE(output.has_files());
  EXPECT_EQ(as_text(output.bytes()), "SETTINGSheadhead9small");
  output.add(as_bytes(head), {100'000, nullptr, &file, 7}, Http2Output::kPayloadBytes);
  EXPECT_FALSE(output.full());
  output.add(as_bytes(head), {100'000, nullptr, &file, 7 + Http2Output::kPayloadBytes}, 1000);
  ASSERT_TRUE(output.has_files());
  ASSERT_EQ(output.pieces().size(), 4u);

  std::size_t total = 0;
  for (const io::FilePiece& piece : output.pieces()) total += piece.bytes;
  std::string read(total, '.');
  output.fill({reinterpret_cast<std::byte*>(read.data()), read.size()});
  EXPECT_EQ(read, "SETTINGSheadhead9smallheadhead9" + std::string(Http2Output::kPayloadBytes, '.') +
                      head + std::string(1000, '.'));
  output.add(as_bytes(head), {100'000, nullptr, &file, 0}, Http2Output::kPayloadBytes);
  EXPECT_TRUE(output.full());
  output.clear();
  EXPECT_TRUE(output.empty());
  EXPECT_FALSE(output.full());
}

}  // namespace
}  // namespace sf::http
