#include "keys.hpp"

#include <streamforge/base/bytes.hpp>

namespace sf::store {

std::string segment_key(std::string_view video, std::string_view track, std::uint32_t number) {
  std::string key;
  key.reserve(video.size() + track.size() + 5);
  key.append(video).append(track).push_back('\0');
  for (int shift = 24; shift >= 0; shift -= 8) key.push_back(static_cast<char>(number >> shift));
  return key;
}

std::string after_prefix(std::string_view prefix) {
  std::string end(prefix);
  end.back() = static_cast<char>(end.back() + 1);
  return end;
}

std::string title_key(std::string_view title, std::string_view id) {
  std::string key = to_lower(title.substr(0, kTitleKeyBytesMax));
  for (char& c : key) {
    if (static_cast<unsigned char>(c) < ' ') c = ' ';
  }
  key.push_back('\0');
  return key.append(id);
}

std::string_view id_of_title_key(std::string_view key) noexcept {
  return key.size() > kIdBytes ? key.substr(key.size() - kIdBytes) : std::string_view();
}

std::string group_key(std::string_view owner, std::string_view name) {
  return concat(owner, '\0', name);
}

}  // namespace sf::store
