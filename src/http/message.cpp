#include <streamforge/http/message.hpp>

#include <algorithm>
#include <array>

namespace sf::http {

namespace {

constexpr std::array<std::string_view, 7> kMethodNames = {"GET",   "HEAD",   "POST",   "PUT",
                                                          "PATCH", "DELETE", "OPTIONS"};
constexpr std::size_t kReadAllStepBytes = 16 * 1024;

std::uint64_t sum_of(const std::vector<FileSlice>& slices,
                     const std::vector<std::string>& part_heads) {
  std::uint64_t bytes = 0;
  for (const auto& slice : slices) bytes += slice.bytes;
  for (const auto& head : part_heads) bytes += head.size();
  return bytes;
}

}  // namespace

std::string_view name_of(Method method) noexcept {
  return kMethodNames[static_cast<std::size_t>(method)];
}

std::string_view name_of(Version version) noexcept {
  constexpr std::array<std::string_view, 3> kNames = {"HTTP/1.0", "HTTP/1.1", "HTTP/2.0"};
  return kNames[static_cast<std::size_t>(version)];
}

std::optional<Method> method_named(std::string_view name) noexcept {
  const auto* found = std::find(kMethodNames.begin(), kMethodNames.end(), name);
  if (found == kMethodNames.end()) return std::nullopt;
  return static_cast<Method>(found - kMethodNames.begin());
}

void Headers::add(std::string name, std::string value) {
  fields_.emplace_back(std::move(name), std::move(value));
}

void Headers::set(std::string name, std::string value) {
  remove(name);
  add(std::move(name), std::move(value));
}

void Headers::remove(std::string_view name) {
  std::erase_if(fields_,
                [name](const auto& field) { return equals_ignoring_case(field.first, name); });
}

std::optional<std::string_view> Headers::get(std::string_view name) const {
  const std::string* first = nullptr;
  std::string* all = nullptr;
  for (const auto& [field_name, value] : fields_) {
    if (!equals_ignoring_case(field_name, name)) continue;
    if (!first) {
      first = &value;
      continue;
    }
    if (!all) all = &joined_.emplace_front(*first);
    all->append(", ").append(value);
  }
  if (all) return std::string_view(*all);
  if (first) return std::string_view(*first);
  return std::nullopt;
}

bool Headers::has(std::string_view name) const noexcept { return count(name) > 0; }

unsigned Headers::count(std::string_view name) const noexcept {
  return static_cast<unsigned>(
      std::count_if(fields_.begin(), fields_.end(),
                    [name](const auto& field) { return equals_ignoring_case(field.first, name); }));
}

io::Task<Result<std::size_t>> Body::splice(const io::Pipe&, std::size_t) {
  co_return fail(ErrorCode::kUnsupported, "this body cannot be spliced");
}

io::Task<Result<std::string>> Body::read_all(std::size_t bytes_max) {
  std::string all;
  if (length().value_or(0) > bytes_max) {
    co_return fail(ErrorCode::kTooLarge, concat("the body is over ", bytes_max, " bytes"));
  }
  for (std::size_t have = 0;;) {
    // More room when it is full only: it is cleared first, and a body may come byte by byte. One
    // byte more than is allowed, so that "exactly the limit" and "over it" can be told apart.
    if (have == all.size()) all.resize(have + std::min(kReadAllStepBytes, bytes_max - have + 1));
    const MutableByteSpan into{reinterpret_cast<std::byte*>(all.data()) + have, all.size() - have};
    auto got = co_await read_into(into);
    if (!got) co_return fail(std::move(got.error()));
    have += *got;
    if (have > bytes_max) {
      co_return fail(ErrorCode::kTooLarge, concat("the body is over ", bytes_max, " bytes"));
    }
    if (*got == 0) {
      all.resize(have);
      co_return all;
    }
  }
}

io::Task<Result<>> Request::send_informational(int status, Headers fields) const {
  if (version == Version::kHttp10) co_return Result<>{};
  auto sent = exchange_->send_informational(status, std::move(fields));
  co_return co_await std::move(sent);
}

std::optional<std::string> Request::query_parameter(std::string_view name) const {
  for (const auto pair : split(query, '&')) {
    const auto equals = pair.find('=');
    const auto key = percent_decode(pair.substr(0, equals), true);
    if (!key || *key != name) continue;
    if (equals == std::string_view::npos) return std::string();
    return percent_decode(pair.substr(equals + 1), true);
  }
  return std::nullopt;
}

std::optional<std::string_view> Request::cookie(std::string_view name) const {
  // RFC 6265 section 5.4: pairs end in "; ". Several Cookie fields are tolerated (RFC 9113 8.2.3).
  for (const auto& [field, value] : headers.all()) {
    if (!equals_ignoring_case(field, "cookie")) continue;
    for (const auto piece : split(value, ';')) {
      const auto pair = trim(piece);
      const auto equals = pair.find('=');
      if (equals != std::string_view::npos && pair.substr(0, equals) == name) {
        return pair.substr(equals + 1);
      }
    }
  }
  return std::nullopt;
}

std::string_view Request::parameter(std::string_view name) const noexcept {
  for (const auto& [key, value] : parameters_) {
    if (key == name) return value;
  }
  return {};
}

std::optional<std::uint64_t> Response::body_bytes() const noexcept {
  struct Measure {
    const Response& response;
    std::optional<std::uint64_t> operator()(std::monostate) const { return 0; }
    std::optional<std::uint64_t> operator()(const std::string& text) const { return text.size(); }
    std::optional<std::uint64_t> operator()(const SharedBytes& shared) const {
      return shared.bytes.size();
    }
    std::optional<std::uint64_t> operator()(const FileSlice& slice) const { return slice.bytes; }
    std::optional<std::uint64_t> operator()(const std::vector<FileSlice>& slices) const {
      return sum_of(slices, response.part_heads);
    }
    std::optional<std::uint64_t> operator()(const BodyProducer&) const { return std::nullopt; }
  };
  return std::visit(Measure{*this}, body);
}

Response Response::text(int status, std::string body, std::string content_type) {
  Response response;
  response.status = status;
  response.headers.add("Content-Type", std::move(content_type));
  response.body = std::move(body);
  return response;
}

Response Response::json(int status, std::string body) {
  return text(status, std::move(body), "application/json");
}

Response Response::empty(int status) {
  Response response;
  response.status = status;
  return response;
}

}  // namespace sf::http
