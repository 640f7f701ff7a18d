#pragma once

/// After a crash: brings records and files in step again. docs/storage.md has the table of what a
/// crash leaves and what is made of it.

#include <streamforge/base/error.hpp>
#include <streamforge/store/blobs.hpp>
#include <streamforge/store/catalogue.hpp>

namespace sf::store {

/// What had to be done; all zero after a clean stop.
struct Reconciled {
  unsigned uploads_completed = 0;  ///< All bytes were there, the last commit was not.
  unsigned uploads_removed = 0;    ///< Records whose file is gone.
  unsigned videos_failed = 0;      ///< Their bytes are gone; `error` says so.
  unsigned files_removed = 0;      ///< In temp/ and raw/, without a record.
  unsigned folders_removed = 0;    ///< In processed/, without a video.
  unsigned jobs_requeued = 0;      ///< Were running when the process ended.
  unsigned segments_dropped = 0;   ///< Records whose blob is missing: made again.

  bool operator==(const Reconciled&) const = default;
};

/// Blocks; call once, before serving and before Accounts, from a thread that is neither a reactor's
/// nor the pool's. Doing it again changes nothing. Events are published, the job listener is told.
[[nodiscard]] Result<Reconciled> reconcile(Catalogue& catalogue, BlobStore& blobs);

}  // namespace sf::store
