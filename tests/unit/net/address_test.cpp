#include <streamforge/net/connection.hpp>

#include <gtest/gtest.h>

#include <string>

namespace sf::net {
namespace {

TEST(ParseAddress, ReadsTheFourForms) {
  struct Row {
    const char* text;
    const char* host;
    int port;
    const char* printed;
    bool loopback;
  };
  for (const Row& row :
       {Row{"127.0.0.1:8080", "127.0.0.1", 8080, "127.0.0.1:8080", true},
        Row{"0.0.0.0:0", "0.0.0.0", 0, "0.0.0.0:0", false},
        Row{"[::1]:443", "::1", 443, "[::1]:443", true},
        Row{"[2001:db8::7]:65535", "2001:db8::7", 65535, "[2001:db8::7]:65535", false},
        Row{":80", "::", 80, "[::]:80", false},
        Row{"localhost:1", "127.0.0.1", 1, "127.0.0.1:1", true},
        Row{"LocalHost:1", "127.0.0.1", 1, "127.0.0.1:1", true}}) {
    const Result<Address> address = parse_address(row.text);
    ASSERT_TRUE(address) << row.text;
    EXPECT_EQ(address->host, row.host);
    EXPECT_EQ(address->port, row.port);
    EXPECT_EQ(address->to_string(), row.printed);
    EXPECT_EQ(address->is_loopback(), row.loopback) << row.text;
  }
}

TEST(ParseAddress, RefusesWhatIsNone) {
  for (const char* text :
       {"", ":", "8080", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1",
        "127.0.0.1:+1", "127.0.0.1:8o", "::1:80", "[::1]", "[]:80", "[127.0.0.1]:80",
        "example.org:80", "1.2.3:80", " 127.0.0.1:80"}) {
    const Result<Address> address = parse_address(text);
    ASSERT_FALSE(address) << text;
    EXPECT_EQ(address.error().code, ErrorCode::kInvalidArgument);
    EXPECT_NE(address.error().message.find("ADDR:PORT"), std::string::npos);
  }
}

}  // namespace
}  // namespace sf::net
