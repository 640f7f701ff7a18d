#include "languages.hpp"

#include <streamforge/base/bytes.hpp>

#include <algorithm>
#include <array>
#include <utility>

namespace sf::transcode {
namespace {

// ISO 639-2 (both forms) to 639-1, of the languages that have one and are met in files.
using Pair = std::pair<std::string_view, std::string_view>;
constexpr std::array kShort{
    Pair{"eng", "en"}, Pair{"deu", "de"}, Pair{"ger", "de"}, Pair{"fra", "fr"}, Pair{"fre", "fr"},
    Pair{"spa", "es"}, Pair{"ita", "it"}, Pair{"por", "pt"}, Pair{"nld", "nl"}, Pair{"dut", "nl"},
    Pair{"rus", "ru"}, Pair{"jpn", "ja"}, Pair{"zho", "zh"}, Pair{"chi", "zh"}, Pair{"kor", "ko"},
    Pair{"ara", "ar"}, Pair{"hin", "hi"}, Pair{"pol", "pl"}, Pair{"tur", "tr"}, Pair{"swe", "sv"},
    Pair{"dan", "da"}, Pair{"nor", "no"}, Pair{"nob", "nb"}, Pair{"nno", "nn"}, Pair{"fin", "fi"},
    Pair{"ces", "cs"}, Pair{"cze", "cs"}, Pair{"slk", "sk"}, Pair{"slo", "sk"}, Pair{"hun", "hu"},
    Pair{"ron", "ro"}, Pair{"rum", "ro"}, Pair{"bul", "bg"}, Pair{"ell", "el"}, Pair{"gre", "el"},
    Pair{"heb", "he"}, Pair{"tha", "th"}, Pair{"vie", "vi"}, Pair{"ind", "id"}, Pair{"msa", "ms"},
    Pair{"may", "ms"}, Pair{"ukr", "uk"}, Pair{"hrv", "hr"}, Pair{"srp", "sr"}, Pair{"slv", "sl"},
    Pair{"lit", "lt"}, Pair{"lav", "lv"}, Pair{"est", "et"}, Pair{"isl", "is"}, Pair{"ice", "is"},
    Pair{"cat", "ca"}, Pair{"eus", "eu"}, Pair{"baq", "eu"}, Pair{"glg", "gl"}, Pair{"gle", "ga"},
    Pair{"cym", "cy"}, Pair{"wel", "cy"}, Pair{"lat", "la"}, Pair{"fas", "fa"}, Pair{"per", "fa"},
    Pair{"urd", "ur"}, Pair{"ben", "bn"}, Pair{"tam", "ta"}, Pair{"tel", "te"}, Pair{"mar", "mr"}};

}  // namespace

std::string bcp47(std::string_view language) {
  const std::string lower = to_lower(trim(language));
  const auto is_code = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  };
  if (lower.size() < 2 || lower.size() > 35 || !std::ranges::all_of(lower, is_code)) {
    return "und";
  }
  const auto found = std::ranges::find(kShort, std::string_view(lower), &Pair::first);
  return found == kShort.end() ? lower : std::string(found->second);
}

std::string_view iso639_2(std::string_view language) {
  const auto found = std::ranges::find(kShort, language, &Pair::second);
  if (found != kShort.end()) {
    return found->first;
  }
  return language.size() == 3 ? language : std::string_view("und");
}

}  // namespace sf::transcode
