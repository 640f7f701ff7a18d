#include "response_sender.hpp"

#include <streamforge/base/clock.hpp>
#include <streamforge/base/log.hpp>

#include <algorithm>
#include <array>
#include <charconv>

#include "characters.hpp"

namespace sf::http {

const std::string& date_field() {
  thread_local std::int64_t second = -1;
  thread_local std::string text;
  const std::int64_t now_ms = wall_ms();
  if (now_ms / 1000 != second) {
    second = now_ms / 1000;
    text = concat("Date: ", to_http_date(now_ms), "\r\n");
  }
  return text;
}

bool has_no_content(int status) noexcept { return status < 200 || status == 204 || status == 304; }

bool is_framing_field(std::string_view name) noexcept {
  constexpr std::array<std::string_view, 5> kNames = {"connection", "content-length", "date",
                                                      "keep-alive", "transfer-encoding"};
  return std::any_of(kNames.begin(), kNames.end(),
                     [name](auto other) { return equals_ignoring_case(name, other); });
}

bool may_be_sent(std::string_view name, std::string_view value) {
  if (all_of_class(name, kTokenChar) && all_of_class(value, kValueChar)) return true;
  log::error("http", "response field dropped: it holds control characters", {{"name", name}});
  return false;
}

namespace {

void append_field(std::string& out, std::string_view name, std::string_view value) {
  if (may_be_sent(name, value)) out.append(name).append(": ").append(value).append("\r\n");
}

void append_number(std::string& out, std::uint64_t number, int base = 10) {
  std::array<char, 24> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number, base).ptr;
  out.append(digits.data(), end);
}

}  // namespace

/// Gives a producer's pieces their chunk framing.
class StreamWriter final : public BodyWriter {
 public:
  StreamWriter(ResponseSender& sender, bool chunked) noexcept
      : sender_(sender), chunked_(chunked) {}

  io::Task<Result<>> write(std::string_view bytes) override {
    if (bytes.empty()) co_return Result<>{};  // An empty chunk would be the last one.
    std::string size;
    if (chunked_) {
      append_number(size, bytes.size(), 16);
      size.append("\r\n");
    }
    const std::array<ByteSpan, 3> pieces = {as_bytes(size), as_bytes(bytes),
                                            as_bytes(chunked_ ? "\r\n" : "")};
    co_return co_await sender_.write(pieces, false);
  }
  io::Task<Result<>> end() {
    if (!chunked_) co_return Result<>{};
    const std::array<ByteSpan, 1> pieces = {as_bytes("0\r\n\r\n")};
    co_return co_await sender_.write(pieces, false);
  }
  [[nodiscard]] bool should_end() const noexcept override {
    return sender_.state_.is_draining() || sender_.connection_.peer_gone();
  }

 private:
  ResponseSender& sender_;
  const bool chunked_;
};

bool ResponseSender::ends_by_close(const Response& response, Context context) noexcept {
  return !context.knows_chunks && !context.to_head && !has_no_content(response.status) &&
         !response.body_bytes();
}

io::Task<Result<>> ResponseSender::send(Response& response, Context context, bool keep_alive) {
  write_head(response, context, keep_alive);
  if (context.to_head || has_no_content(response.status)) {
    co_return co_await send_head();
  }
  if (const auto* text = std::get_if<std::string>(&response.body)) {
    co_return co_await send_in_memory(as_bytes(*text));
  }
  if (const auto* shared = std::get_if<SharedBytes>(&response.body)) {
    co_return co_await send_in_memory(shared->bytes);
  }
  if (const auto* slice = std::get_if<FileSlice>(&response.body)) {
    co_return co_await send_slice(*slice);
  }
  if (std::holds_alternative<std::vector<FileSlice>>(response.body)) {
    co_return co_await send_slices(response);
  }
  if (const auto* producer = std::get_if<BodyProducer>(&response.body)) {
    co_return co_await send_stream(*producer, context.knows_chunks);
  }
  co_return co_await send_head();
}

namespace {

/// What of a kept answer goes out: nothing for HEAD and 304.
const std::variant<SharedBytes, FileSlice>* body_of(const QuickMatch& match) {
  if (match.not_modified || match.method == Method::kHead) return nullptr;
  return &match.answer->reuse->representation.bytes;
}

ByteSpan bytes_of(const QuickMatch& match) {
  const auto* body = body_of(match);
  const auto* shared = body ? std::get_if<SharedBytes>(body) : nullptr;
  return shared ? shared->bytes : ByteSpan{};
}

}  // namespace

bool ResponseSender::send_now(const QuickMatch& match, bool keep_alive) {
  const QuickAnswer& answer = *match.answer;
  // Mostly it is sent at once and need not be kept: one buffer serves all connections.
  thread_local std::string scratch;
  std::swap(head_, scratch);
  head_.assign(match.not_modified ? "HTTP/1.1 304 Not Modified\r\n" : "HTTP/1.1 200 OK\r\n");
  head_.append(date_field());
  head_.append(match.not_modified ? answer.not_modified_fields : answer.whole_fields);
  head_.append(keep_alive ? "\r\n" : "Connection: close\r\n\r\n");
  const ByteSpan body = bytes_of(match);
  const std::array<ByteSpan, 2> pieces = {as_bytes(head_), body};
  sent_at_once_ = 0;
  const auto* file = body_of(match);
  if (file && std::holds_alternative<FileSlice>(*file)) return false;
  sent_at_once_ = connection_.write_now(std::span(pieces).first(body.empty() ? 1 : 2));
  bytes_sent_ += sent_at_once_;
  if (sent_at_once_ < head_.size() + body.size()) return false;
  std::swap(head_, scratch);
  return true;
}

