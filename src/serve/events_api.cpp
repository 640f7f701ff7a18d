#include "caller.hpp"
#include "event_batch.hpp"
#include "handlers.hpp"
#include "video_json.hpp"

namespace sf::serve {

namespace {

/// Often enough that proxies and browsers do not give the stream up as dead.
constexpr std::uint32_t kHeartbeatMs = 15'000;
/// Between two writes. Several fast uploads move dozens of times a second, each time with the whole
/// record; nobody sees more than this.
constexpr std::uint32_t kPauseMs = 250;

/// One stream's state; owned by the response's body producer.
struct Stream {
  Stream(Shared& s, store::Principal w, store::EventBus::Subscription sub)
      : shared(s), who(std::move(w)), subscription(std::move(sub)) {}
  Shared& shared;
  store::Principal who;
  store::EventBus::Subscription subscription;
};

void append_event(std::string& out, const store::Event& event, const Stream& stream) {
  out += concat("id: ", event.sequence, "\nevent: ", store::name_of(event.kind), "\ndata: ");
  const store::Video& video = *event.video;
  if (event.kind == store::EventKind::kDeleted) {
    out += concat("{\"id\":\"", video.id, "\"}");
  } else {
    const unsigned position = stream.shared.jobs.queue_position(video.id);
    out +=
        concat("{\"id\":\"", video.id,
               "\",\"video\":", video_json(video, position, stream.shared.options.base_path), '}');
  }
  out += "\n\n";
}

io::Task<Result<>> produce(std::shared_ptr<Stream> stream, http::BodyWriter& writer) {
  auto& reactor = io::Reactor::current();
  std::string out = "retry: 2000\n\n";
  while (true) {
    if (auto written = co_await writer.write(out); !written) co_return written;
    if (writer.should_end() || stream->shared.draining.load(std::memory_order_relaxed)) {
      co_return Result<>{};
    }
    co_await reactor.sleep_ms(kPauseMs);
    auto events = co_await stream->subscription.next(kHeartbeatMs);
    events = without_stale_progress(std::move(events));
    out.clear();
    // The follower missed some: it should read the list again.
    if (stream->subscription.take_overflow()) out += "event: reset\ndata: {}\n\n";
    for (const auto& event : events) {
      if (store::may(stream->who, store::Action::kReadVideo, event.video->owner,
                     event.video->visibility)) {
        append_event(out, event, *stream);
      }
    }
    if (out.empty()) out = ": still here\n\n";
  }
}

}  // namespace

void EventsApi::add_routes(http::Router& router) {
  router.add(http::Method::kGet, "/api/v1/events", [this](http::Request& r) { return stream(r); });
}

io::Task<http::Response> EventsApi::stream(http::Request& request) {
  auto who = allowed(request, shared_.parts.accounts, store::Action::kListVideos);
  if (!who) co_return http::problem(request, who.error());
  const auto last = request.headers.get("last-event-id");
  const auto after = last ? parse_decimal(trim(*last)) : std::nullopt;
  auto state =
      std::make_shared<Stream>(shared_, std::move(*who), shared_.parts.events.subscribe(after));
  http::Response response;
  response.headers.set("Content-Type", "text/event-stream");
  response.headers.set("Cache-Control", "no-store");
  response.headers.set("X-Accel-Buffering", "no");
  response.body =
      http::BodyProducer([state](http::BodyWriter& writer) { return produce(state, writer); });
  co_return response;
}

}  // namespace sf::serve
