#include "schema.hpp"

#include <streamforge/base/bytes.hpp>
#include <streamforge/base/log.hpp>

#include "database.hpp"

namespace sf::store {
namespace {

Result<> commit_schema(Database& database, std::uint32_t number) {
  rocksdb::WriteBatch batch;
  const auto added = batch.Put(database.handle(Family::kMeta), slice(kSchemaKey), concat(number));
  if (!added.ok()) return fail(error_of(added, "write the schema"));
  return database.write(batch);
}

}  // namespace

Result<> check_schema(std::optional<std::uint32_t> found, std::string_view dir,
                      std::uint32_t known) {
  if (!found || *found <= known) return {};
  return fail(ErrorCode::kUnsupported,
              concat(dir, " was written by a newer StreamForge (schema ", *found,
                     ", this program knows up to ", known,
                     "): run that version, or restore a backup made before it"));
}

Result<> upgrade(Database& database, std::optional<std::uint32_t> found,
                 std::span<const UpgradeStep> steps, std::uint32_t target) {
  if (!found) return commit_schema(database, target);
  for (const auto& step : steps) {
    if (step.to <= *found || step.to > target) continue;
    log::info("store", "upgrading the catalogue", {{"schema", step.to}});
    if (auto done = step.run(database); !done) return done;
    if (auto done = commit_schema(database, step.to); !done) return done;
  }
  return {};
}

}  // namespace sf::store
