#pragma once

/// The handlers of this room, one group a file. Each group borrows the site's parts, which outlive
/// it, and adds its own routes. Handlers run on the reactor of their connection.

#include <streamforge/base/bytes.hpp>
#include <streamforge/hls/presentation.hpp>
#include <streamforge/http/representation.hpp>
#include <streamforge/serve/site.hpp>

#include <atomic>
#include <memory>

#include "playback_token.hpp"

namespace sf::serve {

/// What all groups share: the parts, the job controls, the options, and whether the site drains.
struct Shared {
  SiteParts parts;
  JobControls jobs;
  SiteOptions options;
  const PlaybackTokens tokens{options.signing_key};
  std::atomic<bool> draining{false};
};

/// /api/v1/videos and below.
class VideosApi {
 public:
  explicit VideosApi(Shared& shared) : shared_(shared) {}
  void add_routes(http::Router& router);

 private:
  io::Task<http::Response> list(http::Request& request);
  io::Task<http::Response> get(http::Request& request);
  io::Task<http::Response> patch(http::Request& request);
  io::Task<http::Response> remove(http::Request& request);
  io::Task<http::Response> restore(http::Request& request);
  io::Task<http::Response> log(http::Request& request);
  io::Task<http::Response> playback_url(http::Request& request);
  io::Task<http::Response> job(http::Request& request, const JobControls::Intent& intent);
  Shared& shared_;
};

/// /api/v1/session, /api/v1/users, /api/v1/tokens.
class AccountsApi {
 public:
  explicit AccountsApi(Shared& shared) : shared_(shared) {}
  void add_routes(http::Router& router);

 private:
  io::Task<http::Response> get_session(http::Request& request);
  io::Task<http::Response> log_in(http::Request& request);
  io::Task<http::Response> log_out(http::Request& request);
  io::Task<http::Response> create_user(http::Request& request);
  io::Task<http::Response> create_first_user(http::Request& request, std::string setup_token,
                                             std::string name, std::string password);
  io::Task<http::Response> list_users(http::Request& request);
  io::Task<http::Response> remove_user(http::Request& request);
  io::Task<http::Response> list_tokens(http::Request& request);
  io::Task<http::Response> create_token(http::Request& request);
  io::Task<http::Response> revoke_token(http::Request& request);
  [[nodiscard]] std::string cookie_for(const http::Request& request, std::string_view secret,
                                       std::int64_t expires_at_ms) const;
  [[nodiscard]] std::string session_body(const store::Principal& who) const;
  Shared& shared_;
};

/// GET /api/v1/events: server-sent events (WHATWG HTML section 9.2).
class EventsApi {
 public:
  explicit EventsApi(Shared& shared) : shared_(shared) {}
  void add_routes(http::Router& router);

 private:
  io::Task<http::Response> stream(http::Request& request);
  Shared& shared_;
};

/// /v/{id}/…: playlists from the presentation, segments from disk or made on demand, the master.
class Playback {
 public:
  explicit Playback(Shared& shared);
  ~Playback();
  void add_routes(http::Router& router);

 private:
  struct Cache;
  /// A video that may be played, and the version of its record that said so.
  struct Playable {
    std::shared_ptr<const store::Video> video;
    const std::atomic<std::uint64_t>& version;
    std::uint64_t seen;
    std::string token;          ///< That let the viewer in; empty when none was needed.
    std::int64_t until_ms = 0;  ///< Of the token.
    /// For the URLs of a playlist: what is below it is let in by the same token.
    [[nodiscard]] std::string suffix() const {
      return token.empty() ? token : concat("?token=", token);
    }
  };
  static http::Response answer(const http::Request& request, const Playable& playable,
                               http::Representation representation);
  io::Task<http::Response> master(http::Request& request);
  io::Task<http::Response> media(http::Request& request, std::string track, std::string file);
  io::Task<http::Response> i_frames(http::Request& request, const Playable& playable,
                                    std::string rung);
  io::Task<http::Response> segment(http::Request& request, const Playable& playable,
                                   std::string track, std::uint32_t number);
  /// The playlist of a subtitle track, and its segments.
  io::Task<http::Response> subtitles(http::Request& request);
  io::Task<http::Response> subtitle_segment(http::Request& request, const Playable& playable,
                                            std::uint32_t track, std::uint32_t number);
  io::Task<http::Response> poster(http::Request& request);
  io::Task<http::Response> storyboard(http::Request& request);
  io::Task<http::Response> sheet(http::Request& request);
  /// A JPEG that is there.
  io::Task<http::Response> picture(http::Request& request, const Playable& playable,
                                   std::string name, std::string_view caching);
  /// A rung as one MP4 file.
  io::Task<http::Response> whole_file(http::Request& request);
  /// Waits a moment for a video that is about to be ready; a refusal when it is not.
  io::Task<std::optional<http::Response>> until_ready(http::Request& request, Playable& playable);
  io::Task<http::Response> source(http::Request& request);
  /// The video when it may be played by who asks, or with the token that the query has; private
  /// ones are kNotFound to others.
  io::Task<Result<Playable>> playable(const http::Request& request);
  Result<> admit(const http::Request& request, Playable& playable) const;
  /// Reads the record (again) and notes its version.
  io::Task<Result<>> look(std::string id, Playable& playable);
  /// Once the last byte is here, what was listed while it arrived is about to be replaced by the
  /// whole: waits up to `wait_ms` for that, and gives what there is then.
  io::Task<Result<std::shared_ptr<const hls::Presentation>>> whole_presentation_of(
      Playable& playable, std::uint32_t wait_ms);
  /// From the cache, else from its blob.
  io::Task<Result<std::shared_ptr<const hls::Presentation>>> presentation_of(
      const store::Video& video);
  Shared& shared_;
  std::unique_ptr<Cache> cache_;
};

/// The web app: every embedded file under its path, index.html for the app's own routes, made once
/// for where it is shown.
class WebFiles {
 public:
  explicit WebFiles(Shared& shared);
  ~WebFiles();
  void add_routes(http::Router& router);

 private:
  io::Task<http::Response> file(http::Request& request);
  io::Task<http::Response> page(http::Request& request);
  /// The page, or where it is asked for in the clear and must not be: the way to it.
  io::Task<http::Response> page_or_redirect(http::Request& request);
  io::Task<http::Response> page_for_unknown(http::Request& request, const http::Handler& next);
  /// The path of a request that was routed here, as the routes are written.
  [[nodiscard]] std::string_view below_base(const http::Request& request) const;
  struct Index;
  Shared& shared_;
  std::unique_ptr<Index> index_;
};

/// /healthz, /readyz, /metrics.
class Health {
 public:
  explicit Health(Shared& shared) : shared_(shared) {}
  void add_routes(http::Router& router);

 private:
  io::Task<http::Response> live(http::Request& request);
  io::Task<http::Response> ready(http::Request& request);
  io::Task<http::Response> metrics(http::Request& request);
  Shared& shared_;
};

}  // namespace sf::serve
