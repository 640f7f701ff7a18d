#pragma once

/// Resumable upload over HTTP: `/files` and `/files/{id}` (tus 1.0.0; docs/protocols/tus.md). One
/// service for all reactors; an upload in progress belongs to the reactor whose connection feeds
/// it, and is taken over by asking that reactor to let go. Bytes go from the socket into staging
/// buffers and to disk; the catalogue learns of an offset only after the bytes below it are synced.

#include <streamforge/http/router.hpp>
#include <streamforge/io/task.hpp>
#include <streamforge/store/accounts.hpp>
#include <streamforge/store/blobs.hpp>
#include <streamforge/store/catalogue.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sf::tus {

/// How bodies reach the disk: from staging buffers past the page cache or into it, or by pipes into
/// it. `kAuto` is direct where the filesystem takes O_DIRECT, else buffered.
enum class UploadIo : std::uint8_t { kAuto, kDirect, kBuffered, kSplice };
[[nodiscard]] std::string_view name_of(UploadIo upload_io) noexcept;
[[nodiscard]] std::string_view name_of(UploadIo upload_io) noexcept;

struct ServiceOptions {
  std::uint64_t upload_bytes_max = 0;  ///< Tus-Max-Size; 0: unlimited.
  std::int64_t expire_after_ms = std::int64_t{7} * 24 * 3600 * 1000;  ///< Unfinished uploads.
  UploadIo upload_io = UploadIo::kAuto;
  /// A body that brings less than 8 KiB in this time ends; what came is kept.
  std::uint32_t stall_timeout_ms = 60'000;
  /// Of one account (429 beyond them, 413 for bytes); 0: no limit. Nobody's uploads (--open) are
  /// not counted.
  unsigned account_bodies_max = 0;                ///< Bodies sent at once.
  unsigned account_creations_per_minute_max = 0;  ///< New uploads.
  std::uint64_t account_bytes_max = 0;            ///< Of all its uploads, finished or not.
  std::uint64_t account_unfinished_max = 0;       ///< Uploads.
  /// Origins whose pages may upload, "https://example.org"; empty: any. Our own page always may.
  std::vector<std::string> allowed_origins;
  /// What stands before the paths that answers name: "/media"; the router's.
  std::string base_path;
};

class Service {
 public:
  Service(store::Catalogue& catalogue, store::BlobStore& blobs, store::Accounts& accounts,
          ServiceOptions options);
  ~Service();  ///< `stop` must have been awaited.
  Service(const Service&) = delete;

  /// Before serving.
  void add_routes(http::Router& router);
  /// Awaited before the files of a finished upload are removed (tus DELETE): ends its transcode.
  void set_before_remove(std::function<io::Task<void>(std::string id)> before_remove);
  /// Once, on one reactor, after `set_before_remove`: from then on this reactor joins the parts
  /// of final uploads, removes expired ones, and at first finishes what a crash left almost done.
  void start();
  /// Ends running PATCHes with their bytes kept (503), on all reactors. From any one reactor.
  io::Task<void> stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sf::tus
