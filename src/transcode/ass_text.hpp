#pragma once

/// What libav's decoders of text subtitles give, whatever they read: the text of an ASS event, with
/// its codes in braces. Pure; any thread; any bytes may come.

#include <optional>
#include <string>
#include <string_view>

namespace sf::transcode {

struct EventText {
  std::string text;  ///< As hls::Cue has it; empty: it shows nothing.
  bool at_top = false;
};

/// Of an event as libav stores it,
/// "ReadOrder,Layer,Style,Name,MarginL,MarginR,MarginV,Effect,Text": bold, italic and underlined
/// stay, other codes and drawings go. nullopt when it is none, or not UTF-8.
[[nodiscard]] std::optional<EventText> read_ass_event(std::string_view event);

}  // namespace sf::transcode
