#include "quick_answers.hpp"

#include <streamforge/base/clock.hpp>

#include <algorithm>
#include <array>

#include "conditionals.hpp"
#include "forwarded.hpp"

namespace sf::http {

namespace {

/// Fields that decide the answer, or who may have it: such requests are parsed each time.
bool decides(std::string_view name) {
  constexpr std::array<std::string_view, 8> kNames = {
      "authorization", "content-length",      "if-match", "if-modified-since",
      "if-range",      "if-unmodified-since", "range",    "expect"};
  return std::any_of(kNames.begin(), kNames.end(),
                     [name](auto other) { return equals_ignoring_case(name, other); });
}

/// Fields that `respond` makes for each form of the answer.
bool is_of_the_form(std::string_view name) {
  constexpr std::array<std::string_view, 8> kNames = {
      "accept-ranges", "cache-control", "content-encoding", "content-range",
      "content-type",  "etag",          "last-modified",    "vary"};
  return std::any_of(kNames.begin(), kNames.end(),
                     [name](auto other) { return equals_ignoring_case(name, other); });
}

std::string fields_of(const Response& response) {
  std::string text;
  for (const auto& [name, value] : response.headers.all()) {
    text.append(name).append(": ").append(value).append("\r\n");
  }
  return text;
}

unsigned coding_of(const Headers& headers) {
  return accepts_encoding(headers.get("accept-encoding").value_or(""), "gzip") ? 1 : 0;
}

/// What an answer may depend on, beside its target.
unsigned form_of(const Request& request) {
  const unsigned told = request.forwarded_secure ? (request.secure ? 2 : 1) : 0;
  return 2 * told + coding_of(request.headers);
}

std::size_t bytes_in_memory(const Representation& representation) {
  const auto* shared = std::get_if<SharedBytes>(&representation.bytes);
  return shared ? shared->bytes.size() : 0;
}

}  // namespace

QuickAnswers::Block& QuickAnswers::slot_of(std::string_view block) {
  return blocks_[std::hash<std::string_view>{}(block) % kBlocks];
}

bool QuickAnswers::recognise(std::string_view line, std::string_view block) {
  constexpr std::string_view kVersion = " HTTP/1.1";
  if (order_.empty() || !line.ends_with(kVersion)) return false;
  line.remove_suffix(kVersion.size());
  Method method = Method::kGet;
  if (line.starts_with("GET ")) {
    line.remove_prefix(4);
  } else if (line.starts_with("HEAD ")) {
    line.remove_prefix(5);
    method = Method::kHead;
  } else {
    return false;
  }
  if (block.size() > kBlockBytesMax) return false;
  const Block& known = slot_of(block);
  if (known.bytes != block) return false;
  auto answer = valid(line, known.form);
  if (!answer) return false;
  const bool conditional = !known.if_none_match.empty();
  if (conditional && known.if_none_match != answer->reuse->representation.etag) return false;
  match_ = {std::move(answer), method, conditional, known.keep_alive};
  return true;
}

void QuickAnswers::learn(std::string_view block, const RequestHead& head) {
  const bool plain = head.framing == Framing::kNone && head.minor_version == 1 &&
                     (head.method == Method::kGet || head.method == Method::kHead);
  if (!plain || block.size() > kBlockBytesMax) return;
  for (const auto& [name, value] : head.headers.all()) {
    if (decides(name) || is_forwarded_field(name)) return;
  }
  Block& slot = slot_of(block);
  slot.bytes = block;
  slot.if_none_match = head.headers.get("if-none-match").value_or("");
  slot.keep_alive = head.keep_alive;
  slot.form = coding_of(head.headers);
}

std::shared_ptr<QuickAnswer> QuickAnswers::valid(std::string_view target, unsigned form) {
  const auto found = answers_[form].find(target);
  if (found == answers_[form].end()) return nullptr;
  auto answer = found->second;
  if (!answer->reuse->valid(wall_ms())) {
    drop(*answer);
    return nullptr;
  }
  answer->used = true;
  return answer;
}

std::optional<Response> QuickAnswers::find(const Request& request) {
  const bool plain = request.method == Method::kGet || request.method == Method::kHead;
  if (!plain || order_.empty() || request.headers.has("authorization")) return std::nullopt;
  const auto answer = valid(request.target, form_of(request));
  if (!answer) return std::nullopt;
  Response response = respond(request, answer->reuse->representation);
  for (const auto& [name, value] : answer->extra_fields) response.headers.set(name, value);
  return response;
}

void QuickAnswers::keep(const Request& request, const Response& response) {
  const bool good = response.status == 200 || response.status == 206 || response.status == 304;
  if (!response.reuse || !good || request.method != Method::kGet || answers_max_ == 0) return;
  const unsigned form = form_of(request);
  const Representation& representation = response.reuse->representation;
  const std::size_t memory = bytes_in_memory(representation);
  if (memory > kBodyBytesMax || valid(request.target, form)) return;

  auto answer = std::make_shared<QuickAnswer>();
  answer->target = request.target;
  answer->reuse = response.reuse;
  answer->form = form;
  for (const auto& field : response.headers.all()) {
    if (!is_of_the_form(field.first)) answer->extra_fields.push_back(field);
  }
  // The two common forms, as the parsed way would answer.
  Request plain;
  Response whole = respond(plain, representation);
  plain.headers.add("if-none-match", "*");
  Response not_modified = respond(plain, representation);
  for (Response* each : {&whole, &not_modified}) {
    for (const auto& [name, value] : answer->extra_fields) each->headers.set(name, value);
  }
  answer->whole_fields =
      concat(server_field_, fields_of(whole), "Content-Length: ", *whole.body_bytes(), "\r\n");
  answer->not_modified_fields = concat(server_field_, fields_of(not_modified));
  answer->memory_bytes = memory + answer->target.size() + 2 * answer->whole_fields.size();

  make_room(answer->memory_bytes);
  answer->position = order_.size();
  order_.push_back(answer.get());
  memory_bytes_ += answer->memory_bytes;
  const std::string_view key = answer->target;
  answers_[form].emplace(key, std::move(answer));
}

/// Second chance: who was asked for since the hand last passed stays for another round.
void QuickAnswers::make_room(std::size_t bytes) {
  while (!order_.empty() &&
         (order_.size() >= answers_max_ || memory_bytes_ + bytes > kMemoryBytesMax)) {
    hand_ %= order_.size();
    QuickAnswer& candidate = *order_[hand_];
    if (std::exchange(candidate.used, false)) {
      ++hand_;
    } else {
      drop(candidate);
    }
  }
}

void QuickAnswers::drop(QuickAnswer& answer) {
  memory_bytes_ -= answer.memory_bytes;
  order_[answer.position] = order_.back();
  order_[answer.position]->position = answer.position;
  order_.pop_back();
  auto& answers = answers_[answer.form];
  answers.erase(answers.find(answer.target));  // Ends it, unless it is being sent.
}

void QuickAnswers::sweep(std::uint64_t now_ms) {
  if (now_ms - swept_at_ms_ < kSweepEveryMs) return;
  swept_at_ms_ = now_ms;
  const std::int64_t wall = wall_ms();
  for (std::size_t i = 0; i < order_.size();) {
    if (order_[i]->reuse->valid(wall)) {
      ++i;
    } else {
      drop(*order_[i]);
    }
  }
}

void QuickAnswers::clear() {
  for (auto& answers : answers_) answers.clear();
  order_.clear();
  memory_bytes_ = 0;
  match_ = {};
}

}  // namespace sf::http
