#include "protocol.hpp"

#include <streamforge/base/bytes.hpp>

#include <gtest/gtest.h>

#include <initializer_list>
#include <utility>

namespace sf::tus {
namespace {

using http::Headers;
using http::Method;

Headers fields(std::initializer_list<std::pair<const char*, const char*>> pairs) {
  Headers headers;
  for (const auto& [name, value] : pairs) headers.add(name, value);
  return headers;
}

constexpr std::pair<const char*, const char*> kBody = {"Content-Type",
                                                       "application/offset+octet-stream"};
constexpr const char* kGoodSum = "sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=";

/// 0 when the decision is not a refusal.
template <class T>
int status(const Decision<T>& decision) {
  return decision ? 0 : decision.error().status;
}

store::Upload upload_at(std::uint64_t offset, std::optional<std::uint64_t> length) {
  store::Upload upload;
  upload.offset = offset;
  upload.length = length;
  return upload;
}

TEST(Protocol, C2C3C5_VersionIsCheckedOnAllButOptions) {
  const Headers none;
  const Headers wrong = fields({{"Tus-Resumable", "0.2.2"}});
  const Headers right = fields({{"Tus-Resumable", "1.0.0"}});
  for (const Method method : {Method::kPost, Method::kPatch, Method::kDelete, Method::kHead,
                              Method::kGet, Method::kPut}) {
    EXPECT_EQ(status(check_version(method, wrong)), 412);
    EXPECT_EQ(status(check_version(method, right)), 0);
    const bool browses = method == Method::kHead || method == Method::kGet;
    EXPECT_EQ(status(check_version(method, none)), browses ? 0 : 412);
  }
  EXPECT_EQ(status(check_version(Method::kOptions, wrong)), 0);
  EXPECT_EQ(status(check_version(Method::kOptions, none)), 0);
}

TEST(Protocol, C9_OverrideWorksOnPostForThreeMethods) {
  const auto meant = [](Method method, const char* override_with) {
    return method_of(method, fields({{"X-HTTP-Method-Override", override_with}}));
  };
  EXPECT_EQ(meant(Method::kPost, "PATCH"), Method::kPatch);
  EXPECT_EQ(meant(Method::kPost, "DELETE"), Method::kDelete);
  EXPECT_EQ(meant(Method::kPost, "HEAD"), Method::kHead);
  EXPECT_EQ(meant(Method::kPost, "GET"), Method::kPost);
  EXPECT_EQ(meant(Method::kPost, "patch"), Method::kPost);
  EXPECT_EQ(meant(Method::kGet, "DELETE"), Method::kGet);
}

struct CreationRow {
  const char* row;
  Headers headers;
  int status;
};

TEST(Protocol, CreationRows) {
  const Policy policy{.upload_bytes_max = 1000};
  const CreationRow rows[] = {
      {"N1", fields({{"Upload-Length", "10"}}), 0},
      {"N2", fields({}), 400},
      {"N3", fields({{"Upload-Defer-Length", "2"}}), 400},
      {"N3", fields({{"Upload-Defer-Length", "0"}}), 400},
      {"N3", fields({{"Upload-Defer-Length", "x"}}), 400},
      {"N4", fields({{"Upload-Length", "1"}, {"Upload-Defer-Length", "1"}}), 400},
      {"N5", fields({{"Upload-Length", "0"}}), 0},
      {"N6", fields({{"Upload-Length", "1000"}}), 0},
      {"N6", fields({{"Upload-Length", "1001"}}), 413},
      {"N8", fields({{"Upload-Length", "1"}, {"Upload-Metadata", "a YQ==,,b"}}), 400},
      {"N11", fields({{"Upload-Defer-Length", "1"}}), 0},
      {"C27", fields({{"Upload-Length", "+5"}}), 400},
      {"C27", fields({{"Upload-Length", "5.0"}}), 400},
      {"C27", fields({{"Upload-Length", "0x5"}}), 400},
      {"C27", fields({{"Upload-Length", ""}}), 400},
      {"C27", fields({{"Upload-Length", "-1"}}), 400},
      {"C27", fields({{"Upload-Length", "9223372036854775808"}}), 400},
      {"C27", fields({{"Upload-Length", "5"}, {"Upload-Length", "5"}}), 400},
      {"A1", fields({{"Upload-Length", "5"}, {"Upload-Concat", "partial"}}), 0},
      {"A2", fields({{"Upload-Concat", "final;/files/a /files/b"}}), 0},
      {"A3", fields({{"Upload-Length", "5"}, {"Upload-Concat", "final;/files/a"}}), 400},
      {"A3", fields({{"Upload-Defer-Length", "1"}, {"Upload-Concat", "final;/files/a"}}), 400},
      {"A12", fields({{"Upload-Concat", "final;"}}), 400},
      {"A12", fields({{"Upload-Concat", "other"}}), 400},
      {"A15", fields({{"Upload-Concat", "final;/files/a"}, kBody}), 403},
      {"K3", fields({{"Upload-Length", "50"}, kBody, {"Upload-Checksum", "sha9 AAAA"}}), 400},
  };
  for (const CreationRow& row : rows) {
    EXPECT_EQ(status(read_creation(row.headers, 10, policy)), row.status) << row.row;
  }
}

TEST(Protocol, N10_LongMetadataIs431) {
  Headers headers = fields({{"Upload-Length", "1"}});
  headers.add("Upload-Metadata", std::string(64 * 1024, 'a'));
  EXPECT_EQ(status(read_creation(headers, 0, {})), 431);
}

TEST(Protocol, N17N19_OnlyTheRightContentTypeIsABody) {
  const auto with = read_creation(fields({{"Upload-Length", "10"}, kBody}), 10, {});
  EXPECT_TRUE(with->takes_body);
  EXPECT_TRUE(
      read_creation(fields({{"Upload-Length", "10"}, kBody}), std::nullopt, {})->takes_body);
  EXPECT_FALSE(read_creation(fields({{"Upload-Length", "10"}, kBody}), 0, {})->takes_body);
  EXPECT_FALSE(
      read_creation(fields({{"Upload-Length", "10"}, {"Content-Type", "text/plain"}}), 10, {})
          ->takes_body);
  EXPECT_EQ(status(read_creation(fields({{"Upload-Length", "10"}, kBody}), 11, {})), 413);
}

TEST(Protocol, AppendFieldRows) {
  const auto read = [](std::initializer_list<std::pair<const char*, const char*>> pairs) {
    return status(read_append(fields(pairs)));
  };
  EXPECT_EQ(read({kBody, {"Upload-Offset", "0"}}), 0);
  EXPECT_EQ(
      read({{"Content-Type", "application/offset+octet-stream; a=b"}, {"Upload-Offset", "0"}}), 0);
  EXPECT_EQ(read({{"Upload-Offset", "0"}}), 415) << "C16";
  EXPECT_EQ(read({{"Content-Type", "text/plain"}, {"Upload-Offset", "0"}}), 415) << "C16";
  EXPECT_EQ(read({kBody}), 400) << "C18";
  for (const char* bad : {"", "-1", "+5", "5.0", "0x5", "ten", "9223372036854775808"}) {
    EXPECT_EQ(read({kBody, {"Upload-Offset", bad}}), 400) << "C18, C27: " << bad;
  }
  EXPECT_EQ(read({kBody, {"Upload-Offset", "0"}, {"Upload-Length", "x"}}), 400);
  EXPECT_EQ(read({kBody, {"Upload-Offset", "0"}, {"Upload-Checksum", "sha1"}}), 400) << "K4";
  const auto trailer =
      read_append(fields({kBody, {"Upload-Offset", "0"}, {"Trailer", "X, upload-checksum"}}));
  EXPECT_TRUE(trailer->checksum.in_trailer) << "K6";
}

struct AppendRow {
  const char* row;
  store::Upload upload;
  AppendWish wish;
  std::optional<std::uint64_t> body_bytes;
  int status;
};

TEST(Protocol, AppendDecisionsComeInTheOrderOfTheRows) {
  const Policy policy{.upload_bytes_max = 1000};
  store::Upload final_upload = upload_at(10, 10);
  final_upload.concat = "final;/files/a";
  const AppendRow rows[] = {
      {"C14", upload_at(5, 10), {.offset = 5}, 5, 0},
      {"C17", upload_at(5, 10), {.offset = 4}, 5, 409},
      {"C17", upload_at(5, 10), {.offset = 6}, 4, 409},
      {"C20", upload_at(5, 10), {.offset = 5}, 6, 413},
      {"C20 after C17", upload_at(5, 10), {.offset = 6}, 600, 409},
      {"C22", upload_at(10, 10), {.offset = 10}, 600, 0},
      {"C22 after C17", upload_at(10, 10), {.offset = 9}, 1, 409},
      {"C24", upload_at(5, 10), {.offset = 5}, std::nullopt, 0},
      {"A9", final_upload, {.offset = 3}, 600, 403},
      {"N12", upload_at(5, std::nullopt), {.offset = 5, .length = 20}, 5, 0},
      {"N13", upload_at(5, 10), {.offset = 5, .length = 20}, 5, 400},
      {"N13", upload_at(5, 10), {.offset = 5, .length = 10}, 5, 0},
      {"N14", upload_at(5, std::nullopt), {.offset = 5, .length = 4}, 0, 400},
      {"N14", upload_at(5, std::nullopt), {.offset = 5, .length = 1001}, 0, 413},
      {"N15", upload_at(500, std::nullopt), {.offset = 500}, 501, 413},
      {"N15", upload_at(500, std::nullopt), {.offset = 500}, 500, 0},
      {"N16", upload_at(5, std::nullopt), {.offset = 5, .length = 5}, 0, 0},
      {"N16", upload_at(5, std::nullopt), {.offset = 5, .length = 5}, 1, 413},
  };
  for (const AppendRow& row : rows) {
    EXPECT_EQ(status(decide_append(row.wish, row.upload, row.body_bytes, policy)), row.status)
        << row.row;
  }
}

TEST(Protocol, AppendSaysWhatTheBodyMayDo) {
  const auto sized = decide_append({.offset = 5}, upload_at(5, 10), 5, {});
  EXPECT_EQ(sized->kind, Append::Kind::kStore);
  EXPECT_EQ(sized->start, 5u);
  EXPECT_EQ(sized->end_max, 10u);
  EXPECT_TRUE(sized->acknowledges_early);
  EXPECT_EQ(sized->declares_length, std::nullopt);

  // C21: a chunked body may run past the length and is then dropped whole.
  EXPECT_FALSE(
      decide_append({.offset = 5}, upload_at(5, 10), std::nullopt, {})->acknowledges_early);
  // Without any length there is nothing to run past.
  const auto endless = decide_append({.offset = 5}, upload_at(5, std::nullopt), std::nullopt, {});
  EXPECT_TRUE(endless->acknowledges_early);
  EXPECT_EQ(endless->end_max, kBytesMax);
  // K5: nothing is acknowledged before the digest was checked.
  AppendWish checked{.offset = 5};
  checked.checksum.in_head = *parse_checksum(kGoodSum);
  EXPECT_FALSE(decide_append(checked, upload_at(5, 10), 5, {})->acknowledges_early);

  EXPECT_EQ(decide_append({.offset = 5, .length = 20}, upload_at(5, std::nullopt), 5, {})
                ->declares_length,
            20u);
  EXPECT_EQ(decide_append({.offset = 10}, upload_at(10, 10), 7, {})->kind, Append::Kind::kNothing);
}

TEST(Protocol, C25K5_WhatACutBodyKeeps) {
  using enum BodyEnd;
  for (const BodyEnd end : {kPeerGone, kStalled, kMalformed, kTakenOver, kStopping, kNoSpace}) {
    EXPECT_TRUE(keeps_bytes(end, false));
    EXPECT_FALSE(keeps_bytes(end, true));
  }
  EXPECT_TRUE(keeps_bytes(kWhole, true));
  EXPECT_FALSE(keeps_bytes(kOverrun, false));
}

TEST(Protocol, WhatCanBeTriedAgainIsNotFinalForStockClients) {
  using enum BodyEnd;
  for (const BodyEnd end : {kPeerGone, kStalled, kTakenOver, kStopping, kNoSpace, kDiskFailed}) {
    const int got = refusal_of(end).status;
    EXPECT_TRUE(got == 409 || got == 423 || got >= 500) << got;
  }
  EXPECT_EQ(refusal_of(kOverrun).status, 413);
  EXPECT_EQ(refusal_of(kNoSpace).status, 507);
  EXPECT_EQ(refusal_of(ChecksumVerdict::kMismatch).status, 460);
  EXPECT_EQ(refusal_of(ChecksumVerdict::kMissing).status, 400);
}

TEST(Protocol, C4C6C7C8_OptionsSaysWhatWorks) {
  Headers bare;
  add_options_fields(bare, {});
  EXPECT_EQ(bare.get("Tus-Version"), "1.0.0");
  EXPECT_FALSE(bare.has("Tus-Max-Size"));
  EXPECT_EQ(bare.get("Tus-Extension")->find("expiration"), std::string_view::npos);
  EXPECT_EQ(bare.get("Tus-Checksum-Algorithm"), "sha1,sha256,md5,crc32");
  Headers full;
  add_options_fields(full, {.upload_bytes_max = 5, .expire_after_ms = 1});
  EXPECT_EQ(full.get("Tus-Max-Size"), "5");
  EXPECT_NE(full.get("Tus-Extension")->find("expiration"), std::string_view::npos);
}

TEST(Protocol, C10C11C12_HeadSaysTheWholeState) {
  store::Upload upload = upload_at(0, 10);
  upload.metadata = "filename YQ==,flag";
  upload.updated_at_ms = 784111777000 - 1000;
  Headers state;
  add_state_fields(state, upload, {.expire_after_ms = 1000});
  EXPECT_EQ(state.get("Upload-Offset"), "0");
  EXPECT_EQ(state.get("Upload-Length"), "10");
  EXPECT_EQ(state.get("Upload-Metadata"), "filename YQ==,flag");
  EXPECT_EQ(state.get("Cache-Control"), "no-store");
  EXPECT_EQ(state.get("Upload-Expires"), "Sun, 06 Nov 1994 08:49:37 GMT") << "E1, E2";
  EXPECT_FALSE(state.has("Upload-Defer-Length"));

  Headers deferred;
  add_state_fields(deferred, upload_at(3, std::nullopt), {});
  EXPECT_EQ(deferred.get("Upload-Defer-Length"), "1") << "N11";
  EXPECT_FALSE(deferred.has("Upload-Length"));
  EXPECT_FALSE(deferred.has("Upload-Expires"));
}

TEST(Protocol, E4_OnlyWhatIsUnfinishedOrUnusedExpires) {
  const Policy policy{.expire_after_ms = 10};
  store::Upload upload = upload_at(5, 10);
  upload.updated_at_ms = 100;
  EXPECT_EQ(expiry_of(upload, policy), 110);
  EXPECT_EQ(expiry_of(upload, {}), std::nullopt);
  upload.complete = true;
  EXPECT_EQ(expiry_of(upload, policy), std::nullopt);
  upload.concat = "partial";
  EXPECT_EQ(expiry_of(upload, policy), 110);
}

}  // namespace
}  // namespace sf::tus
