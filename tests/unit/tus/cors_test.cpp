#include "cors.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sf::tus {
namespace {

using testing::HasSubstr;

TEST(Cors, AllowsAnyOriginByDefaultWithoutCredentials) {
  const Cors cors({});
  EXPECT_TRUE(cors.allows("https://example.org", "127.0.0.1:8080"));
  http::Headers fields;
  cors.add_fields(fields, "https://example.org", false);
  EXPECT_EQ(fields.get("Access-Control-Allow-Origin"), "*");
  EXPECT_EQ(fields.get("Vary"), "Origin");
  EXPECT_FALSE(fields.has("Access-Control-Allow-Credentials"));
  EXPECT_FALSE(fields.has("Access-Control-Allow-Methods"));
  EXPECT_THAT(std::string(*fields.get("Access-Control-Expose-Headers")),
              HasSubstr("Upload-Offset"));
}

TEST(Cors, SpellsOutWhatAPreflightAsksFor) {
  http::Headers fields;
  Cors({}).add_fields(fields, "https://example.org", true);
  EXPECT_EQ(fields.get("Access-Control-Allow-Methods"), "POST, HEAD, PATCH, OPTIONS, GET, DELETE");
  const std::string allowed(*fields.get("Access-Control-Allow-Headers"));
  for (const char* name : {"Authorization", "Tus-Resumable", "Upload-Offset", "Upload-Metadata",
                           "X-HTTP-Method-Override", "Upload-Checksum", "Content-Type"}) {
    EXPECT_THAT(allowed, HasSubstr(name));
  }
  EXPECT_TRUE(fields.has("Access-Control-Max-Age"));
}

TEST(Cors, KeepsToAList) {
  const Cors cors({"https://a.example", "https://b.example"});
  EXPECT_TRUE(cors.allows("https://b.example", "host"));
  EXPECT_FALSE(cors.allows("https://c.example", "host"));
  EXPECT_FALSE(cors.allows("http://a.example", "host"));
  EXPECT_FALSE(cors.allows("null", "host"));
  // The page that this server delivered itself.
  EXPECT_TRUE(cors.allows("http://host:8080", "host:8080"));
  http::Headers fields;
  cors.add_fields(fields, "https://b.example", false);
  EXPECT_EQ(fields.get("Access-Control-Allow-Origin"), "https://b.example");
}

}  // namespace
}  // namespace sf::tus
