/// POST: creation, with and without the first bytes, and with a deferred length: rows N1–N23, C27.

#include "tus_case.hpp"

namespace sf::test {
namespace {

using TusPost = TusCase;

TEST_P(TusPost, N1N23_MakesAnUploadAtARelativeLocation) {
  const auto answer = post({{"Upload-Length", "10"}});
  EXPECT_EQ(answer.status, 201);
  EXPECT_TRUE(answer["Location"].starts_with("/files/")) << answer["Location"];
  EXPECT_EQ(offset(answer["Location"]), "0");
  EXPECT_NE(post({{"Upload-Length", "10"}})["Location"], answer["Location"]);
}

TEST_P(TusPost, N2N3N4C27_RefusesLengthsThatAreNone) {
  EXPECT_EQ(post({}).status, 400) << "N2";
  for (const char* word : {"2", "0", "x", ""}) {
    EXPECT_EQ(post({{"Upload-Defer-Length", word}}).status, 400) << "N3: " << word;
  }
  EXPECT_EQ(post({{"Upload-Length", "5"}, {"Upload-Defer-Length", "1"}}).status, 400) << "N4";
  for (const char* number : {"+5", "5.0", "0x5", "", "-1", "5 5", "9223372036854775808"}) {
    EXPECT_EQ(post({{"Upload-Length", number}}).status, 400) << "C27: " << number;
  }
}

TEST_P(TusPost, N5_NothingIsCompleteAtOnce) {
  const std::string path = create(0, {{"Upload-Metadata", "filename YS5tcDQ="}});
  const auto state = head(path);
  EXPECT_EQ(state["Upload-Offset"], "0");
  EXPECT_EQ(state["Upload-Length"], "0");
  const auto record = video(path);
  EXPECT_EQ(record.status, 200);
  EXPECT_EQ(record.body.find("\"status\":\"uploading\""), std::string::npos) << record.body;
}

TEST_P(TusPost, N7N9_MetadataComesBackAsItWent) {
  for (const char* field : {"filename YQ==,flag", "k ,x Yg==", "a YQ==,b Yg==,c"}) {
    EXPECT_EQ(head(create(5, {{"Upload-Metadata", field}}))["Upload-Metadata"], field);
  }
  EXPECT_FALSE(head(create(5)).find("Upload-Metadata"));
}

TEST_P(TusPost, N8_RefusesMetadataThatWouldBeLost) {
  for (const char* field : {"a YQ==,a Yg==", "a YQ==,,b Yg==", "a YQ=", "a !!!!",
                            "a  YQ==", "a YQ==, b Yg==", "a YQ== Yg=="}) {
    EXPECT_EQ(post({{"Upload-Length", "5"}, {"Upload-Metadata", field}}).status, 400) << field;
  }
}

TEST_P(TusPost, N10_MetadataCannotEscape) {
  const std::string name = "../../a\r\nSet-Cookie: x=1\0.mp4";
  const std::string field = "filename " + to_base64(as_bytes(name));
  const std::string path = create(0, {{"Upload-Metadata", field}});
  const auto whole = bare("GET", path);
  EXPECT_EQ(whole.status, 200);
  EXPECT_FALSE(whole.find("Set-Cookie"));
  EXPECT_EQ(whole["Content-Disposition"].find(".."), std::string::npos);
  EXPECT_EQ(video(path).body.find("../"), std::string::npos);
  const auto large = bare("POST", "/files",
                          {{"Tus-Resumable", "1.0.0"},
                           {"Upload-Length", "5"},
                           {"Upload-Metadata", "a " + std::string(65536, 'A')}});
  EXPECT_EQ(large.status, 431);
  EXPECT_EQ(
      post({{"Upload-Length", "5"}, {"Upload-Metadata", "a " + std::string(12000, 'A')}}).status,
      431);
}

TEST_P(TusPost, N11N12N13_ALengthMayComeLater) {
  const auto made = post({{"Upload-Defer-Length", "1"}});
  ASSERT_EQ(made.status, 201);
  const std::string path = made["Location"];
  auto state = head(path);
  EXPECT_EQ(state["Upload-Defer-Length"], "1");
  EXPECT_FALSE(state.find("Upload-Length"));
  EXPECT_EQ(patch(path, "0", "hello ", {{"Upload-Length", "11"}}).status, 204);
  state = head(path);
  EXPECT_EQ(state["Upload-Length"], "11");
  EXPECT_FALSE(state.find("Upload-Defer-Length"));
  EXPECT_EQ(patch(path, "6", "world", {{"Upload-Length", "12"}}).status, 400);
  EXPECT_EQ(offset(path), "6");
  EXPECT_EQ(patch(path, "6", "world", {{"Upload-Length", "11"}}).status, 204);
  EXPECT_EQ(bare("GET", path).body, "hello world");
  EXPECT_EQ(patch(create(5), "0", "x", {{"Upload-Length", "6"}}).status, 400);
}

TEST_P(TusPost, N14_ADeclaredLengthIsNotBelowWhatIsThere) {
  const std::string path = post({{"Upload-Defer-Length", "1"}})["Location"];
  EXPECT_EQ(patch(path, "0", "hello").status, 204);
  EXPECT_EQ(patch(path, "5", "", {{"Upload-Length", "4"}}).status, 400);
  EXPECT_EQ(head(path)["Upload-Defer-Length"], "1");
}

TEST_P(TusPost, N16_AnEmptyPatchMayDeclareTheEnd) {
  const std::string path = post({{"Upload-Defer-Length", "1"}})["Location"];
  EXPECT_EQ(patch(path, "0", "hello").status, 204);
  EXPECT_EQ(patch(path, "5", "", {{"Upload-Length", "5"}}).status, 204);
  EXPECT_EQ(bare("GET", path).body, "hello");
}

TEST_P(TusPost, N17N18_TheFirstBytesMayComeAlong) {
  const Fields with = {{"Upload-Length", "11"}, {"Content-Type", std::string(kBodyType)}};
  const auto part = post(with, "hello");
  EXPECT_EQ(part.status, 201);
  EXPECT_EQ(part["Upload-Offset"], "5");
  EXPECT_EQ(patch(part["Location"], "5", " world").status, 204);
  EXPECT_EQ(bare("GET", part["Location"]).body, "hello world");
  const auto whole = post(with, "hello world");
  EXPECT_EQ(whole["Upload-Offset"], "11");
  EXPECT_EQ(bare("GET", whole["Location"]).body, "hello world");
  EXPECT_EQ(post(with, "hello world!").status, 413) << "C20";
}

TEST_P(TusPost, N19_AnotherContentTypeIsNoBody) {
  const auto answer = post({{"Upload-Length", "5"}, {"Content-Type", "text/plain"}}, "hello");
  EXPECT_EQ(answer.status, 201);
  EXPECT_EQ(offset(answer["Location"]), "0");
}

TEST_P(TusPost, N20_Asks100OnlyForABodyItTakes) {
  const std::string fields =
      concat("Content-Type: ", kBodyType, "\r\nContent-Length: 5\r\nExpect: 100-continue\r\n");
  auto good = connect();
  good.send(head_of("POST", "/files", fields + "Upload-Length: 5\r\n"));
  EXPECT_EQ(good.read_response().status, 100);
  good.send("hello");
  EXPECT_EQ(good.read_response().status, 201);
  auto bad = connect();
  bad.send(head_of("POST", "/files", fields + "Upload-Length: 4\r\n"));
  EXPECT_EQ(bad.read_response().status, 413);
}

TEST_P(TusPost, K8_ADigestHoldsForTheFirstBytesToo) {
  const Fields with = {{"Upload-Length", "11"},
                       {"Content-Type", std::string(kBodyType)},
                       {"Upload-Checksum", kHelloSha1}};
  EXPECT_EQ(post(with, "hello world").status, 201);
  EXPECT_EQ(post(with, "hello worlD").status, 460);
  EXPECT_NE(bare("GET", "/api/v1/videos").body.find("\"next_cursor\""), std::string::npos);
}

SF_ON_BOTH_BACKENDS(TusPost);

}  // namespace
}  // namespace sf::test
