#include "ietf.hpp"

#include <streamforge/base/bytes.hpp>

#include <gtest/gtest.h>

#include <initializer_list>
#include <utility>

namespace sf::tus {
namespace {

using http::Headers;

Headers fields(std::initializer_list<std::pair<const char*, const char*>> pairs) {
  Headers headers;
  for (const auto& [name, value] : pairs) headers.add(name, value);
  return headers;
}

template <class T>
int status(const Decision<T>& decision) {
  return decision ? 0 : decision.error().status;
}

/// As the draft makes them, unless `tus`.
store::Upload upload_at(std::uint64_t offset, std::optional<std::uint64_t> length,
                        bool tus = false) {
  store::Upload upload;
  upload.offset = offset;
  upload.length = length;
  upload.explicit_end = !tus;
  return upload;
}

constexpr std::pair<const char*, const char*> kBody = {"Content-Type",
                                                       "application/partial-upload"};

TEST(Ietf, ARequestIsOfTheDraftOnceAFieldOfItIsThere) {
  EXPECT_FALSE(speaker_of(fields({{"Tus-Resumable", "1.0.0"}})).is_ietf());
  EXPECT_FALSE(speaker_of({}).is_ietf());
  EXPECT_TRUE(speaker_of(fields({{"Upload-Complete", "?1"}})).is_ietf());
  EXPECT_TRUE(speaker_of(fields({{"Upload-Incomplete", "?1"}})).is_ietf());
  EXPECT_TRUE(speaker_of(fields({{"Upload-Draft-Interop-Version", "8"}})).is_ietf());
  EXPECT_TRUE(speaker_of(fields({{"Content-Type", "Application/Partial-Upload; a=b"}})).is_ietf());
}

TEST(Ietf, R1_OnlySupportedVersionsAreNamed) {
  for (unsigned version = 0; version < 12; ++version) {
    Headers headers;
    headers.add("Upload-Draft-Interop-Version", std::to_string(version));
    const Speaker speaker = speaker_of(headers);
    const bool supported = version >= 3 && version <= 8;
    EXPECT_EQ(speaker.named_version, supported) << version;
    EXPECT_EQ(speaker.version, supported ? version : 8) << version;
  }
  EXPECT_FALSE(speaker_of(fields({{"Upload-Complete", "?1"}})).named_version);
  EXPECT_FALSE(speaker_of(fields({{"Upload-Draft-Interop-Version", "eight"}})).named_version);
  EXPECT_EQ(speaker_of(fields({{"Upload-Incomplete", "?1"}})).version, 3u);
}

TEST(Ietf, R25_MalformedFieldsAreAbsent) {
  EXPECT_EQ(read_completeness(fields({{"Upload-Complete", "?1"}})), true);
  EXPECT_EQ(read_completeness(fields({{"Upload-Complete", "?0;x"}})), false);
  EXPECT_EQ(read_completeness(fields({{"Upload-Incomplete", "?1"}})), false);
  EXPECT_EQ(read_completeness(fields({{"Upload-Complete", "true"}})), std::nullopt);
  EXPECT_EQ(read_completeness({}), std::nullopt);
  const Speaker speaker = speaker_of(fields({{"Upload-Draft-Interop-Version", "8"}}));
  for (const char* bad : {"-1", "\"5\"", "5.0", "1, 1"}) {
    const auto wish = read_ietf_append(speaker, fields({kBody, {"Upload-Offset", bad}}));
    EXPECT_EQ(status(wish), 400) << bad;
  }
  const auto length =
      read_ietf_creation(fields({{"Upload-Complete", "?0"}, {"Upload-Length", "-1"}}), 0, {});
  EXPECT_EQ(length->length, std::nullopt);
}

TEST(Ietf, R6R7_CreationLengthsAgree) {
  const auto create = [](std::initializer_list<std::pair<const char*, const char*>> pairs,
                         std::optional<std::uint64_t> body_bytes) {
    return read_ietf_creation(fields(pairs), body_bytes, {.upload_bytes_max = 1000});
  };
  EXPECT_EQ(status(create({}, 10)), 400);
  EXPECT_EQ(create({{"Upload-Complete", "?1"}}, 10)->length, 10u);
  EXPECT_EQ(create({{"Upload-Complete", "?0"}}, 10)->length, std::nullopt);
  EXPECT_EQ(create({{"Upload-Complete", "?0"}, {"Upload-Length", "20"}}, 10)->length, 20u);
  EXPECT_EQ(create({{"Upload-Complete", "?1"}, {"Upload-Length", "20"}}, std::nullopt)->length,
            20u);
  const auto disagree = create({{"Upload-Complete", "?1"}, {"Upload-Length", "20"}}, 10);
  ASSERT_EQ(status(disagree), 400);
  EXPECT_TRUE(disagree.error().type.ends_with("#inconsistent-upload-length"));
  EXPECT_EQ(status(create({{"Upload-Complete", "?0"}, {"Upload-Length", "5"}}, 10)), 400) << "R16";
  EXPECT_EQ(status(create({{"Upload-Complete", "?1"}}, 1001)), 413) << "R24";
  EXPECT_EQ(status(create({{"Upload-Complete", "?0"}, {"Upload-Length", "1001"}}, 0)), 413);
}

TEST(Ietf, R30_NamesAreReadFromContentDisposition) {
  const auto filename = [](const char* disposition) {
    const auto creation = read_ietf_creation(
        fields({{"Upload-Complete", "?0"}, {"Content-Disposition", disposition}}), 0, {});
    return creation ? creation->description.filename : "refused";
  };
  EXPECT_EQ(filename("inline; filename=\"a film.mp4\""), "a film.mp4");
  EXPECT_EQ(filename("attachment; x=1; filename=film.mp4 ; y=\"2\""), "film.mp4");
  EXPECT_EQ(filename("inline; filename=\"f.mp4\"; filename*=UTF-8''%C3%BC%20b.mp4"),
            "\u00fc b.mp4");
  EXPECT_EQ(filename("inline; filename=\"a\\\"b;c.mp4\""), "a\"b;c.mp4");
  EXPECT_EQ(filename("inline; filename*=UTF-8''..%2F..%2Fetc%0D%0AX:%00y"), "etc  X: y");
  EXPECT_EQ(filename("inline; filename*=latin1''x; filename=\"fallback\""), "fallback");
  for (const char* odd : {"", ";", "inline;", "inline; filename", "inline; filename=\"open"}) {
    EXPECT_NE(filename(odd), "refused") << odd;
  }
  const auto typed =
      read_ietf_creation(fields({{"Upload-Complete", "?0"}, {"Content-Type", "video/mp4"}}), 0, {});
  EXPECT_EQ(typed->metadata, "filetype dmlkZW8vbXA0");
  const auto both = read_ietf_creation(fields({{"Upload-Complete", "?0"},
                                               {"Content-Type", "video/mp4"},
                                               {"Upload-Metadata", "title YQ=="}}),
                                       0, {});
  EXPECT_EQ(both->metadata, "title YQ==");
}

TEST(Ietf, R12_AppendsByVersion) {
  const auto speaker = [](unsigned version) {
    return Speaker{.dialect = Dialect::kIetf, .version = version, .named_version = true};
  };
  for (unsigned version = 3; version <= 8; ++version) {
    const auto typed = read_ietf_append(
        speaker(version), fields({kBody, {"Upload-Offset", "5"}, {"Upload-Complete", "?1"}}));
    ASSERT_EQ(status(typed), 0) << version;
    EXPECT_EQ(typed->offset, 5u);
    EXPECT_TRUE(typed->ends);
    const auto untyped = read_ietf_append(
        speaker(version), fields({{"Upload-Offset", "5"}, {"Upload-Complete", "?1"}}));
    EXPECT_EQ(status(untyped), version >= 6 ? 415 : 0) << version;
    const auto unsaid = read_ietf_append(speaker(version), fields({kBody, {"Upload-Offset", "5"}}));
    EXPECT_EQ(unsaid->ends, version == 3) << version;
    const bool bare =
        check_bare_request(speaker(version), fields({{"Upload-Offset", "5"}})).has_value();
    EXPECT_EQ(bare, version > 5) << version;
  }
}

struct Row {
  const char* row;
  store::Upload upload;
  AppendWish wish;
  std::optional<std::uint64_t> body_bytes;
  int status;
};

AppendWish wish(std::uint64_t offset, bool ends = false,
                std::optional<std::uint64_t> length = std::nullopt) {
  return {.offset = offset, .length = length, .dialect = Dialect::kIetf, .ends = ends};
}

TEST(Ietf, AppendDecisions) {
  store::Upload complete = upload_at(10, 10);
  complete.complete = true;
  store::Upload final_upload = upload_at(10, 10);
  final_upload.concat = "final;/files/a";
  store::Upload partial = upload_at(0, 10);
  partial.concat = "partial";
  const Policy policy{.upload_bytes_max = 1000};
  const Row rows[] = {
      {"R12", upload_at(5, 10), wish(5), 5, 0},
      {"R12", upload_at(5, 10), wish(5), 2, 0},
      {"R13", upload_at(5, 10), wish(5, true), 5, 0},
      {"R13", upload_at(5, std::nullopt), wish(5, true), std::nullopt, 0},
      {"R14", upload_at(10, 10), wish(10, true), 0, 0},
      {"R14", upload_at(10, 10), wish(10), 0, 0},
      {"R15", upload_at(5, 10), wish(4), 5, 409},
      {"R15", upload_at(5, 10), wish(6, true), 4, 409},
      {"R6", upload_at(5, 10), wish(5, true), 4, 400},
      {"R6", upload_at(5, 10), wish(5, false, 11), 2, 400},
      {"R6", upload_at(5, std::nullopt), wish(5, true, 11), 5, 400},
      {"R6", upload_at(5, std::nullopt), wish(5, false, 4), 0, 400},
      {"R7", upload_at(5, std::nullopt), wish(5, true, 10), 5, 0},
      {"R16", upload_at(5, 10), wish(5), 6, 400},
      {"R16", upload_at(5, 10), wish(5), std::nullopt, 0},
      {"R24", upload_at(5, std::nullopt), wish(5), 996, 413},
      {"R26", complete, wish(10), 0, 400},
      {"R26", complete, wish(10, true), 1, 400},
      {"R26", complete, wish(3), 1, 400},
      {"R26 replay", complete, wish(10, true), 0, 0},
      {"A9", final_upload, wish(10, true), 0, 403},
      {"a part", partial, wish(0, true), 10, 403},
      {"made by tus", upload_at(5, 10, true), wish(5), 6, 413},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(status(decide_append(row.wish, row.upload, row.body_bytes, policy)), row.status)
        << row.row;
  }
}

TEST(Ietf, WhoCreatedItDecidesHowItEnds) {
  using End = Append::End;
  const AppendWish by_tus{.offset = 5};
  const auto end = [](const AppendWish& asked, const store::Upload& upload) {
    return decide_append(asked, upload, 5, {})->end;
  };
  EXPECT_EQ(end(by_tus, upload_at(5, 10, true)), End::kAtLength);
  EXPECT_EQ(end(by_tus, upload_at(5, 10)), End::kNotYet);
  EXPECT_EQ(end(wish(5), upload_at(5, 10)), End::kNotYet);
  EXPECT_EQ(end(wish(5, true), upload_at(5, 10)), End::kNow);
  EXPECT_EQ(end(wish(5), upload_at(5, 10, true)), End::kAtLength);
  EXPECT_EQ(end(wish(5, true), upload_at(5, std::nullopt, true)), End::kNow);
}

TEST(Ietf, R16_WhoCreatedItDecidesWhatAnOverrunDoes) {
  const auto sized = decide_append(wish(5), upload_at(5, 10), 6, {});
  ASSERT_EQ(status(sized), 400);
  EXPECT_TRUE(sized.error().voids_upload);
  EXPECT_TRUE(sized.error().type.ends_with("#inconsistent-upload-length"));
  const auto by_tus = decide_append({.offset = 5}, upload_at(5, 10), 6, {});
  ASSERT_EQ(status(by_tus), 413);
  EXPECT_TRUE(by_tus.error().voids_upload);
  const auto chunked = decide_append(wish(5), upload_at(5, 10), std::nullopt, {});
  EXPECT_TRUE(chunked->overrun_voids);
  EXPECT_TRUE(chunked->acknowledges_early) << "R18";
  EXPECT_TRUE(refusal_of(BodyEnd::kOverrun, *chunked).voids_upload);
  const auto made_by_tus = decide_append(wish(5), upload_at(5, 10, true), std::nullopt, {});
  EXPECT_FALSE(made_by_tus->overrun_voids);
  EXPECT_FALSE(made_by_tus->acknowledges_early);
  EXPECT_FALSE(refusal_of(BodyEnd::kOverrun, *made_by_tus).voids_upload);
}

TEST(Ietf, R15R27_ProblemTypesCarryTheirMembers) {
  const auto conflict = decide_append(wish(4), upload_at(5, 10), 5, {});
  ASSERT_EQ(status(conflict), 409);
  EXPECT_TRUE(conflict.error().type.ends_with("#mismatching-upload-offset"));
  ASSERT_EQ(conflict.error().members.size(), 2u);
  EXPECT_EQ(conflict.error().members[0].first, "expected-offset");
  EXPECT_EQ(std::get<std::uint64_t>(conflict.error().members[0].second), 5u);
  EXPECT_EQ(std::get<std::uint64_t>(conflict.error().members[1].second), 4u);
  const auto mismatch = refusal_of(ChecksumVerdict::kMismatch, {.dialect = Dialect::kIetf});
  EXPECT_EQ(mismatch.status, 400);
  EXPECT_TRUE(mismatch.type.ends_with("#digest-mismatching-value"));
  EXPECT_EQ(refusal_of(ChecksumVerdict::kMismatch, Append{}).status, 460);
}

TEST(Ietf, R8R22R23_LimitsAreSaidOrSaidToBeNone) {
  EXPECT_EQ(upload_limit({}, std::nullopt, 0), "min-size=0");
  EXPECT_EQ(upload_limit({.upload_bytes_max = 5}, std::nullopt, 0), "max-size=5");
  EXPECT_EQ(upload_limit({}, 61'500, 1'000), "max-age=60");
  EXPECT_EQ(upload_limit({.upload_bytes_max = 5}, 1'000, 2'000), "max-size=5, max-age=0");
  Headers options;
  add_ietf_options(options, {.expire_after_ms = 60'000}, 5);
  EXPECT_EQ(options.get("Accept-Patch"), "application/partial-upload");
  EXPECT_EQ(options.get("Upload-Limit"), "max-age=60");
}

TEST(Ietf, R8_StateInTheWordsOfTheVersion) {
  Headers newest;
  add_ietf_state(newest, {}, upload_at(5, 10), {}, 0);
  EXPECT_EQ(newest.get("Upload-Offset"), "5");
  EXPECT_EQ(newest.get("Upload-Complete"), "?0");
  EXPECT_EQ(newest.get("Upload-Length"), "10");
  EXPECT_EQ(newest.get("Cache-Control"), "no-store");
  Headers third;
  add_ietf_progress(third, {.version = 3}, upload_at(5, 10));
  EXPECT_EQ(third.get("Upload-Incomplete"), "?1");
  EXPECT_FALSE(third.has("Upload-Complete"));
}

}  // namespace
}  // namespace sf::tus
