#include "response_reader.hpp"

#include <streamforge/base/limits.hpp>

#include <llhttp.h>

namespace sf::http {

namespace {
constexpr std::size_t kResponseBytesMax = 64 * limits::kMiB;
}

struct ResponseReader::Llhttp {
  llhttp_t state{};
  llhttp_settings_t settings{};
  bool to_head = false;
  bool complete = false;
  bool keep_alive = false;
  bool too_large = false;
  std::string name;
  std::string value;
  ClientResponse response;

  static Llhttp& of(llhttp_t* parser) { return *static_cast<Llhttp*>(parser->data); }

  int grow(std::string& text, const char* at, std::size_t length) {
    if (text.size() + length > kResponseBytesMax) {
      too_large = true;
      return HPE_USER;
    }
    text.append(at, length);
    return 0;
  }
  static int on_field(llhttp_t* parser, const char* at, std::size_t length) {
    return of(parser).grow(of(parser).name, at, length);
  }
  static int on_value(llhttp_t* parser, const char* at, std::size_t length) {
    return of(parser).grow(of(parser).value, at, length);
  }
  static int on_value_complete(llhttp_t* parser) {
    Llhttp& self = of(parser);
    self.response.headers.add(std::move(self.name), std::string(trim(self.value)));
    self.name.clear();
    self.value.clear();
    return 0;
  }
  static int on_headers_complete(llhttp_t* parser) {
    Llhttp& self = of(parser);
    self.response.status = parser->status_code;
    return self.to_head ? 1 : 0;  // 1: there is no body.
  }
  static int on_body(llhttp_t* parser, const char* at, std::size_t length) {
    return of(parser).grow(of(parser).response.body, at, length);
  }
  static int on_message_complete(llhttp_t* parser) {
    Llhttp& self = of(parser);
    if (self.response.status < 200) {
      self.response = ClientResponse();
      return 0;
    }
    self.complete = true;
    self.keep_alive = llhttp_should_keep_alive(parser) != 0;
    return HPE_PAUSED;
  }
};

ResponseReader::ResponseReader(bool to_head) : llhttp_(std::make_unique<Llhttp>()) {
  auto& settings = llhttp_->settings;
  llhttp_settings_init(&settings);
  settings.on_header_field = Llhttp::on_field;
  settings.on_header_value = Llhttp::on_value;
  settings.on_header_value_complete = Llhttp::on_value_complete;
  settings.on_headers_complete = Llhttp::on_headers_complete;
  settings.on_body = Llhttp::on_body;
  settings.on_message_complete = Llhttp::on_message_complete;
  llhttp_init(&llhttp_->state, HTTP_RESPONSE, &settings);
  llhttp_->state.data = llhttp_.get();
  llhttp_->to_head = to_head;
}

ResponseReader::~ResponseReader() = default;

Result<bool> ResponseReader::take(std::string_view bytes) {
  const auto outcome = llhttp_execute(&llhttp_->state, bytes.data(), bytes.size());
  if (llhttp_->complete) {
    // Bytes after the answer to the only request are nobody's.
    const auto used = llhttp_get_error_pos(&llhttp_->state) - bytes.data();
    if (static_cast<std::size_t>(used) != bytes.size()) llhttp_->keep_alive = false;
    return true;
  }
  if (outcome == HPE_OK) return false;
  if (llhttp_->too_large) return fail(ErrorCode::kTooLarge, "the server's answer is too large");
  return fail(ErrorCode::kCorrupt, concat("the server's answer is not HTTP/1.1: ",
                                          llhttp_get_error_reason(&llhttp_->state)));
}

bool ResponseReader::take_end() {
  llhttp_finish(&llhttp_->state);
  llhttp_->keep_alive = false;
  return llhttp_->complete;
}

bool ResponseReader::complete() const noexcept { return llhttp_->complete; }

bool ResponseReader::keep_alive() const noexcept { return llhttp_->keep_alive; }

ClientResponse ResponseReader::response() && { return std::move(llhttp_->response); }

}  // namespace sf::http
