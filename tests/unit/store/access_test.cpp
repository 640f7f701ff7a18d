#include <gtest/gtest.h>
#include <streamforge/base/bytes.hpp>
#include <streamforge/store/access.hpp>

#include <array>
#include <map>
#include <string>

namespace sf::store {
namespace {

/// The answers as one letter: y yes, u log in, d refused, n "there is no such thing".
char letter(const Result<>& answer) {
  if (answer) return 'y';
  switch (answer.error().code) {
    case ErrorCode::kUnauthenticated:
      return 'u';
    case ErrorCode::kPermissionDenied:
      return 'd';
    case ErrorCode::kNotFound:
      return 'n';
    default:
      return '?';
  }
}

Principal user(Role role) { return {Principal::Kind::kUser, "me", "Me", role, false}; }

/// Who asks, in the order of the columns.
const std::array<Principal, 5>& askers() {
  static const std::array<Principal, 5> all = {
      Principal{}, user(Role::kViewer), user(Role::kEditor), user(Role::kAdmin),
      Principal{Principal::Kind::kOpen, "", "", Role::kViewer, false}};
  return all;
}

struct Row {
  Action action;
  const char* name;
  // One word per thing asked for: nobody, viewer, editor, admin, --open.
  const char* mine_public;
  const char* mine_unlisted;
  const char* mine_private;
  const char* other_public;
  const char* other_unlisted;
  const char* other_private;
  const char* ownerless_private;
};

// A thing is "mine" for the three users alike: all have the id "me".
constexpr Row kTable[] = {
    {Action::kUpload, "upload", "udyyy", "udyyy", "udyyy", "udyyy", "udyyy", "udyyy", "udyyy"},
    {Action::kContinueUpload, "continue", "udyyy", "udyyy", "udyyy", "unnyy", "unnyy", "unnyy",
     "unnyy"},
    {Action::kListVideos, "list", "uyyyy", "uyyyy", "uyyyy", "uyyyy", "uyyyy", "uyyyy", "uyyyy"},
    {Action::kPlay, "play", "yyyyy", "yyyyy", "nyyyy", "yyyyy", "yyyyy", "nnnyy", "nnnyy"},
    {Action::kReadVideo, "read", "yyyyy", "yyyyy", "nyyyy", "yyyyy", "yyyyy", "nnnyy", "nnnyy"},
    {Action::kReadLog, "log", "uyyyy", "uyyyy", "nyyyy", "uddyy", "uddyy", "nnnyy", "nnnyy"},
    {Action::kEditVideo, "edit", "udyyy", "udyyy", "ndyyy", "uddyy", "uddyy", "nnnyy", "nnnyy"},
    {Action::kReadSource, "source", "uyyyy", "uyyyy", "nyyyy", "uddyy", "uddyy", "nnnyy", "nnnyy"},
    {Action::kManageUsers, "users", "uddyd", "uddyd", "uddyd", "uddyd", "uddyd", "uddyd", "uddyd"},
    {Action::kReadMetrics, "metrics", "uyyyy", "uyyyy", "uyyyy", "uyyyy", "uyyyy", "uyyyy",
     "uyyyy"},
};

TEST(Access, DecidesByTheTable) {
  for (const auto& row : kTable) {
    const struct {
      const char* owner;
      Visibility visibility;
      const char* expected;
    } things[] = {
        {"me", Visibility::kPublic, row.mine_public},
        {"me", Visibility::kUnlisted, row.mine_unlisted},
        {"me", Visibility::kPrivate, row.mine_private},
        {"other", Visibility::kPublic, row.other_public},
        {"other", Visibility::kUnlisted, row.other_unlisted},
        {"other", Visibility::kPrivate, row.other_private},
        {"", Visibility::kPrivate, row.ownerless_private},
    };
    for (const auto& thing : things) {
      std::string answers;
      for (const auto& who : askers()) {
        answers += letter(may(who, row.action, thing.owner, thing.visibility));
      }
      EXPECT_EQ(answers, thing.expected)
          << row.name << " of \"" << thing.owner << "\", " << name_of(thing.visibility);
    }
  }
}

TEST(Access, AnEmptyUserIdOwnsNothing) {
  const Principal odd{Principal::Kind::kUser, "", "", Role::kEditor, false};
  EXPECT_EQ(letter(may(odd, Action::kPlay, "", Visibility::kPrivate)), 'n');
}

}  // namespace
}  // namespace sf::store
