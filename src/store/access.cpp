#include <streamforge/store/access.hpp>

namespace sf::store {
namespace {

/// What the asker may know of a thing that is not theirs, and how a refusal is then worded.
std::unexpected<Error> refuse(const Principal& who, Visibility visibility) {
  if (visibility == Visibility::kPrivate)
    return fail(ErrorCode::kNotFound, "there is no such video");
  if (who.kind == Principal::Kind::kNobody)
    return fail(ErrorCode::kUnauthenticated, "log in first");
  return fail(ErrorCode::kPermissionDenied, "only the owner or an administrator may do this");
}

bool owns(const Principal& who, std::string_view owner) {
  return who.kind == Principal::Kind::kUser && !owner.empty() && who.user_id == owner;
}

Result<> may_upload(const Principal& who) {
  if (who.role != Role::kViewer) return {};
  return fail(ErrorCode::kPermissionDenied, "this account may watch but not upload");
}

}  // namespace

Result<> may(const Principal& who, Action action, std::string_view owner, Visibility visibility) {
  const bool nobody = who.kind == Principal::Kind::kNobody;
  const bool admin = who.kind == Principal::Kind::kUser && who.role == Role::kAdmin;

  // Without accounts everything is everybody's, but for the accounts themselves.
  if (who.kind == Principal::Kind::kOpen) {
    if (action != Action::kManageUsers) return {};
    return fail(ErrorCode::kPermissionDenied, "there are no accounts under --open");
  }

  switch (action) {
    case Action::kUpload:
      if (nobody) return fail(ErrorCode::kUnauthenticated, "log in to upload");
      return may_upload(who);

    case Action::kContinueUpload:
      if (nobody) return fail(ErrorCode::kUnauthenticated, "log in to upload");
      if (admin) return {};
      if (!owns(who, owner)) return fail(ErrorCode::kNotFound, "there is no such upload");
      return may_upload(who);

    case Action::kListVideos:
    case Action::kReadMetrics:
      if (nobody) return fail(ErrorCode::kUnauthenticated, "log in first");
      return {};

    case Action::kPlay:
    case Action::kReadVideo:
      if (visibility != Visibility::kPrivate || admin || owns(who, owner)) return {};
      return refuse(who, visibility);

    case Action::kReadLog:
    case Action::kReadSource:
      if (admin || owns(who, owner)) return {};
      return refuse(who, visibility);

    case Action::kEditVideo:
      if (admin) return {};
      if (!owns(who, owner)) return refuse(who, visibility);
      if (who.role != Role::kViewer) return {};
      return fail(ErrorCode::kPermissionDenied, "this account may watch but not edit");

    case Action::kManageUsers:
      if (nobody) return fail(ErrorCode::kUnauthenticated, "log in first");
      if (admin) return {};
      return fail(ErrorCode::kPermissionDenied, "only an administrator may manage accounts");
  }
  return fail(ErrorCode::kPermissionDenied, "unknown action");
}

}  // namespace sf::store
