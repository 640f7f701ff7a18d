#pragma once

/// The blocking half of BlobStore: folders, names and small files, by system call. Everything is
/// relative to a folder descriptor. For the offload pool and for the time before serving.

#include <streamforge/base/bytes.hpp>
#include <streamforge/base/error.hpp>
#include <streamforge/base/unique_fd.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace sf::store {

/// Whether `name` may stand below processed/{id}: relative, plain, no empty, "." or ".." part, no
/// hidden part.
[[nodiscard]] bool is_blob_name(std::string_view name) noexcept;

/// The name in temp/ of the n-th part that upload `id` is to be joined of.
[[nodiscard]] std::string part_name(std::string_view id, std::size_t n);

/// A folder, made when missing (mode 0750, its parent synced).
Result<UniqueFd> open_folder(int parent, const std::string& name);
/// The folder that will hold `path`, whose folders are made when missing.
Result<UniqueFd> open_folder_of(int parent, std::string_view path);

Result<> sync_folder(int folder, std::string_view name);
/// Missing is no error.
Result<> unlink_if_exists(int folder, const std::string& name);
/// `name` and all below it; missing is no error.
Result<> remove_tree(int parent, const std::string& name, unsigned depth_max);

/// Size of a regular file, nullopt when there is none of that name.
Result<std::optional<std::uint64_t>> size_of(int folder, const std::string& name);
/// Every entry but "." and "..".
Result<> each_entry(int folder, const std::function<Result<>(const char* name)>& visit);

/// An unnamed file in the filesystem of `folder`; where there is none of those, a file with a
/// hidden name in `folder`.
Result<UniqueFd> make_unnamed_file(int folder, int flags);
inline constexpr std::string_view kHiddenPrefix = ".tmp-";
/// Before closing one that will not get a name.
void drop_unnamed_file(int file, int folder) noexcept;

/// Gives a file of make_unnamed_file, synced already, the name `path` below `parent`, replacing
/// what was there, and syncs the folder. A file of the same bytes stays: who has read it finds it
/// unchanged, its times too (an entity tag is made of them).
Result<> name_file(int file, int parent, std::string_view path);
/// kTooLarge when it has more than `bytes_max`.
Result<std::string> read_file(int parent, const std::string& path, std::size_t bytes_max);

/// What a failed preallocation means: nothing where the filesystem has none, kNoSpace, kTooLarge.
Result<> allocation_result(Error error);

/// The last step of an upload, see BlobStore::promote_upload; `synced` when the file's bytes and
/// size are on disk already. The names are not durable before raw/ and temp/ have been synced, in
/// that order: a power cut between the two may leave both names, never none.
Result<> promote_file(int temp, int raw, const std::string& id, std::uint64_t bytes, bool synced);

}  // namespace sf::store
