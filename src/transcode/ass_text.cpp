#include "ass_text.hpp"

#include <streamforge/base/bytes.hpp>

#include <algorithm>
#include <array>

namespace sf::transcode {
namespace {

constexpr unsigned kFieldsBeforeText = 8;
constexpr std::string_view kStyles = "biu";

/// Builds the text: tags are opened and closed where what is written next needs it, so that they
/// always nest.
class CueText {
 public:
  void set(std::size_t style, bool on) { wanted_[style] = on; }
  void reset() { wanted_ = {}; }

  void put(std::string_view piece) {
    if (line_empty_ && piece == " ") return;
    const bool changed = open_ != wanted_;
    if (changed) close();
    if (line_empty_ && !text_.empty()) text_ += '\n';
    line_empty_ = false;
    if (changed) {
      open_ = wanted_;
      for (std::size_t i = 0; i < kStyles.size(); ++i) {
        if (open_[i]) text_ += {'<', kStyles[i], '>'};
      }
    }
    text_ += piece;
  }
  /// A line that would be empty ends the cue: it is left out.
  void end_line() {
    while (text_.ends_with(' ')) text_.pop_back();
    line_empty_ = true;
  }
  [[nodiscard]] std::string take() && {
    end_line();
    close();
    return std::move(text_);
  }

 private:
  void close() {
    for (std::size_t i = kStyles.size(); i-- > 0;) {
      if (open_[i]) text_ += {'<', '/', kStyles[i], '>'};
    }
    open_ = {};
  }

  std::string text_;
  bool line_empty_ = true;
  std::array<bool, kStyles.size()> wanted_{};
  std::array<bool, kStyles.size()> open_{};
};

struct Codes {
  CueText out;
  bool at_top = false;
  bool drawing = false;

  // One code without its backslash: "b1", "an8", "pos(1,2)".
  void apply(std::string_view code) {
    const std::string_view name = code.substr(0, code.find_first_of("0123456789(-&"));
    const auto number = parse_decimal(code.substr(name.size()), 10'000);
    const auto style = name.size() == 1 ? kStyles.find(name.front()) : std::string_view::npos;
    if (style != std::string_view::npos) {
      // Bold may be a weight; without a number the style's own comes back.
      const bool on = number && (style == 0 && *number > 1 ? *number >= 600 : *number > 0);
      out.set(style, on);
    } else if (name.starts_with('r')) {  // Perhaps to another style, whose name follows.
      out.reset();
    } else if (name == "an" && number) {
      at_top = *number >= 7 && *number <= 9;
    } else if (name == "a" && number) {  // Of SSA: 4 is added for the top.
      at_top = *number >= 5 && *number <= 7;
    } else if (name == "p" && number) {
      drawing = *number > 0;
    }
  }

  void apply_all(std::string_view block) {
    for (std::size_t at = block.find('\\'); at != std::string_view::npos;) {
      const std::size_t next = block.find('\\', at + 1);
      apply(trim(block.substr(at + 1, next == std::string_view::npos ? next : next - at - 1)));
      at = next;
    }
  }

  void character(char c) {
    if (drawing) return;
    switch (c) {
      case '&':
        return out.put("&amp;");
      case '<':
        return out.put("&lt;");
      case '>':
        return out.put("&gt;");
      case '\n':
        return out.end_line();
      default:
        break;
    }
    const bool control = static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
    if (c == '\t') c = ' ';
    if (!control || c == ' ') out.put(std::string_view(&c, 1));
  }
};

// What a backslash and `c` stand for in text: a line's end, a blank, or the character itself.
bool escape(Codes& codes, char c) {
  switch (c) {
    case 'N':
    case 'n':
      codes.character('\n');
      return true;
    case 'h':
      codes.character(' ');
      return true;
    case '{':
    case '}':
    case '\\':
      codes.character(c);
      return true;
    default:
      return false;
  }
}

}  // namespace

std::optional<EventText> read_ass_event(std::string_view event) {
  for (unsigned field = 0; field < kFieldsBeforeText; ++field) {
    const auto comma = event.find(',');
    if (comma == std::string_view::npos) return std::nullopt;
    event.remove_prefix(comma + 1);
  }
  if (!is_utf8(event)) return std::nullopt;
  Codes codes;
  for (std::size_t at = 0; at < event.size(); ++at) {
    const char c = event[at];
    if (c == '\\' && at + 1 < event.size() && escape(codes, event[at + 1])) {
      ++at;
      continue;
    }
    const std::size_t end = c == '{' ? event.find('}', at) : std::string_view::npos;
    if (end != std::string_view::npos) {
      codes.apply_all(event.substr(at + 1, end - at - 1));
      at = end;
    } else {
      codes.character(c);
    }
  }
  return EventText{std::move(codes.out).take(), codes.at_top};
}

}  // namespace sf::transcode
