/// OPTIONS: rows C4–C8, and X1, X2 for browsers of other origins.

#include "tus_case.hpp"

namespace sf::test {
namespace {

using TusOptions = TusCase;

std::vector<std::string> names(const std::string& list) {
  std::vector<std::string> out;
  for (const auto name : split(list, ',')) out.push_back(to_lower(trim(name)));
  return out;
}
bool lists(const std::string& list, std::string_view name) {
  const auto all = names(list);
  return std::find(all.begin(), all.end(), to_lower(name)) != all.end();
}

TEST_P(TusOptions, C4_SaysTheVersionWithoutBeingAsked) {
  const std::string path = create(5);
  for (const std::string& target : {std::string("/files"), path, std::string("/files/unknown")}) {
    const auto answer = bare("OPTIONS", target);
    EXPECT_EQ(answer.status, 204) << target;
    EXPECT_EQ(answer["Tus-Version"], "1.0.0");
    EXPECT_EQ(answer["Tus-Resumable"], "1.0.0");
  }
}

TEST_P(TusOptions, C5_IgnoresTheVersionOfTheClient) {
  const auto answer = bare("OPTIONS", "/files", {{"Tus-Resumable", "9.9"}});
  EXPECT_EQ(answer.status, 204);
  EXPECT_EQ(answer["Tus-Version"], "1.0.0");
}

TEST_P(TusOptions, C6C8N22E4_ListsWhatWorks) {
  const auto answer = bare("OPTIONS", "/files");
  const std::vector<std::string> all{"creation",
                                     "creation-with-upload",
                                     "creation-defer-length",
                                     "termination",
                                     "checksum",
                                     "checksum-trailer",
                                     "expiration",
                                     "concatenation",
                                     "concatenation-unfinished"};
  for (const auto& extension : all) {
    EXPECT_TRUE(lists(answer["Tus-Extension"], extension)) << extension;
  }
  EXPECT_EQ(names(answer["Tus-Extension"]).size(), all.size()) << "and nothing else";
  EXPECT_EQ(answer["Tus-Checksum-Algorithm"], "sha1,sha256,md5,crc32");
}

TEST_P(TusOptions, C7_NamesNoLimitWhenThereIsNone) {
  EXPECT_FALSE(bare("OPTIONS", "/files").find("Tus-Max-Size"));
}

TEST_P(TusOptions, X1_AnswersAPreflight) {
  const auto answer = bare("OPTIONS", "/files",
                           {{"Origin", "https://app.example"},
                            {"Access-Control-Request-Method", "POST"},
                            {"Access-Control-Request-Headers", "tus-resumable,upload-length"}});
  EXPECT_EQ(answer.status, 204);
  EXPECT_EQ(answer["Access-Control-Allow-Origin"], "*");
  EXPECT_FALSE(answer.find("Access-Control-Allow-Credentials"));
  for (const char* method : {"POST", "HEAD", "PATCH", "OPTIONS", "GET", "DELETE"}) {
    EXPECT_TRUE(lists(answer["Access-Control-Allow-Methods"], method)) << method;
  }
  for (const char* field :
       {"Authorization", "Origin", "X-Requested-With", "X-Request-ID", "X-HTTP-Method-Override",
        "Content-Type", "Upload-Length", "Upload-Offset", "Upload-Metadata", "Upload-Defer-Length",
        "Upload-Concat", "Upload-Checksum", "Tus-Resumable", "Upload-Complete"}) {
    EXPECT_TRUE(lists(answer["Access-Control-Allow-Headers"], field)) << field;
  }
  EXPECT_TRUE(answer.find("Access-Control-Max-Age"));
}

TEST_P(TusOptions, X2_ExposesItsFieldsToPages) {
  const auto answer = post({{"Upload-Length", "5"}, {"Origin", "https://app.example"}});
  EXPECT_EQ(answer.status, 201);
  EXPECT_EQ(answer["Access-Control-Allow-Origin"], "*");
  EXPECT_EQ(answer["Vary"], "Origin");
  for (const char* field : {"Upload-Offset", "Location", "Upload-Length", "Tus-Version",
                            "Tus-Resumable", "Tus-Max-Size", "Tus-Extension", "Upload-Metadata",
                            "Upload-Defer-Length", "Upload-Concat", "Upload-Expires"}) {
    EXPECT_TRUE(lists(answer["Access-Control-Expose-Headers"], field)) << field;
  }
  EXPECT_FALSE(bare("OPTIONS", "/files").find("Access-Control-Allow-Origin"));
}

SF_ON_BOTH_BACKENDS(TusOptions);

class TusOptionsWithLimit : public TusCase {
 protected:
  TusOptionsWithLimit() : TusCase({"--upload-max-bytes", "1000"}) {}
};

TEST_P(TusOptionsWithLimit, C7N6_NamesTheLimitAndKeepsIt) {
  EXPECT_EQ(bare("OPTIONS", "/files")["Tus-Max-Size"], "1000");
  EXPECT_EQ(post({{"Upload-Length", "1001"}}).status, 413);
  EXPECT_EQ(post({{"Upload-Length", "1000"}}).status, 201);
}

TEST_P(TusOptionsWithLimit, N14N15_HoldsForDeferredLengths) {
  const std::string path = post({{"Upload-Defer-Length", "1"}})["Location"];
  EXPECT_EQ(patch(path, "0", "", {{"Upload-Length", "1001"}}).status, 413);
  EXPECT_EQ(patch(path, "0", noise(1001)).status, 413);
  auto client = connect();
  client.send(patch_head(path, 0, "Transfer-Encoding: chunked\r\n"));
  client.send("3e9\r\n" + noise(1001) + "\r\n0\r\n\r\n");
  EXPECT_EQ(client.read_response().status, 413);
  EXPECT_EQ(offset(path), "0");
  EXPECT_EQ(patch(path, "0", noise(1000)).status, 204);
  EXPECT_EQ(patch(path, "1000", "x").status, 413);
}

SF_ON_BOTH_BACKENDS(TusOptionsWithLimit);

}  // namespace
}  // namespace sf::test
