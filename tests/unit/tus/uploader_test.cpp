#include <streamforge/tus/uploader.hpp>

#include <streamforge/base/json.hpp>

#include <fstream>
#include <iterator>

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
  /// Breaks an upload off once `bytes` are there, or at once when they are there already.
  static Result<UploadOutcome> upload_until(const UploadOrder& order, std::uint64_t bytes) {
    return upload(order, {.on_progress = [bytes](const UploadProgress& now) {
                    return !now.sent_is_known || now.sent_bytes < bytes;
                  }});
  }
  /// Creates a part anew that the upload under way has created; 0 when there is none.
  int create_again(std::size_t total) {
    const auto pair = [](const char* key, const std::string& value) {
      return concat(key, ' ', to_base64(as_bytes(value)));
    };
    for (const auto& entry : std::filesystem::directory_iterator(files_.path() / "state")) {
      // One that is just being written is not read, nor its name found again.
      std::ifstream file(entry.path());
      const auto kept = json::parse(std::string(std::istreambuf_iterator<char>(file), {}));
      if (!kept || !kept->is_object() || kept->find("parts") == nullptr) continue;
      for (const auto& part : kept->find("parts")->array()) {
        if (part.string_at("location").empty()) continue;
        const std::uint64_t begin = part.uint_at("begin");
        return fetch("POST", "/files",
                     {{"Upload-Concat", "partial"},
                      {"Upload-Length", concat(part.uint_at("end") - begin)},
                      {"Upload-Metadata",
                       concat(pair("group", kept->string_at("group")), ',',
                              pair("offset", concat(begin)), ',', pair("total", concat(total)))}})
            .status;
      }
    }
    return 0;
  }
  test::TempDir files_;
};

TEST_P(UploaderTest, UploadsAFileAndNamesIt) {
  start();
  const std::string source = noise(3'333'333);
  auto order = order_for(source);
  order.visibility = "public";
  std::uint64_t last = 0;
  const auto outcome = upload(order, {.on_progress = [&](const UploadProgress& now) {
                                EXPECT_LE(now.sent_bytes, now.total_bytes);
                                last = now.sent_bytes;
                                return true;
                              }});
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
  for (const std::size_t bytes : {std::size_t{15'000'000}, std::size_t{70'000'000}}) {
    const std::string source = noise(bytes);
    const auto order = order_for(source);
    const auto broken_off = upload_until(order, bytes / 2);
    ASSERT_FALSE(broken_off);
    EXPECT_EQ(broken_off.error().code, ErrorCode::kCancelled);
    EXPECT_EQ(remembered(), 1u);
    std::optional<std::uint64_t> first;
    const auto outcome = upload(order, {.on_progress = [&](const UploadProgress& now) {
                                  if (!first && now.sent_is_known) first = now.sent_bytes;
                                  return true;
                                }});
    ASSERT_TRUE(outcome) << outcome.error().message;
    EXPECT_GT(first, 0u);
    EXPECT_EQ(blob("raw", outcome->id), source);

    (void)upload_until(order, bytes / 2);
    const auto open = server().ask(server().catalogue().unfinished_uploads());
    ASSERT_GE(open->size(), 1u);
    for (const auto& each : *open) fetch("DELETE", "/files/" + each.id);
    std::string noticed;
    const auto again = upload(order, {.on_notice = [&](std::string_view text) { noticed = text; }});
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_NE(noticed.find("no longer has"), std::string::npos);
    EXPECT_EQ(blob("raw", again->id), source);
    EXPECT_EQ(remembered(), 0u);
  }
}

TEST_P(UploaderTest, PartsBecomeOneVideo) {
  start();
  const std::string source = noise(70'000'001);
  auto order = order_for(source);
  order.visibility = "public";
  const auto outcome = upload(order, {});
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_EQ(blob("raw", outcome->id), source);
  const auto video = server().ask(server().catalogue().video(outcome->id));
  EXPECT_EQ(video->title, "holiday film");
  EXPECT_EQ(video->visibility, store::Visibility::kPublic);
  // Where it was made, not joined there: the id is the whole's of a group.
  EXPECT_FALSE(server().ask(server().catalogue().upload(outcome->id))->parts.empty());
}

TEST_P(UploaderTest, ALateCreationOfAnEarlierRunIsOutlived) {
  start();
  const std::string source = noise(70'000'000);
  // While parts are under way, and when the last bytes have left: then a whole part is replaced.
  for (const std::uint64_t when : {std::uint64_t{1}, source.size()}) {
    const auto order = order_for(source);
    int status = 0;
    UploadObserver observer;
    observer.on_progress = [&](const UploadProgress& now) {
      if (now.sent_bytes >= when && status == 0) status = create_again(source.size());
      return true;
    };
    const auto outcome = upload(order, observer);
    EXPECT_EQ(status, 201);
    ASSERT_TRUE(outcome) << outcome.error().message;
    EXPECT_EQ(blob("raw", outcome->id), source);
  }
}

TEST_P(UploaderTest, AFileThatChangedStartsAnew) {
  start();
  const auto order = order_for(noise(30'000'000));
  (void)upload_until(order, 10'000'000);
  const std::string source = noise(30'000'000, 2);
  (void)order_for(source);
  std::string noticed;
  const auto outcome = upload(order, {.on_notice = [&](std::string_view text) { noticed = text; }});
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_NE(noticed.find("has changed"), std::string::npos);
  EXPECT_EQ(blob("raw", outcome->id), source);
}

TEST_P(UploaderTest, AFileThatShrinksMeanwhileIsAnError) {
  start();
  const auto order = order_for(noise(70'000'000));
  const auto outcome = upload(order, {.on_progress = [&](const UploadProgress& now) {
                                if (now.sent_bytes > 1'000'000)
                                  std::filesystem::resize_file(order.file, 500'000);
                                return true;
                              }});
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::kConflict);
  EXPECT_NE(outcome.error().message.find("changed while it was sent"), std::string::npos);
}

TEST_P(UploaderTest, NobodyThereIsAnErrorAfterAWhile) {
  start();
  auto order = order_for("text");
  order.base_url = "http://127.0.0.1:1";
  std::string trouble;
  const auto outcome = upload(order, {.on_progress = [&](const UploadProgress& now) {
                                if (!now.trouble.empty()) trouble = now.trouble;
                                return true;
                              }});
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::kUnavailable);
  EXPECT_NE(outcome.error().message.find("is the address right"), std::string::npos);
  EXPECT_NE(trouble.find("refused"), std::string::npos);
}

TEST_P(UploaderTest, SaysWhyInTheServersWords) {
  InProcessOptions options;
  options.service.upload_bytes_max = 10;
  start(options);
  const auto outcome = upload(order_for("more than ten bytes"), {});
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::kTooLarge);
  EXPECT_NE(outcome.error().message.find("at most 10 bytes"), std::string::npos);
  auto elsewhere = order_for("text");
  elsewhere.base_url = "ftp://x";
  const auto bad_url = upload(elsewhere, {});
  ASSERT_FALSE(bad_url);
  EXPECT_TRUE(bad_url.error().message.ends_with("and unix:/path")) << bad_url.error().message;
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
