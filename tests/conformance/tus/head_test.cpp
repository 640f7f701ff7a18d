/// HEAD, versions and the method override: rows C1–C3, C9–C13.

#include "tus_case.hpp"

namespace sf::test {
namespace {

using TusHead = TusCase;

TEST_P(TusHead, C1_EveryAnswerCarriesTheVersion) {
  // `tus` itself expects it.
  tus("GET", "/files");
  tus("PUT", "/files");
  tus("GET", "/files/nothing");
  tus("PATCH", "/files/nothing");
  tus("DELETE", "/files/nothing");
  tus("POST", "/files/a/b");
  EXPECT_EQ(bare("POST", "/files")["Tus-Resumable"], "1.0.0");
}

TEST_P(TusHead, C2_AnotherVersionIs412AndNothingIsDone) {
  const std::string path = create(5);
  const Fields other = {{"Tus-Resumable", "0.2.2"},
                        {"Upload-Length", "5"},
                        {"Upload-Offset", "0"},
                        {"Content-Type", std::string(kBodyType)}};
  for (const char* method : {"PATCH", "DELETE", "HEAD", "GET"}) {
    const auto answer = bare(method, path, other, method == std::string("PATCH") ? "hello" : "");
    EXPECT_EQ(answer.status, 412) << method;
    EXPECT_EQ(answer["Tus-Version"], "1.0.0") << method;
  }
  const auto posted = bare("POST", "/files", other);
  EXPECT_EQ(posted.status, 412);
  EXPECT_FALSE(posted.find("Location"));
  EXPECT_EQ(offset(path), "0");
}

TEST_P(TusHead, C3_NoVersionIs412ExceptForHeadAndGet) {
  const std::string path = create(0);
  EXPECT_EQ(bare("POST", "/files", {{"Upload-Length", "5"}}).status, 412);
  EXPECT_EQ(bare("PATCH", path, {{"Upload-Offset", "0"}}).status, 412);
  EXPECT_EQ(bare("DELETE", path).status, 412);
  EXPECT_EQ(bare("HEAD", path).status, 200);
  EXPECT_EQ(bare("GET", path).status, 200);
}

TEST_P(TusHead, C9_PostCanMeanPatchHeadAndDelete) {
  const std::string path = create(5);
  const auto meant = [&](const char* method, Fields fields, std::string_view body) {
    fields.emplace_back("X-HTTP-Method-Override", method);
    return tus("POST", path, std::move(fields), body);
  };
  const auto patched =
      meant("PATCH", {{"Upload-Offset", "0"}, {"Content-Type", std::string(kBodyType)}}, "hel");
  EXPECT_EQ(patched.status, 204);
  EXPECT_EQ(patched["Upload-Offset"], "3");
  const auto asked = meant("HEAD", {}, "");
  EXPECT_EQ(asked.status, 200);
  EXPECT_EQ(asked["Upload-Offset"], "3");
  EXPECT_EQ(meant("DELETE", {}, "").status, 204);
  EXPECT_EQ(head(path).status, 404);
  EXPECT_EQ(tus("POST", path).status, 405) << "without it there is nothing to POST to";
}

TEST_P(TusHead, C10C11C12_TellsTheWholeState) {
  const std::string path = create(5);
  for (const char* at : {"0", "2", "5"}) {
    const auto state = head(path);
    EXPECT_EQ(state.status, 200);
    EXPECT_EQ(state["Upload-Offset"], at);
    EXPECT_EQ(state["Upload-Length"], "5");
    EXPECT_EQ(state["Cache-Control"], "no-store");
    if (*at == '5') break;
    EXPECT_EQ(patch(path, at, *at == '0' ? "he" : "llo").status, 204);
  }
}

TEST_P(TusHead, C13_UnknownUploadsHaveNoOffset) {
  for (const char* path : {"/files/unknown", "/files/00000000000000000000000000", "/files/a/b",
                           "/files/%00", "/files/%2e%2e%2fmeta"}) {
    const auto state = bare("HEAD", path, {{"Tus-Resumable", "1.0.0"}});
    EXPECT_TRUE(state.status == 404 || state.status == 400) << path << ": X3";
    EXPECT_FALSE(state.find("Upload-Offset")) << path;
  }
}

SF_ON_BOTH_BACKENDS(TusHead);

}  // namespace
}  // namespace sf::test
