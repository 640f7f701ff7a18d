#include "parser.hpp"

#include <streamforge/base/assert.hpp>
#include <streamforge/base/limits.hpp>

#include <llhttp.h>

#include <algorithm>
#include <array>

#include "characters.hpp"
#include "framing_guard.hpp"
#include "quick_answers.hpp"
#include "target.hpp"

namespace sf::http {

namespace {

constexpr std::uint64_t kBodyBytesMax = (std::uint64_t{1} << 63) - 1;
constexpr std::size_t kChunkLineBytesMax = 4096;         ///< Size and extensions of one chunk.
constexpr std::size_t kPartialHeadKeptBytes = 4 * 1024;  ///< Memory an idle connection may keep.

constexpr std::array<std::string_view, 27> kForbiddenTrailers = {"authorization",
                                                                 "cache-control",
                                                                 "connection",
                                                                 "content-encoding",
                                                                 "content-length",
                                                                 "content-range",
                                                                 "content-type",
                                                                 "cookie",
                                                                 "date",
                                                                 "expect",
                                                                 "host",
                                                                 "if-match",
                                                                 "if-modified-since",
                                                                 "if-none-match",
                                                                 "if-range",
                                                                 "if-unmodified-since",
                                                                 "keep-alive",
                                                                 "max-forwards",
                                                                 "origin",
                                                                 "proxy-authorization",
                                                                 "range",
                                                                 "set-cookie",
                                                                 "te",
                                                                 "trailer",
                                                                 "transfer-encoding",
                                                                 "upgrade",
                                                                 "x-forwarded-for"};

bool is_framing_fault(llhttp_errno_t outcome) {
  return outcome == HPE_UNEXPECTED_CONTENT_LENGTH || outcome == HPE_INVALID_CONTENT_LENGTH ||
         outcome == HPE_INVALID_TRANSFER_ENCODING;
}

}  // namespace

bool is_forbidden_trailer(std::string_view name) {
  return std::any_of(kForbiddenTrailers.begin(), kForbiddenTrailers.end(),
                     [name](auto other) { return equals_ignoring_case(name, other); });
}

/// llhttp and what its callbacks gather. Its heads come whole; its chunked bodies piece by piece.
struct Parser::Llhttp {
  llhttp_t state{};
  std::vector<std::pair<std::string, std::string>> fields;
  std::string name;
  std::string value;
  bool head_complete = false;
  bool message_complete = false;
  bool in_trailers = false;
  ByteSpan body;
  FramingGuard guard;
  const char* unguarded = nullptr;  ///< Framing bytes from here on were not looked at yet.
  ParseFault fault;

  void begin() {
    llhttp_init(&state, HTTP_REQUEST, &settings());
    state.data = this;
    fields.clear();
    name.clear();
    value.clear();
    head_complete = message_complete = in_trailers = false;
    guard = FramingGuard();
    fault = {};
  }

  /// Guards the framing bytes up to `until`; what follows them may be acted on only then.
  bool guard_until(const char* until) {
    if (!guard.accept({unguarded, until})) {
      fault = {400, "bad_chunk", "the framing of the chunked body is broken"};
      return false;
    }
    unguarded = until;
    return true;
  }
  bool framing_too_long() {
    if (in_trailers && guard.run() > limits::kHeaderBlockBytesMax) {
      fault = {431, "header_too_large", "the trailer fields are too large"};
    } else if (!in_trailers && guard.run() > kChunkLineBytesMax) {
      fault = {400, "bad_chunk", "a chunk's extensions are too long"};
    }
    return fault.status != 0;
  }

  static Llhttp& of(llhttp_t* parser) { return *static_cast<Llhttp*>(parser->data); }
  static const llhttp_settings_t& settings();

