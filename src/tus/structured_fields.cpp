#include "structured_fields.hpp"

#include <streamforge/base/bytes.hpp>

#include <algorithm>

namespace sf::tus {
namespace {

constexpr std::size_t kIntegerDigitsMax = 15;
constexpr std::size_t kFractionDigitsMax = 3;

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
constexpr bool is_alpha(char c) { return is_lower(c) || (c >= 'A' && c <= 'Z'); }
constexpr bool is_key_char(char c) {
  return is_lower(c) || is_digit(c) || c == '_' || c == '-' || c == '.' || c == '*';
}
constexpr bool is_token_char(char c) {
  constexpr std::string_view kOthers = "!#$%&'*+-.^_`|~:/";
  return is_alpha(c) || is_digit(c) || kOthers.find(c) != std::string_view::npos;
}

/// The parsing algorithms of RFC 9651 section 4.2 over what is left of a field.
class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) { skip_spaces(); }

  /// Nothing but spaces follows.
  [[nodiscard]] bool at_end() {
    skip_spaces();
    return text_.empty();
  }

  std::optional<SfValue> item() {
    auto value = bare_item();
    if (!value || !parameters()) return std::nullopt;
    return value;
  }

  std::optional<SfDictionary> dictionary() {
    SfDictionary out;
    while (!text_.empty()) {
      const auto name = key();
      if (!name) return std::nullopt;
      std::optional<SfValue> value = SfValue(true);
      if (take('=')) {
        value = peek() == '(' ? inner_list() : item();
      } else if (!parameters()) {
        return std::nullopt;
      }
      if (!value) return std::nullopt;
      std::erase_if(out, [&](const auto& member) { return member.first == *name; });
      out.emplace_back(*name, std::move(*value));
      skip_blanks();
      if (text_.empty()) return out;
      if (!take(',')) return std::nullopt;
      skip_blanks();
      if (text_.empty()) return std::nullopt;  // A comma at the end.
    }
    return out;
  }

 private:
  [[nodiscard]] char peek() const { return text_.empty() ? '\0' : text_.front(); }
  bool take(char c) {
    if (peek() != c || text_.empty()) return false;
    text_.remove_prefix(1);
    return true;
  }
  void skip_spaces() {
    while (take(' ')) {
    }
  }
  void skip_blanks() {
    while (take(' ') || take('\t')) {
    }
  }
  template <class Is>
  std::string_view take_while(Is is) {
    const auto end = std::ranges::find_if_not(text_, is);
    const auto taken = text_.substr(0, static_cast<std::size_t>(end - text_.begin()));
    text_.remove_prefix(taken.size());
    return taken;
  }

  std::optional<std::string> key() {
    if (!is_lower(peek()) && peek() != '*') return std::nullopt;
    return std::string(take_while(is_key_char));
  }

  bool parameters() {
    while (take(';')) {
      skip_spaces();
      if (!key()) return false;
      if (take('=') && !bare_item()) return false;
    }
    return true;
  }

  std::optional<SfValue> inner_list() {
    if (!take('(')) return std::nullopt;
    for (;;) {
      skip_spaces();
      if (take(')')) return parameters() ? std::optional<SfValue>(SfOther{}) : std::nullopt;
      if (!item()) return std::nullopt;
      if (peek() != ' ' && peek() != ')') return std::nullopt;
    }
  }

  std::optional<SfValue> bare_item() {
    const char c = peek();
    if (c == '-' || is_digit(c)) return number();
    if (is_alpha(c) || c == '*') {
      (void)take_while(is_token_char);
      return SfOther{};
    }
    switch (c) {
      case '?':
        return boolean();
      case ':':
        return byte_sequence();
      case '"':
        return string();
      case '@':
        text_.remove_prefix(1);
        return date();
      case '%':
        text_.remove_prefix(1);
        return peek() == '"' ? string() : std::nullopt;
      default:
        return std::nullopt;
    }
  }

  std::optional<SfValue> number() {
    const bool negative = take('-');
    const auto digits = take_while(is_digit);
    if (digits.empty() || digits.size() > kIntegerDigitsMax) return std::nullopt;
    if (take('.')) {
      const auto fraction = take_while(is_digit);
      const bool fits = digits.size() <= kIntegerDigitsMax - kFractionDigitsMax;
      if (!fits || fraction.empty() || fraction.size() > kFractionDigitsMax) return std::nullopt;
      return SfOther{};
    }
    std::int64_t value = 0;
    for (const char digit : digits) value = value * 10 + (digit - '0');
    return negative ? -value : value;
  }

  std::optional<SfValue> date() {
    const auto value = number();
    if (!value || !std::holds_alternative<std::int64_t>(*value)) return std::nullopt;
    return SfOther{};
  }

  std::optional<SfValue> boolean() {
    text_.remove_prefix(1);
    if (take('1')) return true;
    if (take('0')) return false;
    return std::nullopt;
  }

  std::optional<SfValue> byte_sequence() {
    text_.remove_prefix(1);
    const auto end = text_.find(':');
    if (end == std::string_view::npos) return std::nullopt;
    auto bytes = from_base64(text_.substr(0, end));
    if (!bytes) return std::nullopt;
    text_.remove_prefix(end + 1);
    return SfBytes{std::move(*bytes)};
  }

  std::optional<SfValue> string() {
    text_.remove_prefix(1);
    while (!text_.empty()) {
      const char c = text_.front();
      text_.remove_prefix(1);
      if (c == '"') return SfOther{};
      if (c < 0x20 || c == 0x7f) return std::nullopt;
      if (c != '\\') continue;
      if (peek() != '"' && peek() != '\\') return std::nullopt;
      text_.remove_prefix(1);
    }
    return std::nullopt;
  }

  std::string_view text_;
};

}  // namespace

std::optional<SfValue> parse_sf_item(std::string_view field) {
  Parser parser(field);
  auto value = parser.item();
  if (!value || !parser.at_end()) return std::nullopt;
  return value;
}

std::optional<SfDictionary> parse_sf_dictionary(std::string_view field) {
  Parser parser(field);
  auto members = parser.dictionary();
  if (!members || !parser.at_end()) return std::nullopt;
  return members;
}

std::optional<std::uint64_t> sf_length(std::optional<std::string_view> field) {
  const auto value = field ? parse_sf_item(*field) : std::nullopt;
  const auto* number = value ? std::get_if<std::int64_t>(&*value) : nullptr;
  if (!number || *number < 0) return std::nullopt;
  return static_cast<std::uint64_t>(*number);
}

std::optional<bool> sf_boolean(std::optional<std::string_view> field) {
  const auto value = field ? parse_sf_item(*field) : std::nullopt;
  const auto* boolean = value ? std::get_if<bool>(&*value) : nullptr;
  if (!boolean) return std::nullopt;
  return *boolean;
}

std::string sf_bytes(std::string_view bytes) {
  return concat(':', to_base64(as_bytes(bytes)), ':');
}

}  // namespace sf::tus
