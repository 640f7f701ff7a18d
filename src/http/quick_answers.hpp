#pragma once

/// Answers that one reactor has given and may give again (Response::reuse), found from the bytes of
/// a request alone: its target, and its fields as a whole, which are remembered by their bytes once
/// they have been parsed and accepted. So a player that asks for one segment after the other, or a
/// thousand that ask for the same, cost a scan for the head's end and two look-ups, not a parse, a
/// route and a handler. Nothing is accepted here that the parser has not accepted byte by byte
/// before, but for the request line, of which only "GET" or "HEAD", a target that is known and
/// "HTTP/1.1" is.
///
/// One reactor's thread.

#include <streamforge/base/limits.hpp>
#include <streamforge/http/representation.hpp>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "parser.hpp"

namespace sf::http {

/// One answer, as the fields of its forms.
struct QuickAnswer {
  std::string target;
  std::shared_ptr<const Reuse> reuse;
  std::vector<std::pair<std::string, std::string>> extra_fields;  ///< Those that filters added.
  std::string whole_fields;         ///< Of a 200, with Content-Length; each ends in CRLF.
  std::string not_modified_fields;  ///< Of a 304.
  std::size_t memory_bytes = 0;
  // Where it is kept.
  unsigned form = 0;
  std::size_t position = 0;
  bool used = false;  ///< Since the hand passed.
};

/// A request that was recognised, and what it is answered with.
struct QuickMatch {
  std::shared_ptr<const QuickAnswer> answer;
  Method method = Method::kGet;
  bool not_modified = false;
  bool keep_alive = true;
};

class QuickAnswers {
 public:
  QuickAnswers(std::string server_field, unsigned answers_max)
      : server_field_(std::move(server_field)), answers_max_(answers_max), blocks_(kBlocks) {}

  // For the parser.
  /// `line` is the request line without CRLF, `block` all that follows it, the empty line included.
  /// True: the message has no body, and `take` says what to answer.
  [[nodiscard]] bool recognise(std::string_view line, std::string_view block);
  /// This block was parsed and accepted, as part of this head.
  void learn(std::string_view block, const RequestHead& head);

  /// What was recognised last.
  [[nodiscard]] QuickMatch take() noexcept { return std::move(match_); }
  /// The answer to a request that was parsed: ranges, conditions and all. Nullopt: ask the handler.
  [[nodiscard]] std::optional<Response> find(const Request& request);
  /// Keeps `response`, the answer to `request`, if it may be given again.
  void keep(const Request& request, const Response& response);
  /// Drops what is not valid any more (and with it open files), when that was not done lately.
  void sweep(std::uint64_t now_ms);
  void clear();

 private:
  static constexpr std::size_t kBlocks = 1024;
  static constexpr std::size_t kBlockBytesMax = 1024;
  static constexpr std::size_t kMemoryBytesMax = 32 * limits::kMiB;
  static constexpr std::size_t kBodyBytesMax = limits::kMiB;
  static constexpr std::uint64_t kSweepEveryMs = 2'000;
  /// Without gzip, with gzip; each as the connection is, as a proxy says: in the clear, over TLS.
  static constexpr unsigned kForms = 6;

  /// The fields of a request that were accepted before, byte by byte the same.
  struct Block {
    std::string bytes;
    std::string if_none_match;
    bool keep_alive = true;
    unsigned form = 0;
  };

  [[nodiscard]] Block& slot_of(std::string_view block);
  std::shared_ptr<QuickAnswer> valid(std::string_view target, unsigned form);
  void drop(QuickAnswer& answer);
  void make_room(std::size_t bytes);

  const std::string server_field_;
  const unsigned answers_max_;
  std::vector<Block> blocks_;  ///< By hash; a newcomer takes its place.
  std::unordered_map<std::string_view, std::shared_ptr<QuickAnswer>> answers_[kForms];
  std::vector<QuickAnswer*> order_;  ///< All of them, for the hand.
  std::size_t hand_ = 0;
  std::size_t memory_bytes_ = 0;
  std::uint64_t swept_at_ms_ = 0;
  QuickMatch match_;
};

}  // namespace sf::http
