#include "ass_text.hpp"

#include <streamforge/base/bytes.hpp>

#include <gtest/gtest.h>

#include <random>

namespace sf::transcode {
namespace {

std::string text_of(std::string_view text) {
  const auto event = read_ass_event(concat("0,0,Default,,0,0,0,,", text));
  EXPECT_TRUE(event) << text;
  return event ? event->text : std::string();
}

TEST(AssText, StylesBecomeTagsOtherCodesGo) {
  const struct {
    const char* ass;
    const char* webvtt;
  } cases[] = {
      {"plain", "plain"},
      {"a, comma, stays", "a, comma, stays"},
      {"{\\b1}bold{\\b0} {\\i1}it{\\i0} {\\u1}un{\\u0}", "<b>bold</b> <i>it</i> <u>un</u>"},
      {"{\\i1\\b1}both{\\i0} bold", "<b><i>both</i></b><b> bold</b>"},
      {"{\\i1}never closed", "<i>never closed</i>"},
      {"{\\i1}gone{\\r} plain", "<i>gone</i> plain"},
      {"{\\b700}heavy{\\b400} light", "<b>heavy</b> light"},
      {"{\\i1}one\\Ntwo", "<i>one\ntwo</i>"},
      {"{\\i1}one{\\i0}\\Ntwo", "<i>one</i>\ntwo"},
      {"{\\blur5}{\\bord2}{\\be1}{\\iclip(1,2,3,4)}{\\fad(1,2)}x", "x"},
      {"{\\pos(10,20)\\c&Hffffff&\\fnArial}here", "here"},
      {"{a comment}shown", "shown"},
      {"not {closed", "not {closed"},
      {"1\\N\\N\\N2\\n3", "1\n2\n3"},
      {"\\N\\Nlead and trail\\N", "lead and trail"},
      {"a\\hb", "a b"},
      {"C:\\dir", "C:\\dir"},
      {"\\{braces\\}", "{braces}"},
      {"a < b & c > d", "a &lt; b &amp; c &gt; d"},
      {"00:00 --> 00:01", "00:00 --&gt; 00:01"},
      {"<script>x</script>", "&lt;script&gt;x&lt;/script&gt;"},
      {"\x01\x02tab\there\x7f", "tab here"},
      {"line\r\nbreak\n\nand more", "line\nbreak\nand more"},
      {"Grüß Gott 字幕", "Grüß Gott 字幕"},
      {"{\\p1}m 0 0 l 100 0 100 100{\\p0}", ""},
      {"{\\p1}m 0 0{\\p0}after", "after"},
      {"", ""},
      {"  \\N  ", ""},
      {"a\\N  \\Nb", "a\nb"},
  };
  for (const auto& c : cases) EXPECT_EQ(text_of(c.ass), c.webvtt) << c.ass;
}

TEST(AssText, TellsWhatIsShownAtTheTop) {
  const auto top = [](std::string_view text) {
    return read_ass_event(concat("0,0,,,0,0,0,,", text))->at_top;
  };
  EXPECT_TRUE(top("{\\an8}up"));
  EXPECT_TRUE(top("{\\a6}up, in SSA"));
  EXPECT_FALSE(top("{\\an2}down"));
  EXPECT_FALSE(top("{\\an5}middle"));
  EXPECT_FALSE(top("down"));
}

TEST(AssText, RefusesWhatIsNoEvent) {
  EXPECT_FALSE(read_ass_event(""));
  EXPECT_FALSE(read_ass_event("0,0,Default,,0,0,0"));
  EXPECT_FALSE(read_ass_event("0,0,Default,,0,0,0,,\xff\xfe"));
}

// Whatever comes, no line is empty, nothing reads as a cue's times, and each tag is closed.
TEST(AssText, NothingBreaksOutOfItsCue) {
  std::mt19937 random(7);
  constexpr std::string_view kPieces[] = {"{",   "}",   "\\",  "\\N",  "\\i1", "\\b1", "\\u0",
                                          "\\r", "-->", "<i>", "</b",  "&",    "\n",   "\n\n",
                                          "\r",  " ",   "x",   "\\p1", "\\h",  ">",    "\\an8"};
  for (unsigned round = 0; round < 20'000; ++round) {
    std::string in;
    for (auto i = random() % 12; i > 0; --i) in += kPieces[random() % std::size(kPieces)];
    const std::string out = text_of(in);
    EXPECT_EQ(out.find("\n\n"), std::string::npos) << in;
    EXPECT_EQ(out.find("-->"), std::string::npos) << in;
    EXPECT_FALSE(out.starts_with('\n') || out.ends_with('\n')) << in;
    std::vector<char> open;
    for (std::size_t at = out.find('<'); at != std::string::npos; at = out.find('<', at + 1)) {
      if (out[at + 1] != '/') {
        open.push_back(out[at + 1]);
      } else {
        ASSERT_FALSE(open.empty()) << in;
        EXPECT_EQ(open.back(), out[at + 2]) << in;
        open.pop_back();
      }
    }
    EXPECT_TRUE(open.empty()) << in;
    if (HasFailure()) break;
  }
}

}  // namespace
}  // namespace sf::transcode
