/// Upload-Concat: rows A1–A17.

#include "support/eventually.hpp"
#include "tus_case.hpp"

namespace sf::test {
namespace {

class TusConcatenation : public TusCase {
 protected:
  [[nodiscard]] std::string partial(std::string_view body, Fields fields = {}) const {
    fields.emplace_back("Upload-Concat", "partial");
    const std::string path = create(body.size(), std::move(fields));
    EXPECT_EQ(patch(path, "0", body).status, 204);
    return path;
  }
  HttpResponse join(const std::string& urls, Fields fields = {}) const {
    fields.emplace_back("Upload-Concat", "final;" + urls);
    return post(std::move(fields));
  }
  /// The final's bytes, once its parts are one file.
  [[nodiscard]] std::string bytes_of(const std::string& path) const {
    HttpResponse whole;
    EXPECT_TRUE(eventually([&] { return (whole = bare("GET", path)).status == 200; }));
    return whole.body;
  }
};

TEST_P(TusConcatenation, A1A14_APartialIsNoVideo) {
  const std::string path = create(5, {{"Upload-Concat", "partial"}});
  const auto state = head(path);
  EXPECT_EQ(state["Upload-Concat"], "partial");
  EXPECT_EQ(state["Upload-Offset"], "0");
  EXPECT_EQ(patch(path, "0", "hello").status, 204);
  EXPECT_EQ(video(path).status, 404);
}

TEST_P(TusConcatenation, A2A4A5A6A8A11_JoinsInTheOrderOfTheList) {
  const std::string a = partial(noise(300'001, 1), {{"Upload-Metadata", "filename eA=="}});
  const std::string b = partial(noise(5, 2));
  const std::string urls = b + " http://elsewhere.example" + a + " " + b;
  const auto made = join(urls, {{"Upload-Metadata", "filename Zi5tcDQ="}});
  ASSERT_EQ(made.status, 201) << made.body;
  EXPECT_EQ(made["Upload-Concat"], "final;" + urls);
  const std::string path = made["Location"];
  const auto state = head(path);
  EXPECT_EQ(state["Upload-Offset"], "300011");
  EXPECT_EQ(state["Upload-Length"], "300011");
  EXPECT_EQ(state["Upload-Concat"], "final;" + urls);
  EXPECT_EQ(state["Upload-Metadata"], "filename Zi5tcDQ=");
  EXPECT_EQ(tus("DELETE", a).status, 204) << "a part may go at once";
  EXPECT_TRUE(bytes_of(path) == noise(5, 2) + noise(300'001, 1) + noise(5, 2));
  EXPECT_EQ(bytes_of(join(b)["Location"]), noise(5, 2)) << "A5: and be used again";
}

TEST_P(TusConcatenation, A3A12A15_RefusesWhatIsNoFinal) {
  const std::string part = partial("abc");
  EXPECT_EQ(join(part, {{"Upload-Length", "3"}}).status, 400) << "A3";
  EXPECT_EQ(join("").status, 400) << "A12";
  EXPECT_EQ(post({{"Upload-Concat", "other"}}).status, 400) << "A12";
  EXPECT_EQ(join("/files/00000000000000000000000000").status, 404) << "A12";
  EXPECT_EQ(join(part + " /files/../../etc/passwd").status, 404) << "A12";
  const std::string plain = create(3);
  ASSERT_EQ(patch(plain, "0", "abc").status, 204);
  EXPECT_EQ(join(plain).status, 400) << "A12";
  EXPECT_EQ(
      post({{"Upload-Concat", "final;" + part}, {"Content-Type", std::string(kBodyType)}}, "abc")
          .status,
      403)
      << "A15";
}

TEST_P(TusConcatenation, A9_AFinalTakesNoBytes) {
  const std::string part = partial("abc");
  const std::string path = join(part)["Location"];
  EXPECT_EQ(patch(path, "0", "x").status, 403);
  EXPECT_EQ(patch(path, "3", "x").status, 403);
  EXPECT_EQ(offset(part), "3");
  EXPECT_EQ(bytes_of(path), "abc");
}

TEST_P(TusConcatenation, A7A10A16_AFinalMayComeBeforeItsParts) {
  const std::string part = create(3, {{"Upload-Concat", "partial"}});
  const std::string open =
      post({{"Upload-Concat", "partial"}, {"Upload-Defer-Length", "1"}})["Location"];
  const auto made = join(part + " " + open);
  ASSERT_EQ(made.status, 201) << made.body;
  EXPECT_EQ(made["Upload-Offset"], "");
  const std::string path = made["Location"];
  EXPECT_EQ(head(path)["Upload-Offset"], "") << "A7";
  EXPECT_EQ(head(path)["Upload-Length"], "");
  EXPECT_EQ(video(path).status, 200) << "the list shows it as uploading";
  EXPECT_EQ(patch(path, "0", "x").status, 403) << "A9";
  ASSERT_EQ(patch(open, "0", "de").status, 204);
  ASSERT_EQ(patch(open, "2", "", {{"Upload-Length", "2"}}).status, 204) << "A16";
  EXPECT_EQ(head(path)["Upload-Length"], "5") << "A8: the sum is known before the bytes are there";
  EXPECT_EQ(head(path)["Upload-Offset"], "");
  ASSERT_EQ(patch(part, "0", "abc").status, 204);
  EXPECT_EQ(bytes_of(path), "abcde");
  EXPECT_EQ(head(path)["Upload-Offset"], "5");
}

TEST_P(TusConcatenation, A10_AnUnfinishedFinalSurvivesKill9) {
  const std::string a = create(200'000, {{"Upload-Concat", "partial"}});
  const std::string b = partial(noise(100'001, 2));
  const std::string path = join(a + " " + b + " " + a)["Location"];
  server_.kill9();
  server_.start();
  EXPECT_EQ(head(path)["Upload-Length"], "500001");
  EXPECT_EQ(head(path)["Upload-Offset"], "");
  ASSERT_EQ(patch(a, "0", noise(200'000, 1)).status, 204);
  EXPECT_TRUE(bytes_of(path) == noise(200'000, 1) + noise(100'001, 2) + noise(200'000, 1));
}

TEST_P(TusConcatenation, A10_WithoutAPartAnUnfinishedFinalGoesToo) {
  const std::string a = create(5, {{"Upload-Concat", "partial"}});
  const std::string path = join(partial("abc") + " " + a)["Location"];
  ASSERT_EQ(head(path).status, 200);
  ASSERT_EQ(tus("DELETE", a).status, 204);
  EXPECT_TRUE(eventually([&] { return head(path).status != 200; }));
  EXPECT_EQ(head(path).status, 404);
  EXPECT_EQ(video(path).status, 404);
}

TEST_P(TusConcatenation, A17_AVeryLongListIsRefusedByItsSize) {
  std::string urls;
  for (int n = 0; n < 1000; ++n) urls += "/files/00000000000000000000000000 ";
  EXPECT_EQ(bare("POST", "/files", {{"Tus-Resumable", "1.0.0"}, {"Upload-Concat", "final;" + urls}})
                .status,
            431);
}

TEST_P(TusConcatenation, PartsAndFinalsSurviveKill9) {
  const std::string a = partial(noise(200'000, 1));
  const std::string b = partial(noise(100'001, 2));
  server_.kill9();
  server_.start();
  EXPECT_EQ(offset(a), "200000");
  const std::string path = join(a + " " + b)["Location"];
  server_.kill9();
  server_.start();
  EXPECT_TRUE(bytes_of(path) == noise(200'000, 1) + noise(100'001, 2));
}

SF_ON_BOTH_BACKENDS(TusConcatenation);

}  // namespace
}  // namespace sf::test
