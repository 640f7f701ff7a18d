#include "json_body.hpp"

#include <streamforge/base/limits.hpp>

namespace sf::serve {

io::Task<Result<json::Value>> read_json_object(http::Request& request) {
  const auto type = request.headers.get("content-type").value_or("");
  const std::string media_type = to_lower(trim(split(type, ';').front()));
  if (media_type != "application/json") {
    co_return fail(ErrorCode::kUnsupported, "The body must be application/json.");
  }
  auto text = co_await request.body().read_all(limits::kJsonBodyBytesMax);
  if (!text) co_return fail(std::move(text.error()));
  auto value = json::parse(*text);
  if (!value) co_return fail(std::move(value.error()));
  if (!value->is_object()) {
    co_return fail(ErrorCode::kInvalidArgument, "The body must be a JSON object.");
  }
  co_return std::move(*value);
}

Result<OptionalText> text_member(const json::Value& object, std::string_view key,
                                 std::size_t bytes_max) {
  const json::Value* member = object.find(key);
  if (member == nullptr) return OptionalText{};
  const auto text = member->as_string();
  if (!text) return fail(ErrorCode::kInvalidArgument, concat('"', key, "\" must be a string."));
  if (text->size() > bytes_max) {
    return fail(ErrorCode::kInvalidArgument,
                concat('"', key, "\" may have at most ", std::uint64_t{bytes_max}, " bytes."));
  }
  return OptionalText{true, std::string(*text)};
}

Result<std::string> required_text(const json::Value& object, std::string_view key,
                                  std::size_t bytes_max) {
  auto member = text_member(object, key, bytes_max);
  if (!member) return fail(std::move(member.error()));
  if (!member->present || member->text.empty()) {
    return fail(ErrorCode::kInvalidArgument, concat('"', key, "\" is missing."));
  }
  return std::move(member->text);
}

}  // namespace sf::serve