  static int on_field(llhttp_t* parser, const char* at, std::size_t length) {
    of(parser).name.append(at, length);
    return 0;
  }
  static int on_value(llhttp_t* parser, const char* at, std::size_t length) {
    of(parser).value.append(at, length);
    return 0;
  }
  static int on_value_complete(llhttp_t* parser) {
    Llhttp& self = of(parser);
    if (self.name.empty() || !all_of_class(self.name, kTokenChar)) {
      self.fault = {400, "bad_field", "a field has no name"};
      return HPE_USER;
    }
    self.fields.emplace_back(std::move(self.name), std::string(trim(self.value)));
    self.name.clear();
    self.value.clear();
    if (!self.in_trailers || self.fields.size() <= limits::kHeaderCountMax) return 0;
    self.fault = {431, "header_too_large", "the request has too many trailer fields"};
    return HPE_USER;
  }
  static int on_headers_complete(llhttp_t* parser) {
    of(parser).head_complete = true;
    return HPE_PAUSED;
  }
  static int on_body(llhttp_t* parser, const char* at, std::size_t length) {
    if (length == 0) return 0;
    Llhttp& self = of(parser);
    if (!self.guard_until(at) || self.framing_too_long()) return HPE_USER;
    self.guard.skip_data();
    self.unguarded = at + length;
    self.body = as_bytes(std::string_view(at, length));
    return HPE_PAUSED;
  }
  static int on_chunk_header(llhttp_t* parser) {
    Llhttp& self = of(parser);
    if (parser->content_length > kBodyBytesMax) {
      self.fault = {400, "bad_chunk", "a chunk's size is too large"};
      return HPE_USER;
    }
    self.in_trailers = parser->content_length == 0;
    return 0;
  }
  static int on_message_complete(llhttp_t* parser) {
    of(parser).message_complete = true;
    return HPE_PAUSED;
  }
};

const llhttp_settings_t& Parser::Llhttp::settings() {
  static const llhttp_settings_t settings = [] {
    llhttp_settings_t made;
    llhttp_settings_init(&made);
    made.on_header_field = on_field;
    made.on_header_value = on_value;
    made.on_header_value_complete = on_value_complete;
    made.on_headers_complete = on_headers_complete;
    made.on_body = on_body;
    made.on_chunk_header = on_chunk_header;
    made.on_message_complete = on_message_complete;
    return made;
  }();
  return settings;
}

Parser::Parser(QuickAnswers* known) : known_(known) {}
Parser::~Parser() = default;

Parser::Step Parser::next(ByteSpan input) {
  switch (phase_) {
    case Phase::kHead:
      return input.empty() ? Step{} : next_head(input);
    case Phase::kSized: {
      if (body_remaining_ == 0) return finish(0);
      if (input.empty()) return {};
      const auto bytes =
          static_cast<std::size_t>(std::min<std::uint64_t>(input.size(), body_remaining_));
      body_remaining_ -= bytes;
      return {Event::kBody, bytes, input.first(bytes)};
    }
    case Phase::kChunked:
      return input.empty() ? Step{} : next_chunked(input);
    case Phase::kFault:
      return {Event::kFault, 0, {}};
  }
  return {};
}

void Parser::skip_body(std::uint64_t bytes) noexcept {
  SF_ASSERT(phase_ == Phase::kSized && bytes <= body_remaining_);
  body_remaining_ -= bytes;
}

Parser::Step Parser::next_head(ByteSpan input) {
  // A head in one piece is read where it lies; the rest gather in `partial_head_`.
  const std::size_t before = partial_head_.size();
  if (before > 0) partial_head_.append(as_text(input));
  const std::string_view bytes = before > 0 ? std::string_view(partial_head_) : as_text(input);
  switch (scanner_.scan(bytes)) {
    case HeadScanner::Verdict::kFault:
      return refuse(scanner_.fault());
    case HeadScanner::Verdict::kMore:
      if (before == 0) partial_head_.assign(bytes);
      return {Event::kMore, input.size(), {}};
    case HeadScanner::Verdict::kComplete:
      break;
  }
  const std::size_t consumed = scanner_.end() - before;
  const bool in_one_piece = known_ && before == 0 && scanner_.begin() == 0;
  if (in_one_piece && known_->recognise(scanner_.request_line(bytes), scanner_.block(bytes))) {
    scanner_.restart();
    return {Event::kKnown, consumed, {}};
  }
  if (!read_head(bytes.substr(0, scanner_.end()))) return {Event::kFault, consumed, {}};
  if (in_one_piece) known_->learn(scanner_.block(bytes), *head_);
  partial_head_.clear();
  if (partial_head_.capacity() > kPartialHeadKeptBytes) partial_head_.shrink_to_fit();
  scanner_.restart();
  return {Event::kHead, consumed, {}};
}

Parser::Step Parser::next_chunked(ByteSpan input) {
  const std::string_view text = as_text(input);
  Llhttp& reader = *llhttp_;
  reader.unguarded = text.data();
  llhttp_resume(&reader.state);
  const auto outcome = llhttp_execute(&reader.state, text.data(), text.size());
  const bool whole = outcome == HPE_OK;
  const char* stop = whole ? text.data() + text.size() : llhttp_get_error_pos(&reader.state);
  if (outcome == HPE_PAUSED && !reader.body.empty()) {
    return {Event::kBody, static_cast<std::size_t>(stop - text.data()),
            std::exchange(reader.body, {})};
  }
  // The guard's word comes first: it says what was wrong where llhttp only stopped.
  if (reader.fault.status == 0 && (!reader.guard_until(stop) || reader.framing_too_long())) {
    return refuse(reader.fault);
  }
  if (reader.fault.status != 0) return refuse(reader.fault);
  if (whole) return {Event::kMore, input.size(), {}};
  if (!reader.message_complete) {
    return refuse(400, "bad_chunk", "the chunked body cannot be read");
  }
  for (auto& [name, value] : reader.fields) {
    if (!is_forbidden_trailer(name)) trailers_.add(std::move(name), std::move(value));
  }
  return finish(static_cast<std::size_t>(stop - text.data()));
}

Parser::Step Parser::finish(std::size_t consumed) noexcept {
  phase_ = Phase::kHead;
  llhttp_.reset();
  return {Event::kEnd, consumed, {}};
}

Parser::Step Parser::refuse(int status, std::string_view code, std::string_view detail) noexcept {
  return refuse(ParseFault{status, code, detail});
}

Parser::Step Parser::refuse(const ParseFault& fault) noexcept {
  fault_ = fault;
  phase_ = Phase::kFault;
  return {Event::kFault, 0, {}};
}

bool Parser::wrong(int status, std::string_view code, std::string_view detail) noexcept {
  static_cast<void>(refuse(status, code, detail));
  return false;
}

/// `text` ends with the head's empty line and passed the scanner.
bool Parser::read_head(std::string_view text) {
  head_ = std::make_unique<RequestHead>();
  trailers_ = Headers();
  if (!read_request_line(scanner_.request_line(text))) return false;

  if (!llhttp_) llhttp_ = std::make_unique<Llhttp>();
  Llhttp& reader = *llhttp_;
  reader.begin();
  const std::string_view head = text.substr(scanner_.begin());
  const auto outcome = llhttp_execute(&reader.state, head.data(), head.size());
  const bool read_whole = outcome == HPE_PAUSED && reader.head_complete &&
                          llhttp_get_error_pos(&reader.state) == head.data() + head.size();
  if (!read_whole && is_framing_fault(outcome)) {
    return wrong(400, "bad_framing", "Content-Length and Transfer-Encoding do not frame a body");
  }
  // Two readers that see different fields are how requests are smuggled.
  if (!read_whole || reader.fields.size() != scanner_.fields()) {
    return wrong(400, "bad_request", "the request's head cannot be read");
  }
  for (auto& [name, value] : reader.fields) head_->headers.add(std::move(name), std::move(value));
  reader.fields.clear();
  return read_host() && read_framing() && read_connection();
}

bool Parser::read_request_line(std::string_view line) {
  const auto first = line.find(' ');
  const auto last = line.rfind(' ');
  const auto method = method_named(line.substr(0, first));
  if (!method) return wrong(501, "method_not_implemented", "this server does not know the method");
  head_->method = *method;
  head_->target = line.substr(first + 1, last - first - 1);
  head_->minor_version = line.back() == '1' ? 1 : 0;
  auto target = parse_target(head_->target);
  if (!target || (target->path == "*" && head_->method != Method::kOptions)) {
    return wrong(400, "bad_target", "the request target is not one this server can look up");
  }
  head_->path = std::move(target->path);
  head_->query = std::move(target->query);
  if (target->authority) head_->authority = std::move(*target->authority);
  return true;
}

/// RFC 9112 section 3.2: exactly one Host, and a good one, even when the absolute-form's authority
/// then wins.
bool Parser::read_host() {
  const unsigned hosts = head_->headers.count("host");
  if (hosts == 0 && head_->minor_version == 0) return true;
  if (hosts != 1) return wrong(400, "bad_host", "a request has exactly one Host field");
  const auto host = *head_->headers.get("host");
  if (!is_authority(host)) return wrong(400, "bad_host", "the Host field is not HOST[:PORT]");
  if (head_->authority.empty()) head_->authority = host;
  return true;
}

bool Parser::read_framing() {
  const unsigned lengths = head_->headers.count("content-length");
  const bool transfer = head_->headers.has("transfer-encoding");
  body_remaining_ = 0;
  phase_ = Phase::kSized;
  if (transfer) {
    if (head_->minor_version == 0) {
      return wrong(400, "bad_framing", "HTTP/1.0 has no Transfer-Encoding");
    }
    if (lengths > 0) {
      return wrong(400, "bad_framing", "Content-Length and Transfer-Encoding exclude each other");
    }
    const auto codings = *head_->headers.get("transfer-encoding");
    if (equals_ignoring_case(codings, "chunked")) {
      head_->framing = Framing::kChunked;
      phase_ = Phase::kChunked;
      return true;
    }
    const auto pieces = split(codings, ',');
    const bool ends_chunked = equals_ignoring_case(trim(pieces.back()), "chunked");
    const auto chunked = std::count_if(pieces.begin(), pieces.end(), [](auto piece) {
      return equals_ignoring_case(trim(piece), "chunked");
    });
    if (!ends_chunked || chunked != 1) {
      return wrong(400, "bad_framing", "Transfer-Encoding must end in one chunked");
    }
    return wrong(501, "coding_not_implemented", "the only transfer coding here is chunked");
  }
  if (lengths == 0) return true;
  const auto length = parse_decimal(*head_->headers.get("content-length"), kBodyBytesMax);
  if (lengths > 1 || !length) {
    return wrong(400, "bad_framing", "Content-Length must be one decimal number");
  }
  head_->framing = *length > 0 ? Framing::kSized : Framing::kNone;
  head_->content_length = body_remaining_ = *length;
  return true;
}

bool Parser::read_connection() {
  head_->keep_alive = head_->minor_version == 1;
  if (const auto connection = head_->headers.get("connection")) {
    bool close = false;
    for (const auto token : split(*connection, ',')) {
      if (equals_ignoring_case(trim(token), "close")) close = true;
      if (equals_ignoring_case(trim(token), "keep-alive")) head_->keep_alive = true;
    }
    if (close) head_->keep_alive = false;
  }
  // RFC 9110 section 10.1.1: an expectation of HTTP/1.0 is ignored.
  const auto expectation = head_->headers.get("expect");
  if (!expectation || head_->minor_version == 0) return true;
  if (!equals_ignoring_case(*expectation, "100-continue")) {
    return wrong(417, "expectation_failed", "the only expectation met here is 100-continue");
  }
  head_->expects_continue = head_->framing != Framing::kNone;
  return true;
}

}  // namespace sf::http
