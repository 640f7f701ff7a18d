#pragma once

/// Who may do what: one pure decision, asked by tus and serve alike, and by nothing else.

#include <streamforge/base/error.hpp>
#include <streamforge/store/records.hpp>

#include <string>
#include <string_view>

namespace sf::store {

/// Who asks. Made by Accounts::identify from a request's credentials.
struct Principal {
  enum class Kind : std::uint8_t { kNobody, kUser, kOpen } kind = Kind::kNobody;
  std::string user_id;  ///< Empty for nobody and under --open.
  std::string user_name;
  Role role = Role::kViewer;
  /// Came with a cookie: unsafe requests must prove that they come from our page.
  bool by_cookie = false;
};

enum class Action : std::uint8_t {
  kUpload,          ///< Create an upload.
  kContinueUpload,  ///< HEAD, PATCH, DELETE of one that exists.
  kListVideos,
  kPlay,        ///< Playlists, segments, poster.
  kReadVideo,   ///< The API's record of it.
  kReadLog,     ///< What the transcoder said of it.
  kEditVideo,   ///< Title, visibility, job, delete, restore.
  kReadSource,  ///< The master file.
  kManageUsers,
  kReadMetrics,
};

/// The decision. `owner` and `visibility` are of the video or upload asked for; ignored by actions
/// that concern none. kUnauthenticated: log in; kPermissionDenied: known and refused; kNotFound:
/// a private thing whose existence is not told.
[[nodiscard]] Result<> may(const Principal& who, Action action, std::string_view owner = {},
                           Visibility visibility = Visibility::kUnlisted);

}  // namespace sf::store
