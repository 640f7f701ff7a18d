/// Which requests are recognised by their bytes, and when an answer is given again.

#include "quick_answers.hpp"

#include <gtest/gtest.h>

#include "parser.hpp"

namespace sf::http {
namespace {

constexpr std::string_view kContent = "0123456789";

class QuickAnswersTest : public testing::Test {
 protected:
  /// A reusable answer to GET `target`.
  std::shared_ptr<Reuse> reuse(std::string etag = "\"a\"") {
    auto made = std::make_shared<Reuse>();
    made->representation.content_type = "video/mp2t";
    made->representation.etag = std::move(etag);
    made->representation.bytes = SharedBytes{nullptr, as_bytes(kContent)};
    made->version = &version;
    made->seen = version.load();
    return made;
  }
  void keep(std::string_view target, std::shared_ptr<const Reuse> made,
            std::string_view encodings = {}) {
    Request request;
    request.target = target;
    if (!encodings.empty()) request.headers.add("accept-encoding", std::string(encodings));
    Response response = respond(request, made->representation);
    response.headers.add("Access-Control-Allow-Origin", "*");
    response.reuse = std::move(made);
    answers.keep(request, response);
  }
  /// The event that these bytes end in.
  Parser::Event parse(std::string_view bytes) {
    Parser parser(&answers);
    const auto step = parser.next(as_bytes(bytes));
    if (step.event == Parser::Event::kKnown) {
      EXPECT_EQ(step.consumed, bytes.size());
      match = answers.take();
    }
    return step.event;
  }
  static std::string get(std::string_view target, std::string_view fields = {}) {
    return concat("GET ", target, " HTTP/1.1\r\nHost: a\r\n", fields, "\r\n");
  }

