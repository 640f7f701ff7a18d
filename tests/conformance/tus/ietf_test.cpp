/// The IETF draft "Resumable Uploads for HTTP", interop versions 3 to 8: rows R1–R30.

#include "tus_case.hpp"

namespace sf::test {
namespace {

constexpr const char* kPartialUpload = "application/partial-upload";
/// Of "hello world".
constexpr const char* kHelloSha256 = "sha-256=:uU0nuZNNPgilLlLX2n2r+sSE7+N6U4DukIj3rOLvzek=:";
constexpr const char* kOtherSha256 = "sha-256=:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:";

class IetfCase : public TusCase {
 protected:
  explicit IetfCase(std::vector<std::string> flags = {}) : TusCase(std::move(flags)) {}

  /// A request of `version`, without a body of its own framing.
  HttpResponse ietf(std::string_view method, const std::string& target, Fields fields = {},
                    std::string_view body = {}, int version = 8) const {
    fields.emplace_back("Upload-Draft-Interop-Version", std::to_string(version));
    return bare(method, target, fields, body);
  }
  HttpResponse begin(Fields fields = {}, std::string_view body = {}) const {
    fields.emplace_back("Upload-Complete", "?0");
    return bare("POST", "/files", fields, body);
  }
  [[nodiscard]] std::string begun(Fields fields = {}, std::string_view body = {}) const {
    const auto answer = begin(std::move(fields), body);
    EXPECT_EQ(answer.status, 201) << answer.body;
    return answer["Location"];
  }
  HttpResponse add(const std::string& path, std::string_view offset, const char* complete,
                   std::string_view body, Fields fields = {}) const {
    fields.emplace_back("Content-Type", kPartialUpload);
    fields.emplace_back("Upload-Offset", offset);
    fields.emplace_back("Upload-Complete", complete);
    return bare("PATCH", path, fields, body);
  }
  static std::string request(std::string_view method, std::string_view target,
                             std::string_view fields, std::string_view body = {}) {
    return concat(method, ' ', target, " HTTP/1.1\r\nHost: x\r\n", fields, "\r\n", body);
  }
  static std::string type_of(const HttpResponse& answer) {
    const auto at = answer.body.find("http-problem-types#");
    return at == std::string::npos
               ? ""
               : answer.body.substr(at + 19, answer.body.find('"', at) - at - 19);
  }
};

using Ietf = IetfCase;

TEST_P(Ietf, R1_NoInterimResponseWithoutASupportedVersion) {
  for (const char* version :
       {"", "Upload-Draft-Interop-Version: 2\r\n", "Upload-Draft-Interop-Version: 9\r\n",
        "Upload-Draft-Interop-Version: eight\r\n"}) {
    auto http = connect();
    const auto answer = http.exchange(
        request("POST", "/files", concat("Upload-Complete: ?1\r\nContent-Length: 5\r\n", version),
                "hello"));
    EXPECT_EQ(answer.status, 201) << version << answer.body;
  }
}

TEST_P(Ietf, R2R3R5_TheInterimResponseComesBeforeTheBody) {
  for (const char* method : {"POST", "PUT", "PATCH"}) {
    for (int version = 3; version <= 8; ++version) {
      auto http = connect();
      const std::string whole =
          version == 3 ? "Upload-Incomplete: ?0\r\n" : "Upload-Complete: ?1\r\n";
      http.send(request(
          method, "/files",
          concat(whole, "Upload-Draft-Interop-Version: ", version, "\r\nContent-Length: 5\r\n")));
      const auto interim = http.read_response();
      ASSERT_EQ(interim.status, 104) << method << version;
      EXPECT_EQ(interim["Upload-Draft-Interop-Version"], std::to_string(version));
      EXPECT_TRUE(interim["Location"].starts_with("/files/"));
      EXPECT_NE(interim["Upload-Limit"].find("max-age="), std::string::npos);
      EXPECT_FALSE(interim.find("Tus-Resumable"));
      // The upload can be asked for before its bytes came.
      http.send("hello");
      auto last = http.read_response();
      while (last.status == 104) last = http.read_response();
      EXPECT_EQ(last.status, 201);
      EXPECT_EQ(last[version == 3 ? "Upload-Incomplete" : "Upload-Complete"],
                version == 3 ? "?0" : "?1");
      EXPECT_EQ(last["Upload-Offset"], "5");
      EXPECT_EQ(last["Location"], interim["Location"]);
      EXPECT_EQ(bare("GET", interim["Location"]).body, "hello");
      EXPECT_EQ(video(interim["Location"]).body.find("\"uploading\""), std::string::npos);
    }
  }
}

TEST_P(Ietf, R3R17_WhoWasCutAfterTheInterimResponseGoesOn) {
  auto http = connect();
  http.send(request("POST", "/files",
                    "Upload-Complete: ?1\r\nUpload-Draft-Interop-Version: 8\r\n"
                    "Content-Length: 11\r\n"));
  const auto interim = http.read_response();
  ASSERT_EQ(interim.status, 104);
  http.send("hello ");
  http.half_close();
  (void)http.read_to_end();
  const std::string path = interim["Location"];
  const auto state = ietf("HEAD", path);
  EXPECT_EQ(state["Upload-Offset"], "6");
  EXPECT_EQ(state["Upload-Complete"], "?0");
  EXPECT_EQ(state["Upload-Length"], "11") << "R7";
  EXPECT_EQ(bare("GET", path).status, 404);
  EXPECT_EQ(add(path, "6", "?1", "world").status, 200);
  EXPECT_EQ(bare("GET", path).body, "hello world");
}

TEST_P(Ietf, R4_AnIncompleteCreationSaysWhere) {
  for (const char* body : {"", "hello"}) {
    const auto answer = begin({}, body);
    EXPECT_EQ(answer.status, 201);
    EXPECT_TRUE(answer["Location"].starts_with("/files/"));
    EXPECT_NE(answer["Upload-Limit"].find("max-age="), std::string::npos);
    EXPECT_EQ(answer["Upload-Complete"], "?0");
    EXPECT_EQ(answer["Upload-Offset"], std::to_string(std::string_view(body).size()));
    EXPECT_FALSE(answer.find("Tus-Resumable"));
  }
}

TEST_P(Ietf, R5_ACompleteCreationIsAnsweredByTheVideo) {
  const auto answer = bare("POST", "/files",
                           {{"Upload-Complete", "?1"},
                            {"Content-Type", "video/mp4"},
                            {"Content-Disposition", "inline; filename=\"My film.mp4\""}},
                           "hello");
  EXPECT_EQ(answer.status, 201);
  EXPECT_EQ(answer["Upload-Complete"], "?1");
  const std::string id = answer["Location"].substr(7);
  EXPECT_NE(answer.body.find(concat("/api/v1/videos/", id)), std::string::npos) << answer.body;
  EXPECT_NE(video(answer["Location"]).body.find("My film"), std::string::npos);
  const auto empty = bare("POST", "/files", {{"Upload-Complete", "?1"}});
  EXPECT_EQ(empty["Upload-Complete"], "?1");
  EXPECT_EQ(ietf("HEAD", empty["Location"])["Upload-Length"], "0");
}

TEST_P(Ietf, R6_LengthsThatDisagreeAreInconsistent) {
  const auto made =
      bare("POST", "/files", {{"Upload-Complete", "?1"}, {"Upload-Length", "6"}}, "hello");
  EXPECT_EQ(made.status, 400);
  EXPECT_EQ(type_of(made), "inconsistent-upload-length");
  const std::string path = begun({{"Upload-Length", "11"}}, "hello ");
  for (const auto& answer : {add(path, "6", "?0", "wor", {{"Upload-Length", "12"}}),
                             add(path, "6", "?1", "wor"), add(path, "6", "?1", "")}) {
    EXPECT_EQ(answer.status, 400);
    EXPECT_EQ(type_of(answer), "inconsistent-upload-length");
  }
  EXPECT_EQ(ietf("HEAD", path)["Upload-Offset"], "6");
  EXPECT_EQ(add(path, "6", "?1", "world").status, 200);
}

TEST_P(Ietf, R7_TheLengthIsKeptHoweverItBecameKnown) {
  EXPECT_EQ(ietf("HEAD", begun({{"Upload-Length", "11"}}))["Upload-Length"], "11");
  const std::string path = begun({}, "hello ");
  EXPECT_FALSE(ietf("HEAD", path).find("Upload-Length"));
  EXPECT_EQ(add(path, "6", "?0", "wo", {{"Upload-Length", "11"}}).status, 204);
  EXPECT_EQ(ietf("HEAD", path)["Upload-Length"], "11");
  const std::string other = begun({}, "hello ");
  EXPECT_EQ(add(other, "6", "?1", "world").status, 200);
  EXPECT_EQ(ietf("HEAD", other)["Upload-Length"], "11");
}

TEST_P(Ietf, R8_HeadSaysAllAndIsNeverCached) {
  const std::string path = begun({{"Upload-Length", "11"}}, "hello");
  for (const auto& state : {ietf("HEAD", path), bare("HEAD", path)}) {
    EXPECT_TRUE(state.status == 200 || state.status == 204);
    EXPECT_EQ(state["Upload-Offset"], "5");
    EXPECT_EQ(state["Upload-Complete"], "?0");
    EXPECT_EQ(state["Upload-Length"], "11");
    EXPECT_NE(state["Upload-Limit"].find("max-age="), std::string::npos);
    EXPECT_EQ(state["Cache-Control"], "no-store");
  }
  const auto third = ietf("HEAD", path, {}, {}, 3);
  EXPECT_EQ(third["Upload-Incomplete"], "?1");
  for (int version = 3; version <= 8; ++version) {
    EXPECT_EQ(ietf("HEAD", path, {{"Upload-Offset", "5"}}, {}, version).status,
              version <= 5 ? 400 : 204);
    EXPECT_EQ(ietf("HEAD", "/files/none", {}, {}, version).status, 404);
  }
  EXPECT_FALSE(head(path).find("Upload-Complete")) << "a tus client asked";
}

TEST_P(Ietf, R9_GetSaysTheSame) {
  const std::string path = begun({{"Upload-Length", "11"}}, "hello");
  const auto state = ietf("GET", path);
  EXPECT_EQ(state["Upload-Offset"], "5");
  EXPECT_EQ(state["Upload-Complete"], "?0");
  EXPECT_EQ(add(path, "5", "?1", " world").status, 200);
  const auto whole = ietf("GET", path);
  EXPECT_EQ(whole["Upload-Complete"], "?1");
  EXPECT_EQ(whole.body, "hello world");
}

TEST_P(Ietf, R10R11_TheOffsetOfHeadIsTakenAlsoAfterARestart) {
  const std::string path = begun({}, "hello ");
  server_.kill9();
  server_.start();
  const std::string offset = ietf("HEAD", path)["Upload-Offset"];
  EXPECT_EQ(offset, "6");
  EXPECT_EQ(add(path, offset, "?1", "world").status, 200);
  EXPECT_EQ(bare("GET", path).body, "hello world");
}

TEST_P(Ietf, R12R13R14_AppendsUntilOneSaysTheEnd) {
  const std::string path = begun();
  auto answer = add(path, "0", "?0", "hello ");
  EXPECT_EQ(answer.status, 204);
  EXPECT_EQ(answer["Upload-Complete"], "?0");
  EXPECT_EQ(answer["Upload-Offset"], "6");
  answer = add(path, "6", "?0", "world", {{"Upload-Length", "11"}});
  EXPECT_EQ(answer["Upload-Complete"], "?0") << "all bytes, but nobody said so";
  EXPECT_EQ(bare("GET", path).status, 404);
  answer = add(path, "11", "?1", "");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer["Upload-Complete"], "?1");
  EXPECT_EQ(bare("GET", path).body, "hello world");
}

TEST_P(Ietf, R12_OlderVersionsHaveTheirWords) {
  for (int version = 3; version <= 8; ++version) {
    const char* word = version == 3 ? "Upload-Incomplete" : "Upload-Complete";
    const std::string yes = version == 3 ? "?0" : "?1";
    const std::string no = version == 3 ? "?1" : "?0";
    const auto made = ietf("POST", "/files", {{word, no}}, {}, version);
    ASSERT_EQ(made.status, 201) << version;
    EXPECT_EQ(made["Upload-Offset"], "0");
    const std::string path = made["Location"];
    Fields fields = {{word, no}, {"Upload-Offset", "0"}};
    if (version >= 6) fields.emplace_back("Content-Type", kPartialUpload);
    auto answer = ietf("PATCH", path, fields, "hello ", version);
    EXPECT_EQ(answer.status, version <= 6 ? 201 : 204) << version;
    EXPECT_EQ(answer["Upload-Offset"], "6");
    EXPECT_EQ(answer[word], no);
    fields[0].second = yes;
    answer = ietf("PATCH", path, fields, "world", version);
    EXPECT_EQ(answer.status, 409) << version;
    EXPECT_EQ(answer["Upload-Offset"], "6");
    fields[1].second = "6";
    answer = ietf("PATCH", path, fields, "world", version);
    EXPECT_EQ(answer.status, 200) << version << answer.body;
    EXPECT_EQ(answer[word], yes);
    EXPECT_EQ(bare("GET", path).body, "hello world");
  }
}

TEST_P(Ietf, R12_AppendsCarryTheirMediaType) {
  const std::string path = begun();
  EXPECT_EQ(bare("PATCH", path, {{"Upload-Complete", "?0"}, {"Upload-Offset", "0"}}, "x").status,
            415);
  EXPECT_EQ(ietf("HEAD", path)["Upload-Offset"], "0");
}

TEST_P(Ietf, R15_AWrongOffsetIsToldTheRightOne) {
  const std::string path = begun({}, "hello");
  for (const char* complete : {"?0", "?1"}) {
    const auto answer = add(path, "7", complete, "x");
    EXPECT_EQ(answer.status, 409);
    EXPECT_EQ(answer["Upload-Offset"], "5");
    EXPECT_EQ(answer["Upload-Complete"], "?0");
    EXPECT_EQ(type_of(answer), "mismatching-upload-offset");
    EXPECT_NE(answer.body.find("\"expected-offset\":5"), std::string::npos) << answer.body;
    EXPECT_NE(answer.body.find("\"provided-offset\":7"), std::string::npos);
  }
  EXPECT_EQ(ietf("HEAD", path)["Upload-Offset"], "5");
}

TEST_P(Ietf, R16_BytesPastTheLengthVoidTheUpload) {
  const std::string sized = begun({{"Upload-Length", "8"}}, "hello");
  auto answer = add(sized, "5", "?0", " world");
  EXPECT_EQ(answer.status, 400);
  EXPECT_EQ(type_of(answer), "inconsistent-upload-length");
  EXPECT_EQ(ietf("HEAD", sized).status, 404);
  EXPECT_EQ(add(sized, "5", "?0", "x").status, 404);
  EXPECT_EQ(video(sized).status, 404);

  const std::string chunked = begun({{"Upload-Length", "8"}}, "hello");
  auto http = connect();
  answer = http.exchange(request("PATCH", chunked,
                                 concat("Content-Type: ", kPartialUpload,
                                        "\r\nUpload-Offset: 5\r\nUpload-Complete: ?1\r\n"
                                        "Transfer-Encoding: chunked\r\n"),
                                 "6\r\n world\r\n0\r\n\r\n"));
  EXPECT_EQ(answer.status, 400);
  EXPECT_EQ(ietf("HEAD", chunked).status, 404);
  EXPECT_EQ(begin({{"Upload-Length", "4"}}, "hello").status, 400);
}

TEST_P(Ietf, R17_ACutAppendKeepsItsPrefix) {
  const std::string source = noise(300'000);
  const std::string path = begun({{"Upload-Length", std::to_string(source.size())}});
  {
    auto http = connect();
    http.send(request("PATCH", path,
                      concat("Content-Type: ", kPartialUpload, "\r\nUpload-Offset: 0\r\n",
                             "Upload-Complete: ?1\r\nContent-Length: ", source.size(), "\r\n"),
                      std::string_view(source).substr(0, 200'001)));
    http.half_close();
    (void)http.read_to_end();
  }
  const auto state = ietf("HEAD", path);
  EXPECT_EQ(state["Upload-Offset"], "200001");
  EXPECT_EQ(state["Upload-Complete"], "?0");
  EXPECT_EQ(add(path, "200001", "?1", std::string_view(source).substr(200'001)).status, 200);
  EXPECT_EQ(bare("GET", path).body, source);
}

TEST_P(Ietf, R18_ALongAppendIsToldWhatIsDurable) {
  const std::string source = noise(40 << 20);
  const std::string path = begun();
  auto http = connect();
  http.send(request("PATCH", path,
                    concat("Content-Type: ", kPartialUpload, "\r\nUpload-Offset: 0\r\n",
                           "Upload-Complete: ?1\r\nUpload-Draft-Interop-Version: 8\r\n",
                           "Content-Length: ", source.size(), "\r\n")));
  // All but the last byte: what follows then is news, and nothing else.
  http.send(std::string_view(source).substr(0, source.size() - 1));
  std::uint64_t told = 0;
  while (told < source.size() - 1) {
    const auto interim = http.read_response();
    ASSERT_EQ(interim.status, 104) << interim.body;
    EXPECT_EQ(interim["Upload-Draft-Interop-Version"], "8");
    EXPECT_FALSE(interim.find("Location"));
    const auto offset = parse_decimal(interim["Upload-Offset"]);
    ASSERT_TRUE(offset);
    EXPECT_GE(*offset, told);
    told = *offset;
  }
  server_.kill9();
  server_.start();
  EXPECT_EQ(ietf("HEAD", path)["Upload-Offset"], std::to_string(told)) << "durable";
  EXPECT_EQ(add(path, std::to_string(told), "?1", std::string_view(source).substr(told)).status,
            200);
  EXPECT_EQ(bare("GET", path).body, source);
}

TEST_P(Ietf, R19_ContinueIsSentAlsoAfterAnInterimResponse) {
  auto http = connect();
  http.send(request("POST", "/files",
                    "Upload-Complete: ?1\r\nUpload-Draft-Interop-Version: 8\r\n"
                    "Content-Length: 5\r\nExpect: 100-continue\r\n"));
  EXPECT_EQ(http.read_response().status, 104);
  EXPECT_EQ(http.read_response().status, 100);
  http.send("hello");
  EXPECT_EQ(http.read_response().status, 201);
}

TEST_P(Ietf, R20R21_ANewRequestEndsTheOldOne) {
  for (const char* method : {"HEAD", "PATCH", "DELETE"}) {
    const std::string path = begun({{"Upload-Length", "11"}});
    auto hung = connect();
    hung.send(request("PATCH", path,
                      concat("Content-Type: ", kPartialUpload, "\r\nUpload-Offset: 0\r\n",
                             "Upload-Complete: ?1\r\nContent-Length: 11\r\n"),
                      "hello "));
    // Its bytes are read once the checkpoint has made them durable.
    while (video(path).body.find("\"received_bytes\":6") == std::string::npos) {
    }
    if (method == std::string("DELETE")) {
      EXPECT_EQ(ietf("DELETE", path).status, 204);
      EXPECT_EQ(ietf("HEAD", path).status, 404);
    } else if (method == std::string("HEAD")) {
      EXPECT_EQ(ietf("HEAD", path)["Upload-Offset"], "6");
    } else {
      EXPECT_EQ(add(path, "6", "?1", "world").status, 200);
    }
    EXPECT_EQ(hung.read_response().status, 423) << method;
  }
}

TEST_P(Ietf, R21_DeleteDeactivates) {
  for (int version = 3; version <= 8; ++version) {
    const std::string path = begun({}, "hello");
    if (version <= 5) {
      EXPECT_EQ(ietf("DELETE", path, {{"Upload-Complete", "?0"}}, {}, version).status, 400);
    }
    EXPECT_EQ(ietf("DELETE", path, {}, {}, version).status, 204);
    EXPECT_EQ(ietf("HEAD", path, {}, {}, version).status, 404);
    EXPECT_EQ(add(path, "5", "?1", "x").status, 404);
  }
}

TEST_P(Ietf, R22_OptionsSaysWhatIsTaken) {
  for (const auto& answer :
       {bare("OPTIONS", "/files"), ietf("OPTIONS", "/files"), bare("OPTIONS", begun())}) {
    EXPECT_EQ(answer.status, 204);
    EXPECT_EQ(answer["Accept-Patch"], kPartialUpload);
    EXPECT_NE(answer["Upload-Limit"].find("max-age="), std::string::npos);
  }
}

TEST_P(Ietf, R25_MalformedFieldsAreAbsent) {
  const std::string path = begun({{"Upload-Length", "-1"}}, "hello");
  EXPECT_FALSE(ietf("HEAD", path).find("Upload-Length"));
  for (const char* offset : {"-1", "\"5\"", "5.0", "+5", "0x5", "5 5"}) {
    EXPECT_EQ(add(path, offset, "?0", "x").status, 400) << offset;
  }
  for (const char* word : {"true", "1", "?2", "\"?1\""}) {
    EXPECT_EQ(bare("POST", "/files", {{"Upload-Complete", word}}, "x").status, 400) << word;
  }
  EXPECT_EQ(add(path, "5", "true", "!").status, 204);
  EXPECT_EQ(ietf("HEAD", path)["Upload-Complete"], "?0") << "the end was not said";
}

TEST_P(Ietf, R26_NothingIsAppendedToWhatIsComplete) {
  const auto made = bare("POST", "/files", {{"Upload-Complete", "?1"}}, "hello");
  const std::string path = made["Location"];
  for (const char* complete : {"?0", "?1"}) {
    const auto answer = add(path, "5", complete, "x");
    EXPECT_EQ(answer.status, 400);
    EXPECT_EQ(type_of(answer), "completed-upload");
  }
  EXPECT_EQ(add(path, "5", "?0", "").status, 400);
  const auto again = add(path, "5", "?1", "");
  EXPECT_EQ(again.status, 200) << "the answer that was lost";
  EXPECT_EQ(again["Upload-Complete"], "?1");
  EXPECT_EQ(bare("GET", path).body, "hello");
}

TEST_P(Ietf, R27_AWholeThatIsNotWhatWasAnnouncedFails) {
  const std::string good = begun({{"Repr-Digest", kHelloSha256}}, "hello ");
  auto answer = add(good, "6", "?1", "world");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer["Repr-Digest"], kHelloSha256);

  const std::string bad = begun({{"Repr-Digest", kOtherSha256}}, "hello ");
  answer = add(bad, "6", "?1", "world");
  EXPECT_EQ(answer.status, 400);
  EXPECT_EQ(type_of(answer), "digest-mismatching-value");
  EXPECT_EQ(ietf("HEAD", bad).status, 404);
  EXPECT_EQ(video(bad).status, 404);

  answer = bare("POST", "/files", {{"Upload-Complete", "?1"}, {"Want-Repr-Digest", "sha-256=5"}},
                "hello world");
  EXPECT_EQ(answer.status, 201);
  EXPECT_EQ(answer["Repr-Digest"], kHelloSha256);
  const auto short_one = begin({{"Repr-Digest", "sha-256=:AAAA:"}});
  EXPECT_EQ(short_one.status, 400);
  EXPECT_EQ(type_of(short_one), "digest-invalid-value");
}

TEST_P(Ietf, R28_AnAppendThatIsNotWhatWasAnnouncedIsDropped) {
  const std::string path = begun();
  auto answer = add(path, "0", "?1", "hello worlD", {{"Content-Digest", kHelloSha256}});
  EXPECT_EQ(answer.status, 400);
  EXPECT_EQ(type_of(answer), "digest-mismatching-value");
  EXPECT_EQ(answer["Upload-Offset"], "0");
  EXPECT_EQ(ietf("HEAD", path)["Upload-Offset"], "0");
  answer = add(path, "0", "?1", "hello world", {{"Content-Digest", kHelloSha256}});
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(bare("GET", path).body, "hello world");
  EXPECT_EQ(bare("POST", "/files", {{"Upload-Complete", "?1"}, {"Content-Digest", kOtherSha256}},
                 "hello world")
                .status,
            400);
}

TEST_P(Ietf, R28_ACutAppendWithADigestLeavesNothing) {
  const std::string path = begun();
  auto http = connect();
  http.send(request("PATCH", path,
                    concat("Content-Type: ", kPartialUpload, "\r\nUpload-Offset: 0\r\n",
                           "Upload-Complete: ?1\r\nUpload-Draft-Interop-Version: 8\r\n",
                           "Content-Digest: ", kHelloSha256, "\r\nContent-Length: 11\r\n"),
                    "hello "));
  EXPECT_FALSE(http.has_bytes_within(800)) << "no 104 for what is not verified";
  http.half_close();
  (void)http.read_to_end();
  EXPECT_EQ(ietf("HEAD", path)["Upload-Offset"], "0");
}

TEST_P(Ietf, R29_OffsetsCountCodedBytesWithoutChunkFraming) {
  auto http = connect();
  const auto made = http.exchange(
      request("POST", "/files",
              "Upload-Complete: ?1\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n",
              "4\r\ncode\r\n1\r\nd\r\n0\r\n\r\n"));
  EXPECT_EQ(made.status, 201);
  EXPECT_EQ(made["Upload-Offset"], "5");
  EXPECT_EQ(bare("GET", made["Location"]).body, "coded");
}

TEST_P(Ietf, TheDialectThatMadeAnUploadDecidesHowItEnds) {
  const std::string by_tus = create(11);
  EXPECT_EQ(add(by_tus, "0", "?0", "hello ").status, 204);
  const auto last = add(by_tus, "6", "?0", "world");
  EXPECT_EQ(last["Upload-Complete"], "?1") << "all bytes are there";
  EXPECT_EQ(bare("GET", by_tus).body, "hello world");

  const std::string by_ietf = begun({{"Upload-Length", "11"}});
  EXPECT_EQ(patch(by_ietf, "0", "hello world").status, 204);
  EXPECT_EQ(head(by_ietf)["Upload-Offset"], "11");
  EXPECT_EQ(bare("GET", by_ietf).status, 404) << "nobody said that it is whole";
  EXPECT_EQ(add(by_ietf, "11", "?1", "").status, 200);
  EXPECT_EQ(bare("GET", by_ietf).body, "hello world");
}

TEST_P(Ietf, R10_AnEndThatWasNotSaidIsNotGuessedAtByARestart) {
  const std::string path = begun({{"Upload-Length", "5"}}, "hello");
  server_.kill9();
  server_.start();
  EXPECT_EQ(ietf("HEAD", path)["Upload-Complete"], "?0");
  EXPECT_EQ(bare("GET", path).status, 404);
  EXPECT_EQ(add(path, "5", "?1", "").status, 200);
}

TEST_P(Ietf, R30_AddressesCannotBeGuessed) {
  const std::string first = begun();
  const std::string second = begun();
  EXPECT_EQ(first.size(), std::string("/files/").size() + 26);
  EXPECT_NE(first.substr(first.size() - 16), second.substr(second.size() - 16));
}

class IetfWithLimit : public IetfCase {
 protected:
  IetfWithLimit() : IetfCase({"--upload-max-bytes", "10"}) {}
};

TEST_P(IetfWithLimit, R23R24_LimitsAreToldAndHold) {
  EXPECT_TRUE(bare("OPTIONS", "/files")["Upload-Limit"].starts_with("max-size=10, max-age="));
  const std::string path = begun({}, "hello");
  EXPECT_TRUE(ietf("HEAD", path)["Upload-Limit"].starts_with("max-size=10"));
  for (const auto& answer : {begin({{"Upload-Length", "11"}}), add(path, "5", "?1", "world!"),
                             add(path, "5", "?0", "world!"), begin({}, "hello world")}) {
    EXPECT_EQ(answer.status, 413);
    EXPECT_TRUE(answer["Upload-Limit"].starts_with("max-size=10")) << answer["Upload-Limit"];
  }
  EXPECT_EQ(ietf("HEAD", path)["Upload-Offset"], "5");
  EXPECT_EQ(add(path, "5", "?1", "world").status, 200);
}

SF_ON_BOTH_BACKENDS(Ietf);
SF_ON_BOTH_BACKENDS(IetfWithLimit);

}  // namespace
}  // namespace sf::test
