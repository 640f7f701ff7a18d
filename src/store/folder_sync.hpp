#pragma once

/// Makes the names in one folder durable for many at once: who asks while a sync runs shares the
/// next one with all that wait, as group commit does for records. Every upload begins and ends with
/// a name in the same folders, and each sync is a turn of the filesystem's journal.

#include <streamforge/base/error.hpp>
#include <streamforge/base/unique_fd.hpp>
#include <streamforge/io/reactor.hpp>
#include <streamforge/io/task.hpp>

#include <mutex>
#include <vector>

namespace sf::store {

class FolderSync {
 public:
  /// `folder` is borrowed, and outlives this.
  explicit FolderSync(const UniqueFd& folder) : folder_(folder) {}
  FolderSync(const FolderSync&) = delete;

  /// Once this succeeds, what was done in the folder before the call is durable. Any reactor.
  io::Task<Result<>> sync();

 private:
  /// One caller of `sync`, until it is answered or told to lead.
  struct Turn;

  [[nodiscard]] bool join(Turn& turn);
  [[nodiscard]] std::vector<Turn*> begin();
  void pass_on();

  const UniqueFd& folder_;
  std::mutex mutex_;
  bool led_ = false;  ///< A caller syncs, or has been told to.
  std::vector<Turn*> waiting_;
};

}  // namespace sf::store