  std::atomic<std::uint64_t> version{1};
  QuickAnswers answers{"Server: s\r\n", 4};
  QuickMatch match;
};

using enum Parser::Event;

TEST_F(QuickAnswersTest, FieldsAreParsedOnceThenRecognised) {
  keep("/a", reuse());
  EXPECT_EQ(parse(get("/a")), kHead);
  EXPECT_EQ(parse(get("/a")), kKnown);
  EXPECT_TRUE(match.keep_alive);
  EXPECT_EQ(match.answer->whole_fields,
            "Server: s\r\nContent-Type: video/mp2t\r\nETag: \"a\"\r\nAccept-Ranges: bytes\r\n"
            "Access-Control-Allow-Origin: *\r\nContent-Length: 10\r\n");
  EXPECT_EQ(match.answer->not_modified_fields,
            "Server: s\r\nETag: \"a\"\r\nAccess-Control-Allow-Origin: *\r\n");
  EXPECT_EQ(parse(get("/b")), kHead) << "another target";
  EXPECT_EQ(parse(get("/a", "X: 1\r\n")), kHead) << "other fields";
}

TEST_F(QuickAnswersTest, OnlyGetAndHeadOfHttp11AreRecognised) {
  keep("/a", reuse());
  ASSERT_EQ(parse(get("/a")), kHead);
  EXPECT_EQ(parse("HEAD /a HTTP/1.1\r\nHost: a\r\n\r\n"), kKnown);
  EXPECT_EQ(match.method, Method::kHead);
  for (const char* line : {"GET /a HTTP/1.0", "POST /a HTTP/1.1", "OPTIONS /a HTTP/1.1"}) {
    EXPECT_EQ(parse(concat(line, "\r\nHost: a\r\n\r\n")), kHead) << line;
  }
  for (const char* line : {"GET  /a HTTP/1.1", "GET /a  HTTP/1.1", "get /a HTTP/1.1"}) {
    EXPECT_EQ(parse(concat(line, "\r\nHost: a\r\n\r\n")), kFault) << line;
  }
}

TEST_F(QuickAnswersTest, WhatDecidesTheAnswerIsParsedEachTime) {
  keep("/a", reuse());
  for (const char* field :
       {"Range: bytes=0-1", "If-Match: \"a\"", "If-Range: \"a\"", "Authorization: Bearer x",
        "If-Modified-Since: Thu, 01 Jan 1970 00:00:00 GMT", "Content-Length: 0",
        "If-Unmodified-Since: Thu, 01 Jan 1970 00:00:00 GMT"}) {
    const auto request = get("/a", concat(field, "\r\n"));
    EXPECT_EQ(parse(request), kHead) << field;
    EXPECT_EQ(parse(request), kHead) << field;
  }
}

TEST_F(QuickAnswersTest, RefusedFieldsAreNeverLearned) {
  keep("/a", reuse());
  for (const char* fields : {"Host: b\r\n", "X : 1\r\n", " folded\r\n", "Content-Length: x\r\n"}) {
    const auto request = get("/a", fields);
    EXPECT_EQ(parse(request), kFault) << fields;
    EXPECT_EQ(parse(request), kFault) << fields;
  }
}

TEST_F(QuickAnswersTest, TheTagThatTheClientHasIsNotModified) {
  keep("/a", reuse());
  const auto same = get("/a", "If-None-Match: \"a\"\r\n");
  ASSERT_EQ(parse(same), kHead);
  EXPECT_EQ(parse(same), kKnown);
  EXPECT_TRUE(match.not_modified);
  const auto other = get("/a", "If-None-Match: \"b\"\r\n");
  ASSERT_EQ(parse(other), kHead);
  EXPECT_EQ(parse(other), kHead);
}

TEST_F(QuickAnswersTest, ConnectionCloseIsRemembered) {
  keep("/a", reuse());
  const auto closing = get("/a", "Connection: close\r\n");
  ASSERT_EQ(parse(closing), kHead);
  ASSERT_EQ(parse(closing), kKnown);
  EXPECT_FALSE(match.keep_alive);
}

TEST_F(QuickAnswersTest, EachCodingHasAnAnswerOfItsOwn) {
  keep("/a", reuse("\"plain\""));
  keep("/a", reuse("\"packed\""), "gzip");
  const auto packed = get("/a", "Accept-Encoding: gzip\r\n");
  ASSERT_EQ(parse(get("/a")), kHead);
  ASSERT_EQ(parse(packed), kHead);
  ASSERT_EQ(parse(get("/a")), kKnown);
  EXPECT_EQ(match.answer->reuse->representation.etag, "\"plain\"");
  ASSERT_EQ(parse(packed), kKnown);
  EXPECT_EQ(match.answer->reuse->representation.etag, "\"packed\"");
}

TEST_F(QuickAnswersTest, ParsedRequestsGetRangesAndConditions) {
  keep("/a", reuse());
  Request request;
  request.target = "/a";
  request.headers.add("range", "bytes=2-3");
  const auto part = answers.find(request);
  ASSERT_TRUE(part);
  EXPECT_EQ(part->status, 206);
  EXPECT_EQ(part->headers.get("content-range"), "bytes 2-3/10");
  EXPECT_EQ(part->headers.get("access-control-allow-origin"), "*");
  request.headers.add("authorization", "Bearer x");
  EXPECT_FALSE(answers.find(request)) << "who asks may decide";
}

TEST_F(QuickAnswersTest, AnotherVersionOrTimeEndsIt) {
  keep("/a", reuse());
  ASSERT_EQ(parse(get("/a")), kHead);
  ASSERT_EQ(parse(get("/a")), kKnown);
  ++version;
  EXPECT_EQ(parse(get("/a")), kHead);
  auto expired = reuse();
  expired->until_wall_ms = 1;
  keep("/a", expired);
  EXPECT_EQ(parse(get("/a")), kHead);
}

TEST_F(QuickAnswersTest, AnswersThatAreOutOfDateLetTheirFilesGo) {
  auto made = reuse();
  const std::weak_ptr<Reuse> watched = made;
  keep("/a", std::move(made));
  answers.sweep(10'000);
  EXPECT_FALSE(watched.expired());
  ++version;
  answers.sweep(10'001);
  EXPECT_FALSE(watched.expired()) << "not so often";
  answers.sweep(20'000);
  EXPECT_TRUE(watched.expired());
}

TEST_F(QuickAnswersTest, ThoseNotAskedForMakeRoom) {
  ASSERT_EQ(parse(get("/x")), kHead);
  for (const char* target : {"/a", "/b", "/c", "/d"}) keep(target, reuse());
  ASSERT_EQ(parse(get("/a")), kKnown);
  for (const char* target : {"/e", "/f", "/g"}) keep(target, reuse());
  EXPECT_EQ(parse(get("/a")), kKnown);
  EXPECT_EQ(parse(get("/b")), kHead);
}

TEST_F(QuickAnswersTest, ErrorsAndWhatIsNotMarkedAreNotKept) {
  Request request;
  request.target = "/a";
  Response response = Response::text(200, "x");
  answers.keep(request, response);
  response.reuse = reuse();
  response.status = 404;
  answers.keep(request, response);
  EXPECT_FALSE(answers.find(request));
}

TEST_F(QuickAnswersTest, WhatAProxySaysIsReadEachTimeAndKeptApart) {
  keep("/a", reuse());
  EXPECT_EQ(parse(get("/a", "X-Forwarded-Proto: https\r\n")), kHead);
  EXPECT_EQ(parse(get("/a", "X-Forwarded-Proto: https\r\n")), kHead);
  EXPECT_EQ(parse(get("/a", "Forwarded: for=192.0.2.7\r\n")), kHead);
  EXPECT_EQ(parse(get("/a", "Forwarded: for=192.0.2.7\r\n")), kHead);

  Request request;
  request.target = "/a";
  EXPECT_TRUE(answers.find(request));
  for (const bool secure : {false, true}) {
    request.forwarded_secure = true;
    request.secure = secure;
    EXPECT_FALSE(answers.find(request)) << "it may be a redirect there";
    Response response = respond(request, reuse()->representation);
    response.reuse = reuse();
    answers.keep(request, response);
    EXPECT_TRUE(answers.find(request));
  }
}

}  // namespace
}  // namespace sf::http
