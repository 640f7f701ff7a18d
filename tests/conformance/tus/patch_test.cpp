/// PATCH: rows C14–C30.

#include <streamforge/base/clock.hpp>

#include <chrono>
#include <future>
#include <thread>

#include "tus_case.hpp"

namespace sf::test {
namespace {

using TusPatch = TusCase;

TEST_P(TusPatch, C14_AtTheRightOffsetStoresTheBody) {
  const std::string path = create(11);
  const auto answer = patch(path, "0", "hello");
  EXPECT_EQ(answer.status, 204);
  EXPECT_EQ(answer["Upload-Offset"], "5");
  EXPECT_TRUE(answer.find("Upload-Expires")) << "E2";
}

TEST_P(TusPatch, C15C30_SeveralMakeTheWholeFile) {
  const std::string source = noise(2'500'123);
  const std::string path = create(source.size());
  std::size_t at = 0;
  for (const std::size_t piece : {1u, 4095u, 4097u, 1'048'576u, 1'300'000u, 500'000u}) {
    const auto body = std::string_view(source).substr(at, piece);
    ASSERT_EQ(patch(path, std::to_string(at), body).status, 204);
    at += body.size();
    ASSERT_EQ(offset(path), std::to_string(at));
  }
  const auto whole = bare("GET", path);
  EXPECT_EQ(whole.status, 200);
  EXPECT_TRUE(whole.body == source);
  EXPECT_EQ(whole["X-Content-Type-Options"], "nosniff");
  EXPECT_TRUE(whole["Content-Disposition"].starts_with("attachment"));
  const auto part = bare("GET", path, {{"Range", "bytes=1000000-1000009"}});
  EXPECT_EQ(part.status, 206);
  EXPECT_EQ(part.body, source.substr(1'000'000, 10));
}

TEST_P(TusPatch, C16_AnotherContentTypeIs415) {
  const std::string path = create(5);
  EXPECT_EQ(tus("PATCH", path, {{"Upload-Offset", "0"}}, "hello").status, 415);
  EXPECT_EQ(
      tus("PATCH", path, {{"Upload-Offset", "0"}, {"Content-Type", "text/plain"}}, "hello").status,
      415);
  EXPECT_EQ(offset(path), "0");
}

TEST_P(TusPatch, C17_AnotherOffsetIs409AndSaysTheRightOne) {
  const std::string path = create(11);
  ASSERT_EQ(patch(path, "0", "hello").status, 204);
  for (const char* wrong : {"0", "4", "6", "11"}) {
    const auto answer = patch(path, wrong, "xxxxx");
    EXPECT_EQ(answer.status, 409) << wrong;
    EXPECT_EQ(answer["Upload-Offset"], "5");
  }
  EXPECT_EQ(patch(path, "5", " world").status, 204);
  EXPECT_EQ(bare("GET", path).body, "hello world");
}

TEST_P(TusPatch, C18_OffsetsThatAreNoneAre400) {
  const std::string path = create(5);
  EXPECT_EQ(tus("PATCH", path, {{"Content-Type", std::string(kBodyType)}}, "hello").status, 400);
  for (const char* wrong : {"", "-1", "+0", "0.0", "0x0", "ten", "9223372036854775808"}) {
    EXPECT_EQ(patch(path, wrong, "hello").status, 400) << wrong;
  }
  EXPECT_EQ(offset(path), "0");
}

TEST_P(TusPatch, C19_UnknownUploadsAre404) {
  EXPECT_EQ(patch("/files/00000000000000000000000000", "0", "hello").status, 404);
  EXPECT_EQ(patch("/files/x", "0", "hello").status, 404);
}

TEST_P(TusPatch, C20_MoreThanRemainsIs413BeforeStoring) {
  const std::string path = create(5);
  EXPECT_EQ(patch(path, "0", "hello!").status, 413);
  EXPECT_EQ(offset(path), "0");
}

TEST_P(TusPatch, C21_AChunkedOverrunDropsAllOfIt) {
  const std::string path = create(10);
  ASSERT_EQ(patch(path, "0", "123").status, 204);
  auto client = connect();
  client.send(patch_head(path, 3, "Transfer-Encoding: chunked\r\n"));
  client.send("4\r\nabcd\r\n4\r\nefgh\r\n0\r\n\r\n");
  EXPECT_EQ(client.read_response().status, 413);
  EXPECT_EQ(offset(path), "3");
}

TEST_P(TusPatch, C22_ACompleteUploadTakesNothingMore) {
  const std::string path = create(5);
  ASSERT_EQ(patch(path, "0", "hello").status, 204);
  for (const char* body : {"", "more"}) {
    const auto answer = patch(path, "5", body);
    EXPECT_EQ(answer.status, 204);
    EXPECT_EQ(answer["Upload-Offset"], "5");
  }
  EXPECT_EQ(bare("GET", path).body, "hello");
}

TEST_P(TusPatch, C23_AnEmptyBodyChangesNothing) {
  const std::string path = create(5);
  ASSERT_EQ(patch(path, "0", "he").status, 204);
  const auto answer = patch(path, "2", "");
  EXPECT_EQ(answer.status, 204);
  EXPECT_EQ(answer["Upload-Offset"], "2");
}

TEST_P(TusPatch, C24_AChunkedBodyIsAsGood) {
  const std::string path = create(11);
  auto client = connect();
  client.send(patch_head(path, 0, "Transfer-Encoding: chunked\r\n"));
  for (const char* byte : {"1\r\nh\r\n", "a\r\nello world\r\n", "0\r\n\r\n"}) client.send(byte);
  EXPECT_EQ(client.read_response().status, 204);
  EXPECT_EQ(bare("GET", path).body, "hello world");
}

TEST_P(TusPatch, C25_ACutBodyKeepsWhatArrived) {
  const std::string source = noise(1'000'000);
  const std::string path = create(source.size());
  std::uint64_t at = 0;
  for (const std::size_t cut : {1u, 4096u, 100'001u, 700'000u}) {
    auto client = connect();
    client.send(patch_head(path, at, concat("Content-Length: ", source.size() - at, "\r\n")));
    client.send(std::string_view(source).substr(at, cut));
    client.half_close();
    (void)client.read_to_end();
    const std::uint64_t now = *parse_decimal(offset(path));
    EXPECT_EQ(now, at + cut);
    at = now;
  }
  ASSERT_EQ(patch(path, std::to_string(at), source.substr(at)).status, 204);
  EXPECT_TRUE(bare("GET", path).body == source);
}

TEST_P(TusPatch, C28_TwoAtOnceNeverInterleave) {
  for (int round = 0; round < 5; ++round) {
    const std::size_t bytes = 400'000;
    const std::string path = create(bytes);
    const auto send = [&](char fill) {
      auto client = connect();
      client.send(patch_head(path, 0, concat("Content-Length: ", bytes, "\r\n")));
      client.send(std::string(bytes, fill));
      client.half_close();
      (void)client.read_to_end();
    };
    auto a = std::async(std::launch::async, send, 'a');
    auto b = std::async(std::launch::async, send, 'b');
    a.get();
    b.get();
    const std::uint64_t at = *parse_decimal(offset(path));
    if (at < bytes) {
      ASSERT_EQ(patch(path, std::to_string(at), std::string(bytes - at, 'c')).status, 204);
    }
    const std::string stored = bare("GET", path).body.substr(0, at);
    EXPECT_EQ(stored.find_first_not_of(stored.empty() ? 'a' : stored.front()), std::string::npos);
  }
}

TEST_P(TusPatch, C29_HeadEndsAHungPatchAndTellsItsOffset) {
  const std::string source = noise(900'000);
  const std::string path = create(source.size());
  auto hung = connect();
  hung.send(patch_head(path, 0, concat("Content-Length: ", source.size(), "\r\n")));
  hung.send(std::string_view(source).substr(0, 300'003));
  await_taken(300'003);
  const std::uint64_t begun_ns = mono_ns();
  const auto state = head(path);
  EXPECT_LT(mono_ns() - begun_ns, 1'000'000'000u);
  EXPECT_EQ(state.status, 200);
  EXPECT_EQ(state["Upload-Offset"], "300003");
  hung.send(std::string(1000, 'x'));
  ASSERT_EQ(patch(path, "300003", source.substr(300'003)).status, 204);
  EXPECT_TRUE(bare("GET", path).body == source);
}

SF_ON_BOTH_BACKENDS(TusPatch);

}  // namespace
}  // namespace sf::test
