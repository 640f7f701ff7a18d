#include <streamforge/base/clock.hpp>
#include <streamforge/http/representation.hpp>

#include <gtest/gtest.h>

#include "conditionals.hpp"

namespace sf::http {
namespace {

constexpr std::string_view kBytes = "0123456789abcdefghij";
constexpr std::int64_t kModifiedMs = 784'111'777'500;  // Half a second after kModified.
constexpr std::string_view kModified = "Sun, 06 Nov 1994 08:49:37 GMT";

Representation in_memory() {
  Representation representation;
  representation.content_type = "video/mp2t";
  representation.etag = "\"v1\"";
  representation.last_modified_ms = kModifiedMs;
  representation.cache_control = "public, max-age=60";
  representation.varies_by_encoding = true;
  representation.bytes = SharedBytes{nullptr, as_bytes(kBytes)};
  return representation;
}

Representation in_file() {
  auto representation = in_memory();
  representation.bytes = FileSlice{std::make_shared<const UniqueFd>(), 1000, kBytes.size()};
  return representation;
}

using Fields = std::vector<std::pair<std::string, std::string>>;

Response ask(const Fields& fields, Method method = Method::kGet,
             Representation representation = in_memory()) {
  Request request;
  request.method = method;
  for (const auto& [name, value] : fields) request.headers.add(name, value);
  return respond(request, std::move(representation));
}

std::string body_of(const Response& response) {
  if (const auto* text = std::get_if<std::string>(&response.body)) return *text;
  if (const auto* shared = std::get_if<SharedBytes>(&response.body)) {
    return std::string(as_text(shared->bytes));
  }
  return {};
}

TEST(Representation, H1_ASingleRangeIsNeverMultipart) {
  const auto response = ask({{"Range", "bytes=5-9"}});
  EXPECT_EQ(response.status, 206);
  EXPECT_EQ(response.headers.get("content-range"), "bytes 5-9/20");
  EXPECT_EQ(response.headers.get("content-type"), "video/mp2t");
  EXPECT_EQ(response.headers.get("etag"), "\"v1\"");
  EXPECT_EQ(response.headers.get("accept-ranges"), "bytes");
  EXPECT_EQ(body_of(response), "56789");
  EXPECT_EQ(ask({{"Range", "bytes=0-4,3-9"}}).headers.get("content-range"), "bytes 0-9/20");
}

TEST(Representation, H1_ARangeOfAFileIsASliceOfIt) {
  const auto response = ask({{"Range", "bytes=-5"}}, Method::kGet, in_file());
  EXPECT_EQ(response.status, 206);
  const auto& slice = std::get<FileSlice>(response.body);
  EXPECT_EQ(slice.offset, 1015u);
  EXPECT_EQ(slice.bytes, 5u);
}

TEST(Representation, H3_UnsatisfiableTellsTheLength) {
  const auto response = ask({{"Range", "bytes=20-"}});
  EXPECT_EQ(response.status, 416);
  EXPECT_EQ(response.headers.get("content-range"), "bytes */20");
  EXPECT_FALSE(response.close);
}

TEST(Representation, H4_DisjointRangesAreMultipart) {
  const auto response = ask({{"Range", "bytes=0-1,18-"}});
  EXPECT_EQ(response.status, 206);
  EXPECT_FALSE(response.headers.has("content-range"));
  const std::string type(*response.headers.get("content-type"));
  const std::string prefix = "multipart/byteranges; boundary=";
  ASSERT_TRUE(type.starts_with(prefix));
  const std::string boundary = type.substr(prefix.size());
  const std::string expected = "\r\n--" + boundary +
                               "\r\nContent-Type: video/mp2t\r\nContent-Range: bytes 0-1/20"
                               "\r\n\r\n01\r\n--" +
                               boundary +
                               "\r\nContent-Type: video/mp2t\r\nContent-Range: bytes 18-19/20"
                               "\r\n\r\nij\r\n--" +
                               boundary + "--\r\n";
  EXPECT_EQ(body_of(response), expected);
  const auto again = ask({{"Range", "bytes=0-1,18-"}});
  EXPECT_NE(again.headers.get("content-type"), type) << "a boundary must not be guessable";

  const auto of_file = ask({{"Range", "bytes=0-1,18-"}}, Method::kGet, in_file());
  const auto& slices = std::get<std::vector<FileSlice>>(of_file.body);
  ASSERT_EQ(slices.size(), 2u);
  EXPECT_EQ(slices[1].offset, 1018u);
  EXPECT_EQ(of_file.part_heads.size(), 3u);
  EXPECT_EQ(of_file.body_bytes(), expected.size());
}

TEST(Representation, H6_OnlyGetHasRanges) {
  EXPECT_EQ(ask({{"Range", "bytes=0-1"}}, Method::kHead).status, 200);
  EXPECT_EQ(ask({{"Range", "bytes=0-1"}}, Method::kPost).status, 200);
  EXPECT_EQ(ask({{"Range", "bytes=5-2"}}).status, 200);
  EXPECT_EQ(ask({{"Range", "lines=1-2"}}).status, 200);
}

TEST(Representation, H7_IfRange) {
  const auto status = [](std::string_view condition) {
    return ask({{"Range", "bytes=0-1"}, {"If-Range", std::string(condition)}}).status;
  };
  EXPECT_EQ(status("\"v1\""), 206);
  EXPECT_EQ(status("\"v2\""), 200);
  EXPECT_EQ(status("W/\"v1\""), 200);
  EXPECT_EQ(status(kModified), 206);
  EXPECT_EQ(status("Sunday, 06-Nov-94 08:49:37 GMT"), 206);
  EXPECT_EQ(status("Sun, 06 Nov 1994 08:49:36 GMT"), 200);
  EXPECT_EQ(status("Sun, 06 Nov 1994 08:49:38 GMT"), 200);
  EXPECT_EQ(status("v1"), 200);
  auto weak = in_memory();
  weak.etag = "W/\"v1\"";
  EXPECT_EQ(ask({{"Range", "bytes=0-1"}, {"If-Range", "W/\"v1\""}}, Method::kGet, weak).status,
            200);
}

TEST(Representation, H8_IfNoneMatch) {
  for (const auto* list :
       {"\"v1\"", "W/\"v1\"", "*", "\"a,b\", \"v1\"", "\"x\",,W/\"y\" ,\"v1\"", " * "}) {
    const auto response = ask({{"If-None-Match", list}});
    EXPECT_EQ(response.status, 304) << list;
    EXPECT_EQ(response.headers.get("etag"), "\"v1\"");
    EXPECT_EQ(response.headers.get("cache-control"), "public, max-age=60");
    EXPECT_EQ(response.headers.get("vary"), "Accept-Encoding");
    EXPECT_FALSE(response.headers.has("content-type"));
    EXPECT_EQ(response.body_bytes(), 0u);
  }
  for (const auto* list : {"\"v2\"", "v1", "", "\"V1\"", "\"v1", "\"a\" \"v2\"", "\"x*\""}) {
    EXPECT_EQ(ask({{"If-None-Match", list}}).status, 200) << list;
  }
  EXPECT_EQ(ask({{"If-None-Match", "\"v0\""}, {"If-None-Match", "\"v1\""}}).status, 304);
  // It beats If-Modified-Since, and conditions run before ranges.
  EXPECT_EQ(
      ask({{"If-None-Match", "\"v2\""}, {"If-Modified-Since", std::string(kModified)}}).status,
      200);
  EXPECT_EQ(ask({{"If-None-Match", "\"v1\""}, {"Range", "bytes=0-1"}}).status, 304);
  EXPECT_EQ(ask({{"If-None-Match", "\"v1\""}, {"Range", "bytes=99-"}}).status, 304);
  EXPECT_EQ(ask({{"If-None-Match", "*"}}, Method::kPost).status, 412);
  EXPECT_EQ(ask({{"If-None-Match", "\"v1\""}}, Method::kHead).status, 304);
}

TEST(Representation, H8_IfMatch) {
  for (const auto* list : {"\"v1\"", "*", "\"v0\", \"v1\""}) {
    EXPECT_EQ(ask({{"If-Match", list}}).status, 200) << list;
  }
  for (const auto* list : {"\"v2\"", "W/\"v1\"", ""}) {
    EXPECT_EQ(ask({{"If-Match", list}}).status, 412) << list;
  }
  EXPECT_EQ(ask({{"If-Match", "\"v2\""}, {"If-None-Match", "\"v1\""}}).status, 412);
  EXPECT_EQ(ask({{"If-Unmodified-Since", std::string(kModified)}}).status, 200);
  EXPECT_EQ(ask({{"If-Unmodified-Since", "Sun, 06 Nov 1994 08:49:36 GMT"}}).status, 412);
  EXPECT_EQ(
      ask({{"If-Match", "*"}, {"If-Unmodified-Since", "Sun, 06 Nov 1994 08:49:36 GMT"}}).status,
      200);
}

TEST(Representation, H9_IfModifiedSince) {
  for (const auto* date : {"Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT",
                           "Sun Nov  6 08:49:37 1994", "Fri, 01 Jan 2100 00:00:00 GMT"}) {
    EXPECT_EQ(ask({{"If-Modified-Since", date}}).status, 304) << date;
  }
  for (const auto* date : {"Sun, 06 Nov 1994 08:49:36 GMT", "yesterday", "", "784111777"}) {
    EXPECT_EQ(ask({{"If-Modified-Since", date}}).status, 200) << date;
  }
  EXPECT_EQ(ask({{"If-Modified-Since", std::string(kModified)}}, Method::kPost).status, 200);
}

TEST(Representation, H11_HeadHasTheFieldsOfGet) {
  const auto get = ask({});
  const auto head = ask({}, Method::kHead);
  EXPECT_EQ(head.status, get.status);
  EXPECT_EQ(head.headers.all(), get.headers.all());
  EXPECT_EQ(head.body_bytes(), get.body_bytes());
}

TEST(Representation, H28_RangesAreOfTheChosenCoding) {
  auto zipped = in_memory();
  zipped.content_encoding = "gzip";
  zipped.etag = "\"v1-gzip\"";
  const auto response = ask({{"Range", "bytes=0-3"}}, Method::kGet, zipped);
  EXPECT_EQ(response.status, 206);
  EXPECT_EQ(response.headers.get("content-encoding"), "gzip");
  EXPECT_EQ(response.headers.get("content-range"), "bytes 0-3/20");
}

TEST(Representation, H28_AcceptEncoding) {
  struct Row {
    std::string_view field;
    bool accepted;
  };
  const std::vector<Row> rows = {
      {"gzip", true},
      {"GZIP", true},
      {"gzip, deflate, br", true},
      {"br, gzip;q=0.5", true},
      {"gzip;q=0", false},
      {"gzip; q=0.000", false},
      {"gzip;q=0.001", true},
      {"*", true},
      {"*;q=0", false},
      {"*;q=0, gzip", true},
      {"identity;q=0, *", true},
      {"identity;q=0", false},
      {"identity, gzip;q=0.5", false},
      {"identity;q=0.5, gzip;q=0.5", true},
      {"deflate", false},
      {"", false},
      {"xgzip", false},
      {"gzip;q=x", false},
      {"gzip;q=1.001", true},
  };
  for (const auto& row : rows)
    EXPECT_EQ(accepts_encoding(row.field, "gzip"), row.accepted) << row.field;
}

TEST(Representation, ContentTypesByEnding) {
  EXPECT_EQ(content_type_of("master.m3u8"), "application/vnd.apple.mpegurl");
  EXPECT_EQ(content_type_of("0.ts"), "video/mp2t");
  EXPECT_EQ(content_type_of("en.VTT"), "text/vtt; charset=utf-8");
  EXPECT_EQ(content_type_of("index.html"), "text/html; charset=utf-8");
  EXPECT_EQ(content_type_of("app.js"), "text/javascript; charset=utf-8");
  EXPECT_EQ(content_type_of("a.b/font.woff2"), "font/woff2");
  EXPECT_EQ(content_type_of("x.wasm"), "application/wasm");
  EXPECT_EQ(content_type_of("noending"), "application/octet-stream");
  EXPECT_EQ(content_type_of("x.exe"), "application/octet-stream");
}

}  // namespace
}  // namespace sf::http
