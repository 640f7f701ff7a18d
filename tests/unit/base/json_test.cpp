#include <streamforge/base/json.hpp>

#include <gtest/gtest.h>

#include <limits>

namespace sf::json {
namespace {

TEST(JsonParse, ReadsATreeByType) {
  const auto root = parse(R"({"s":"é\n","i":-3,"u":18446744073709551615,"d":1.5,"b":true,
                             "n":null,"a":[1,"x"],"i":7})");
  ASSERT_TRUE(root) << root.error().message;
  EXPECT_EQ(root->string_at("s"), "é\n");
  EXPECT_EQ(root->int_at("i"), 7) << "the last of equal keys counts";
  EXPECT_EQ(root->uint_at("u"), ~std::uint64_t{0});
  EXPECT_EQ(root->int_at("u", -1), -1) << "does not fit";
  EXPECT_EQ(root->double_at("d"), 1.5);
  EXPECT_EQ(root->double_at("i"), 7.0);
  EXPECT_EQ(root->int_at("d", 9), 9) << "an integer is read from integers only";
  EXPECT_TRUE(root->bool_at("b"));
  ASSERT_NE(root->find("n"), nullptr);
  EXPECT_TRUE(root->find("n")->is_null());
  ASSERT_EQ(root->find("a")->array().size(), 2u);
  EXPECT_EQ(root->find("a")->array()[1].as_string(), "x");
  EXPECT_EQ(root->find("missing"), nullptr);
  EXPECT_EQ(root->string_at("i", "no text"), "no text");
}

TEST(JsonParse, RefusesWhatIsNotJson) {
  for (const char* bad :
       {"", " ", "{", "[1,]", "{\"a\":1,}", "{a:1}", "01", "1 2", "nul", "\"\xC3\"", "[\"\n\"]",
        "NaN", "// x\n1", "{\"a\" 1}", "[1}", "\"\\ud800\"", "18446744073709551616"}) {
    const auto value = parse(bad);
    ASSERT_FALSE(value) << bad;
    EXPECT_EQ(value.error().code, ErrorCode::kInvalidArgument);
  }
}

TEST(JsonParse, NestsToSixtyFourAndNoDeeper) {
  const auto nested = [](std::size_t depth) {
    return std::string(depth, '[') + '1' + std::string(depth, ']');
  };
  EXPECT_TRUE(parse(nested(64)));
  EXPECT_FALSE(parse(nested(65)));
  EXPECT_FALSE(parse(nested(100'000)));
}

TEST(JsonWriter, PlacesCommasAndEscapes) {
  Writer writer;
  writer.begin_object()
      .field("id", "a\"b\\c\n\x01")
      .field("count", 3)
      .field("none", std::optional<int>())
      .field("some", std::optional(std::string("x")))
      .key("list")
      .begin_array()
      .value(1u)
      .value(true)
      .begin_object()
      .end_object()
      .null()
      .end_array()
      .field("raw", 0.25)
      .end_object();
  EXPECT_EQ(writer.text(), R"({"id":"a\"b\\c\n\u0001","count":3,"none":null,"some":"x",)"
                           R"("list":[1,true,{},null],"raw":0.25})");
}

TEST(JsonWriter, NeverWritesWhatIsNotJson) {
  Writer writer;
  writer.begin_array()
      .value(std::numeric_limits<double>::quiet_NaN())
      .value(std::numeric_limits<double>::infinity())
      .value("bad \xC3 byte")
      .value(std::string_view("\0", 1))
      .end_array();
  EXPECT_EQ(writer.text(), "[null,null,\"bad \xEF\xBF\xBD byte\",\"\\u0000\"]");
  EXPECT_TRUE(parse(writer.text()));
}

TEST(JsonWriter, DoublesReadBackTheSame) {
  for (const double number : {0.0, 0.1, 1e300, 5e-324, 1234567890.125, -2.5}) {
    Writer writer;
    writer.value(number);
    const auto back = parse(writer.text());
    ASSERT_TRUE(back) << writer.text();
    EXPECT_EQ(back->as_double(), number);
  }
}

}  // namespace
}  // namespace sf::json
