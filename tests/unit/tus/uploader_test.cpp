#include <streamforge/tus/uploader.hpp>

#include "in_process.hpp"

namespace sf::tus {
namespace {

class UploaderTest : public ServiceTest {
 protected:
  UploadOrder order_for(const std::string& content) {
    test::write_file(files_.path() / "holiday film.mp4", content);
    UploadOrder order;
    order.file = files_.file("holiday film.mp4");
    order.base_url = concat("http://127.0.0.1:", static_cast<unsigned>(server().port()));
    order.state_dir = files_.file("state");
    return order;
  }
  [[nodiscard]] std::size_t remembered() const {
    const auto dir = files_.path() / "state";
    if (!std::filesystem::exists(dir)) return 0;
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(dir), {}));
  }
  test::TempDir files_;
};

TEST_P(UploaderTest, UploadsAFileAndNamesIt) {
  start();
  const std::string source = noise(3'333'333);
  auto order = order_for(source);
  order.visibility = "public";
  std::uint64_t last = 0;
  const auto outcome = upload(order, [&](std::uint64_t sent, std::uint64_t total) {
    EXPECT_LE(sent, total);
    last = sent;
    return true;
  });
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_EQ(last, source.size());
  EXPECT_EQ(outcome->bytes, source.size());
  EXPECT_EQ(outcome->watch_url, order.base_url + "/watch/" + outcome->id);
  EXPECT_EQ(blob("raw", outcome->id), source);
  const auto video = server().ask(server().catalogue().video(outcome->id));
  EXPECT_EQ(video->title, "holiday film");
  EXPECT_EQ(video->visibility, store::Visibility::kPublic);
  EXPECT_EQ(remembered(), 0u);
}

TEST_P(UploaderTest, ContinuesInTheNextRunAndStartsAnewWhenTheServerForgot) {
  start();
  const std::string source = noise(30'000'000);
  const auto order = order_for(source);
  const auto broken_off =
      upload(order, [](std::uint64_t sent, std::uint64_t) { return sent < 20'000'000; });
  ASSERT_FALSE(broken_off);
  EXPECT_EQ(broken_off.error().code, ErrorCode::kCancelled);
  EXPECT_EQ(remembered(), 1u);
  std::optional<std::uint64_t> first;
  const auto outcome = upload(order, [&](std::uint64_t sent, std::uint64_t) {
    if (!first) first = sent;
    return true;
  });
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_GT(first, 0u);
  EXPECT_EQ(blob("raw", outcome->id), source);

  (void)upload(order, [](std::uint64_t sent, std::uint64_t) { return sent < 20'000'000; });
  const auto open = server().ask(server().catalogue().unfinished_uploads());
  ASSERT_EQ(open->size(), 1u);
  ASSERT_EQ(fetch("DELETE", "/files/" + open->front().id).status, 204);
  const auto again = upload(order, {});
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_NE(again->id, open->front().id);
  EXPECT_EQ(blob("raw", again->id), source);
}

TEST_P(UploaderTest, SaysWhyInTheServersWords) {
  InProcessOptions options;
  options.service.upload_bytes_max = 10;
  start(options);
  const auto outcome = upload(order_for("more than ten bytes"), {});
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::kTooLarge);
  EXPECT_NE(outcome.error().message.find("at most 10 bytes"), std::string::npos);
  UploadOrder missing;
  missing.file = "/nonexistent";
  EXPECT_EQ(upload(missing, {}).error().code, ErrorCode::kNotFound);
}

TEST_P(UploaderTest, AnEmptyFileIsAnUploadToo) {
  start();
  const auto outcome = upload(order_for(""), {});
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_EQ(blob("raw", outcome->id), "");
}

SF_ON_EACH_BACKEND(UploaderTest);

}  // namespace
}  // namespace sf::tus
