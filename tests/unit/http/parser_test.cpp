#include "parser.hpp"

#include <streamforge/base/limits.hpp>

#include "parse_all.hpp"

namespace sf::http::test {
namespace {

/// A request with a body whose framing fields are the subject.
std::string post_with(const std::string& fields, const std::string& rest = {}) {
  return "POST /p HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n" + rest;
}
std::string get_with(const std::string& fields) {
  return "GET /g HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n";
}
std::string chunked(const std::string& body) {
  return post_with("Transfer-Encoding: chunked\r\n", body);
}

const Message& only(const Parsed& parsed) {
  static const Message kNone;
  EXPECT_EQ(parsed.fault.status, 0) << parsed.fault.detail;
  EXPECT_EQ(parsed.messages.size(), 1u);
  EXPECT_FALSE(parsed.inside_message);
  return parsed.messages.empty() ? kNone : parsed.messages.front();
}

TEST(Parser, ReadsARequestWithItsFields) {
  const auto parsed = parse_every_way(
      "PATCH /files/abc?x=1&y HTTP/1.1\r\nHost: example.org:8080\r\nTus-Resumable:\t1.0.0  \r\n"
      "Empty:\r\nUpload-Offset: 7\r\nContent-Length: 5\r\n\r\nhello");
  const auto& message = only(parsed);
  EXPECT_EQ(message.head.method, Method::kPatch);
  EXPECT_EQ(message.head.target, "/files/abc?x=1&y");
  EXPECT_EQ(message.head.path, "/files/abc");
  EXPECT_EQ(message.head.query, "x=1&y");
  EXPECT_EQ(message.head.authority, "example.org:8080");
  EXPECT_EQ(message.head.minor_version, 1u);
  EXPECT_EQ(message.head.headers.get("tus-resumable"), "1.0.0");
  EXPECT_EQ(message.head.headers.get("EMPTY"), "");
  EXPECT_EQ(message.head.framing, Framing::kSized);
  EXPECT_EQ(message.head.content_length, 5u);
  EXPECT_EQ(message.body, "hello");
  EXPECT_TRUE(message.head.keep_alive);
}

TEST(Parser, H13_PipelinedRequestsComeInOrder) {
  std::string bytes;
  for (int i = 0; i < 50; ++i) {
    bytes += concat("GET /", i, " HTTP/1.1\r\nHost: a\r\n\r\n");
    bytes += concat("POST /p", i, " HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc");
    bytes += concat("PUT /c", i,
                    " HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                    "2\r\nxy\r\n0\r\n\r\n");
  }
  const auto parsed = parse_every_way(bytes);
  ASSERT_EQ(parsed.messages.size(), 150u);
  for (std::size_t i = 0; i < 50; ++i) {
    EXPECT_EQ(parsed.messages[3 * i].head.path, concat('/', i));
    EXPECT_EQ(parsed.messages[3 * i + 1].body, "abc");
    EXPECT_EQ(parsed.messages[3 * i + 2].body, "xy");
  }
}

TEST(Parser, H12_ConnectionFieldsDecideOnKeepAlive) {
  struct Row {
    std::string version;
    std::string fields;
    bool keeps;
  };
  const std::vector<Row> rows = {
      {"1.1", "", true},
      {"1.1", "Connection: close\r\n", false},
      {"1.1", "Connection: foo, CLOSE\r\n", false},
      {"1.1", "Connection: keep-alive\r\nConnection: close\r\n", false},
      {"1.1", "Connection: upgrade\r\nUpgrade: websocket\r\n", true},
      {"1.0", "", false},
      {"1.0", "Connection: Keep-Alive\r\n", true},
      {"1.0", "Connection: keep-alive, close\r\n", false},
  };
  for (const auto& row : rows) {
    const auto parsed =
        parse_every_way(concat("GET / HTTP/", row.version, "\r\nHost: a\r\n", row.fields, "\r\n"));
    EXPECT_EQ(only(parsed).head.keep_alive, row.keeps) << row.version << ' ' << row.fields;
  }
}

TEST(Parser, H14_OnlyOneExpectationIsKnown) {
  const auto expecting =
      parse_every_way(post_with("Expect: 100-Continue\r\nContent-Length: 2\r\n", "ab"));
  EXPECT_TRUE(only(expecting).head.expects_continue);
  EXPECT_FALSE(only(parse_every_way(get_with("Expect: 100-continue\r\n"))).head.expects_continue);
  expect_head_refused(get_with("Expect: 200-ok\r\n"), 417);
  expect_head_refused(get_with("Expect: 100-continue, more\r\n"), 417);
  const auto old = parse_every_way("GET / HTTP/1.0\r\nExpect: anything\r\n\r\n");
  EXPECT_FALSE(only(old).head.expects_continue);
}

TEST(Parser, H15_UnknownMethodsAreNotImplemented) {
  for (const auto* method : {"BREW", "get", "TRACE", "CONNECT", "PROPFIND", "PRI", "M-SEARCH"}) {
    expect_head_refused(concat(method, " / HTTP/1.1\r\nHost: a\r\n\r\n"), 501);
  }
  const auto asterisk = parse_every_way("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(only(asterisk).head.path, "*");
  expect_head_refused("GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400);
}

TEST(Parser, H16_ContentLengthAndTransferEncodingIsRefused) {
  const std::string smuggled = "0\r\n\r\nGET /evil HTTP/1.1\r\nHost: a\r\n\r\n";
  expect_head_refused(post_with("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", smuggled),
                      400);
  expect_head_refused(post_with("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", smuggled),
                      400);
  expect_head_refused(post_with("Transfer-Encoding: identity\r\nContent-Length: 4\r\n", "abcd"),
                      400);
}

TEST(Parser, H16_ContentLengthIsOneDecimalNumber) {
  for (const auto* value :
       {"+5", "-5", "0x5", "5,5", "5, 5", "5 5", "5;", "", " ", "5.0", "1e1", "five", "\"5\"",
        "9223372036854775808", "18446744073709551616", "99999999999999999999999", "5\t5"}) {
    expect_head_refused(post_with(concat("Content-Length: ", value, "\r\n"), "hello"), 400);
  }
  expect_head_refused(post_with("Content-Length: 5\r\nContent-Length: 6\r\n", "hello"), 400);
  expect_head_refused(post_with("Content-Length: 5\r\nContent-Length: 5\r\n", "hello"), 400);
  expect_head_refused(post_with("Content-Length: 5\r\ncontent-length:6\r\n", "hello"), 400);
  // Leading zeroes are digits (RFC 9110 section 8.6).
  EXPECT_EQ(only(parse_every_way(post_with("Content-Length: 005\r\n", "hello"))).body, "hello");
  const auto huge = parse_every_way(post_with("Content-Length: 9223372036854775807\r\n"));
  ASSERT_EQ(huge.messages.size(), 1u);
  EXPECT_EQ(huge.messages[0].head.content_length, 9223372036854775807u);
}

TEST(Parser, H16_TransferEncodingEndsInOneChunked) {
  const std::string body = "0\r\n\r\n";
  for (const auto* value :
       {"xchunked", "chunkedx", "chunked, identity", "identity", "chunked, gzip",
        "chunked, chunked", "\"chunked\"", "", "chunked;q=1", ", identity", "chun ked",
        "\x0b"
        "chunked"}) {
    expect_head_refused(post_with(concat("Transfer-Encoding: ", value, "\r\n"), body), 400);
  }
  expect_head_refused(
      post_with("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", body), 400);
  expect_head_refused(
      post_with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", body), 400);
  for (const auto* value : {"gzip, chunked", "identity, chunked"}) {
    expect_head_refused(post_with(concat("Transfer-Encoding: ", value, "\r\n"), body), 501);
  }
  EXPECT_EQ(only(parse_every_way(post_with("Transfer-Encoding: CHUNKED\r\n", body))).head.framing,
            Framing::kChunked);
}

TEST(Parser, H16_TransferEncodingIsNotOfHttp10) {
  expect_head_refused("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400);
}

TEST(Parser, H17_ChunkedBodiesAreDecoded) {
  const auto parsed = parse_every_way(
      chunked("5\r\nhello\r\n1;name;other\r\n,\r\n00A;q=\"x y\"\r\n0123456789\r\n0\r\n\r\n"));
  EXPECT_EQ(only(parsed).body, "hello,0123456789");
}

TEST(Parser, H17_BrokenChunkFramingIsRefused) {
  const std::vector<std::string> bodies = {
      "5\nhello\r\n0\r\n\r\n",     // Bare LF after the size.
      "5\r\nhello\n0\r\n\r\n",     // After the data.
      "5\r\nhello\r\n0\n\r\n",     // After the last size.
      "5\r\nhello\r\n0\r\n\n",     // At the end.
      "5\rhello\r\n0\r\n\r\n",     // Bare CR.
      "5\r\nhelloX\r\n0\r\n\r\n",  // Data longer than its size.
      "5\r\nhell\r\n0\r\n\r\n",    // Shorter.
      "0x5\r\nhello\r\n0\r\n\r\n",      "+5\r\nhello\r\n0\r\n\r\n",
      "-5\r\nhello\r\n0\r\n\r\n",       " 5\r\nhello\r\n0\r\n\r\n",
      "5 \r\nhello\r\n0\r\n\r\n",       "5 ;x\r\nhello\r\n0\r\n\r\n",
      "\r\nhello\r\n0\r\n\r\n",         "g\r\nhello\r\n0\r\n\r\n",
      ";x\r\nhello\r\n0\r\n\r\n",       "5_0\r\nhello\r\n0\r\n\r\n",
      "ffffffffffffffff\r\nhello",       // 2^64 - 1: no body of ours.
      "8000000000000000\r\nhello",       // 2^63.
      "10000000000000000\r\nhello",      // 2^64 overflows.
      "fffffffffffffffffff\r\nhello",    // Far over.
      "5;a=\x01\r\nhello\r\n0\r\n\r\n",  // Control bytes in extensions.
      "5;a=\x7f\r\nhello\r\n0\r\n\r\n", std::string("5;a=\0\r\nhello\r\n0\r\n\r\n", 19),
      "5;a\rb\r\nhello\r\n0\r\n\r\n",   "5;\nhello\r\n0\r\n\r\n",
      "5;a\nX\r\nhello\r\n0\r\n\r\n",   "5;" + std::string(5000, 'a') + "\r\nhello\r\n0\r\n\r\n",
  };
  for (const auto& body : bodies) expect_refused(chunked(body), 400);
}

TEST(Parser, H17_BrokenTrailersAreRefused) {
  for (const auto* trailers : {"A : 1\r\n", ": 1\r\n", "A\r\n", "A: 1\r\n folded\r\n",
                               "A: \x01\r\n", "A: 1\n", "A: b\rc\r\n", "A\tB: 1\r\n"}) {
    expect_refused(chunked(concat("1\r\nx\r\n0\r\n", trailers, "\r\n")), 400);
  }
  std::string many;
  for (unsigned i = 0; i <= limits::kHeaderCountMax; ++i) many += concat("T", i, ": 1\r\n");
  expect_refused(chunked("1\r\nx\r\n0\r\n" + many + "\r\n"), 431);
  const std::string large = "T: " + std::string(limits::kHeaderBlockBytesMax, 'a') + "\r\n";
  expect_refused(chunked("1\r\nx\r\n0\r\n" + large + "\r\n"), 431);
}

TEST(Parser, H17_ForbiddenTrailersAreDiscarded) {
  const auto parsed = parse_every_way(
      chunked("1\r\nx\r\n0\r\nUpload-Checksum: sha1 abc\r\nHost: evil\r\nAuthorization: x\r\n"
              "Cookie: a=b\r\nContent-Type: text/html\r\nContent-Length: 5\r\n\r\n"));
  const auto& trailers = only(parsed).trailers;
  ASSERT_EQ(trailers.all().size(), 1u);
  EXPECT_EQ(trailers.get("upload-checksum"), "sha1 abc");
}

TEST(Parser, H17_AMissingFinalLineIsAnIncompleteMessage) {
  const auto parsed = parse_every_way(chunked("1\r\nx\r\n0\r\n"));
  EXPECT_EQ(parsed.fault.status, 0);
  EXPECT_TRUE(parsed.inside_message);
}

TEST(Parser, H18_BrokenFieldLinesAreRefused) {
  const std::vector<std::string> lines = {
      "A : 1\r\n",  // Space before the colon.
      "A\t: 1\r\n",
      " A: 1\r\n",
      "A: 1\r\n folded\r\n",
      "A: 1\r\n\tfolded\r\n",
      "A: 1\r\n Content-Length: 5\r\n",  // llhttp 8.1 gives it as a value.
      "A: 1\r\n \r\n",
      ": 1\r\n",
      "A\r\n",
      "A 1\r\n",
      "A: 1\rB: 2\r\n",
      "A: 1\nB: 2\r\n",
      "A: 1\r\r\n",
      "A\rB: 1\r\n",
      "A: \x01\r\n",
      "A: \x1f\r\n",
      "A: \x7f\r\n",
      std::string("A: x\0y\r\n", 8),
      std::string("A\0: x\r\n", 7),
      "A(: 1\r\n",
      "\xc3\xa4: 1\r\n",
      "A,B: 1\r\n",
      "\"A\": 1\r\n",
  };
  for (const auto& line : lines) expect_head_refused(get_with(line), 400);
  expect_head_refused("GET /g HTTP/1.1\r\nHost: a\r\n\n", 400);
  expect_head_refused("GET /g HTTP/1.1\r\nHost: a\r\n\rGET", 400);
  expect_head_refused("GET /g HTTP/1.1\n\n", 400);
  expect_head_refused("GET /g HTTP/1.1\r\n Host: a\r\n\r\n", 400);
  // obs-text is allowed in values (RFC 9110 section 5.5).
  EXPECT_EQ(only(parse_every_way(get_with("A: \xe9\xff\r\n"))).head.headers.get("a"), "\xe9\xff");
}

TEST(Parser, H18_BrokenRequestLinesAreRefused) {
  for (const auto* line : {"GET /",
                           "GET",
                           "GET  / HTTP/1.1",
                           "GET /  HTTP/1.1",
                           "GET / HTTP/1.1 ",
                           " GET / HTTP/1.1",
                           "GET / HTTP/1.1 x",
                           "GET\t/ HTTP/1.1",
                           "GET / http/1.1",
                           "GET / HTTP/11",
                           "GET / HTTP/1.",
                           "GET / HTTP/1.1x",
                           "GET / HTTP/01.1",
                           "GET / ICE/1.0",
                           "GET / HTTP /1.1",
                           "G(T / HTTP/1.1",
                           "GET /a b HTTP/1.1",
                           "GET /\x01 HTTP/1.1",
                           "GET /\xc3\xa4 HTTP/1.1",
                           "/ HTTP/1.1",
                           "GET /a#b HTTP/1.1",
                           "GET a HTTP/1.1",
                           "GET \\a HTTP/1.1"}) {
    expect_head_refused(concat(line, "\r\nHost: a\r\n\r\n"), 400);
  }
}

TEST(Parser, H18_AVersionlessRequestIsRefusedAtItsLine) {
  const auto parsed = parse_every_way("GET /secret\r\n");
  EXPECT_EQ(parsed.fault.status, 400);
  EXPECT_TRUE(parsed.messages.empty());
}

TEST(Parser, H19_HostIsThereOnceAndGood) {
  expect_head_refused("GET / HTTP/1.1\r\n\r\n", 400);
  expect_head_refused("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400);
  expect_head_refused("GET / HTTP/1.1\r\nHost: a\r\nhost: b\r\n\r\n", 400);
  expect_head_refused("GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", 400);
  for (const auto* host : {"", "a b", "a/b", "u@a", "a:b", "a:99999", "a:1:2", "[::1", "::1", "[g]",
                           "a\\b", "a?b", "a, b", "<a>", "[::1]x"}) {
    expect_head_refused(concat("GET / HTTP/1.1\r\nHost: ", host, "\r\n\r\n"), 400);
  }
  for (const auto* host : {"a", "A.example:80", "127.0.0.1:8080", "[::1]", "[::1]:8080",
                           "a:", "under_score", "xn--bcher-kva.example"}) {
    const auto parsed = parse_every_way(concat("GET / HTTP/1.1\r\nHost: ", host, "\r\n\r\n"));
    EXPECT_EQ(only(parsed).head.authority, host);
  }
  EXPECT_EQ(only(parse_every_way("GET / HTTP/1.0\r\n\r\n")).head.authority, "");
}

TEST(Parser, H19_TheAuthorityOfTheAbsoluteFormWins) {
  const auto parsed =
      parse_every_way("GET http://real.example:81/x?y HTTP/1.1\r\nHost: other\r\n\r\n");
  EXPECT_EQ(only(parsed).head.authority, "real.example:81");
  EXPECT_EQ(only(parsed).head.path, "/x");
  EXPECT_EQ(only(parsed).head.query, "y");
  expect_head_refused("GET http://real.example/ HTTP/1.1\r\n\r\n", 400);
  expect_head_refused("GET http://u@real.example/ HTTP/1.1\r\nHost: a\r\n\r\n", 400);
  expect_head_refused("GET ftp://real.example/ HTTP/1.1\r\nHost: a\r\n\r\n", 400);
  expect_head_refused("GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n", 400);
}

TEST(Parser, H20_LeadingEmptyLinesAreTolerated) {
  EXPECT_EQ(only(parse_every_way("\r\n\r\n" + get_with(""))).head.path, "/g");
  EXPECT_EQ(parse_every_way(get_with("") + "\r\n" + get_with("")).messages.size(), 2u);
  expect_head_refused("\n" + get_with(""), 400);
  expect_head_refused("\rGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400);
  expect_head_refused("\r\n\r\n\r\n\r\n\r\n\r\n" + get_with(""), 400);
}

TEST(Parser, H20_OtherVersionsAreNotSupported) {
  for (const auto* version : {"2.0", "1.9", "1.2", "0.9", "3.0", "0.0", "9.9"}) {
    expect_head_refused(concat("GET / HTTP/", version, "\r\nHost: a\r\n\r\n"), 505);
  }
  expect_head_refused("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505);
}

TEST(Parser, H21_LimitsOfTheHead) {
  const auto target_of = [](std::size_t bytes) {
    return "GET /" + std::string(bytes - 1, 'a') + " HTTP/1.1\r\nHost: a\r\n\r\n";
  };
  EXPECT_EQ(only(parse_every_way(target_of(limits::kRequestTargetBytesMax))).head.target.size(),
            limits::kRequestTargetBytesMax);
  expect_head_refused(target_of(limits::kRequestTargetBytesMax + 1), 414);
  expect_head_refused(target_of(1'000'000), 414);
  expect_head_refused(std::string(1'000'000, 'G'), 400);
  expect_head_refused(get_with("A: " + std::string(limits::kHeaderBlockBytesMax, 'a') + "\r\n"),
                      431);
  expect_head_refused(get_with(std::string(limits::kHeaderBlockBytesMax + 1, 'a')), 431);
  std::string many;
  for (unsigned i = 0; i + 1 < limits::kHeaderCountMax; ++i) many += concat("F", i, ": 1\r\n");
  EXPECT_EQ(only(parse_every_way(get_with(many))).head.headers.all().size(),
            limits::kHeaderCountMax);
  expect_head_refused(get_with(many + "One-More: 1\r\n"), 431);
}

TEST(Parser, H22_PathsThatCouldLeaveTheirRootAreRefused) {
  for (const auto* target : {"/..",
                             "/../etc/passwd",
                             "/a/../b",
                             "/a/..",
                             "/%2e%2e/x",
                             "/%2E%2e%2fx",
                             "/.%2e/x",
                             "/..%5cx",
                             "/a%5cb",
                             "/a%2fb",
                             "/a\\b",
                             "/%00",
                             "/a%00.ts",
                             "/a%0ab",
                             "/a%7fb",
                             "//",
                             "//a",
                             "/a//b",
                             "/./a",
                             "/a/.",
                             "/%2e/a",
                             "/%c0%ae%c0%ae/x",
                             "/%c0%af",
                             "/%e0%80%af",
                             "/%ff",
                             "/%f0%80%80%af",
                             "/%",
                             "/%4",
                             "/%zz",
                             "/a%u002e",
                             "http://h/../x",
                             "http://h/%2e%2e/x"}) {
    expect_head_refused(concat("GET ", target, " HTTP/1.1\r\nHost: a\r\n\r\n"), 400);
  }
}

TEST(Parser, H22_PathsAreDecodedOnce) {
  struct Row {
    std::string target;
    std::string path;
  };
  const std::vector<Row> rows = {
      {"/%252e%252e/x", "/%2e%2e/x"},
      {"/a%20b", "/a b"},
      {"/%C3%A4", "/\xc3\xa4"},
      {"/...", "/..."},
      {"/..a", "/..a"},
      {"/a..", "/a.."},
      {"/files/", "/files/"},
      {"/?a=../..", "/"},
      {"/a;b=c", "/a;b=c"},
      {"/%41", "/A"},
      {"http://h", "/"},
      {"http://h?q", "/"},
  };
  for (const auto& row : rows) {
    const auto parsed = parse_every_way(concat("GET ", row.target, " HTTP/1.1\r\nHost: a\r\n\r\n"));
    EXPECT_EQ(only(parsed).head.path, row.path) << row.target;
  }
}

TEST(Parser, BytesOfASizedBodyMayGoAnotherWay) {
  Parser parser;
  const std::string head = post_with("Content-Length: 1000\r\n", "abc");
  auto step = parser.next(as_bytes(head));
  ASSERT_EQ(step.event, Parser::Event::kHead);
  const std::string_view rest = std::string_view(head).substr(step.consumed);
  step = parser.next(as_bytes(rest));
  ASSERT_EQ(step.event, Parser::Event::kBody);
  EXPECT_EQ(as_text(step.body), "abc");
  EXPECT_EQ(parser.body_remaining(), 997u);
  parser.skip_body(997);
  EXPECT_EQ(parser.next({}).event, Parser::Event::kEnd);
  EXPECT_EQ(parser.next(as_bytes(get_with(""))).event, Parser::Event::kHead);
}

}  // namespace
}  // namespace sf::http::test