io::Task<Result<>> ResponseSender::send_rest(const QuickMatch& match) {
  const auto* body = body_of(match);
  if (const auto* slice = body ? std::get_if<FileSlice>(body) : nullptr) {
    co_return co_await send_slice(*slice);
  }
  const std::size_t of_head = std::min(sent_at_once_, head_.size());
  const std::array<ByteSpan, 2> pieces = {as_bytes(head_).subspan(of_head),
                                          bytes_of(match).subspan(sent_at_once_ - of_head)};
  co_return co_await write(pieces, false);
}

io::Task<Result<>> ResponseSender::send_informational(int status, const Headers& fields) {
  std::string text = concat("HTTP/1.1 ", status, ' ', reason_phrase(status), "\r\n");
  for (const auto& [name, value] : fields.all()) append_field(text, name, value);
  text.append("\r\n");
  const std::array<ByteSpan, 1> pieces = {as_bytes(text)};
  co_return co_await write(pieces, false);
}

void ResponseSender::write_head(const Response& response, Context context, bool keep_alive) {
  head_.reserve(kHeadBytesUsual);
  head_.assign("HTTP/1.1 ");
  append_number(head_, static_cast<std::uint64_t>(response.status));
  head_.append(" ").append(reason_phrase(response.status)).append("\r\n");
  head_.append(date_field());
  if (!state_.options.server_name.empty()) {
    append_field(head_, "Server", state_.options.server_name);
  }
  head_.append(state_.options.fixed_fields);
  bool length_given = false;
  for (const auto& [name, value] : response.headers.all()) {
    if (!is_framing_field(name)) {
      append_field(head_, name, value);
    } else if (context.to_head && !length_given && equals_ignoring_case(name, "content-length")) {
      // A handler of HEAD alone knows the length that its GET would have.
      append_field(head_, name, value);
      length_given = true;
    }
  }
  if (!has_no_content(response.status) && !length_given) {
    if (const auto bytes = response.body_bytes()) {
      head_.append("Content-Length: ");
      append_number(head_, *bytes);
      head_.append("\r\n");
    } else if (context.knows_chunks) {
      head_.append("Transfer-Encoding: chunked\r\n");
    }
  }
  if (!keep_alive) {
    head_.append("Connection: close\r\n");
  } else if (!context.knows_chunks) {
    head_.append("Connection: keep-alive\r\n");
  }
  head_.append("\r\n");
}

io::Task<Result<>> ResponseSender::send_head() {
  const std::array<ByteSpan, 1> pieces = {as_bytes(head_)};
  co_return co_await write(pieces, false);
}

/// Head and body in one send.
io::Task<Result<>> ResponseSender::send_in_memory(ByteSpan body) {
  const std::array<ByteSpan, 2> pieces = {as_bytes(head_), body};
  const auto used = std::span(pieces).first(body.empty() ? 1 : 2);
  co_return co_await write(used, false);
}

io::Task<Result<>> ResponseSender::send_slice(const FileSlice& slice) {
  const std::array<ByteSpan, 1> pieces = {as_bytes(head_)};
  auto sent = co_await write(pieces, slice.bytes > 0);
  if (!sent || slice.bytes == 0) co_return sent;
  auto file_sent = co_await connection_.write_file(slice.file->get(), slice.offset, slice.bytes,
                                                   state_.options.send_stall_timeout_ms);
  if (file_sent) bytes_sent_ += slice.bytes;
  co_return file_sent;
}

io::Task<Result<>> ResponseSender::send_slices(const Response& response) {
  const auto& slices = std::get<std::vector<FileSlice>>(response.body);
  const auto& heads = response.part_heads;
  std::size_t next_head = 0;
  for (const auto& slice : slices) {
    if (next_head < heads.size()) head_.append(heads[next_head++]);
    auto sent = co_await send_slice(slice);
    if (!sent) co_return sent;
    head_.clear();
  }
  while (next_head < heads.size()) head_.append(heads[next_head++]);
  if (head_.empty()) co_return Result<>{};
  co_return co_await send_head();
}

io::Task<Result<>> ResponseSender::send_stream(const BodyProducer& producer, bool chunked) {
  // At once: who listens to events must see that they are about to come.
  auto sent = co_await send_head();
  if (!sent) co_return sent;
  StreamWriter writer(*this, chunked);
  auto produced = co_await producer(writer);
  if (!produced) co_return produced;
  co_return co_await writer.end();
}

io::Task<Result<>> ResponseSender::write(std::span<const ByteSpan> pieces, bool more_follows) {
  auto sent =
      co_await connection_.write(pieces, state_.options.send_stall_timeout_ms, more_follows);
  if (sent) {
    for (const auto piece : pieces) bytes_sent_ += piece.size();
  }
  co_return sent;
}

}  // namespace sf::http
