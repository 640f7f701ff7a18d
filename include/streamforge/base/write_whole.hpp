#pragma once

#include <streamforge/base/bytes.hpp>
#include <streamforge/base/error.hpp>

#include <string_view>

namespace sf {

/// All of `bytes` at the file's position, in one call when the kernel takes them so. Blocks. Any
/// thread; fails with what `write` said, some of the bytes written. `what`: as error_from_errno has
/// it.
[[nodiscard]] Result<> write_whole(int fd, ByteSpan bytes, std::string_view what = "write");
/// Likewise from `offset` on; the file's position stays.
[[nodiscard]] Result<> write_whole_at(int fd, std::uint64_t offset, ByteSpan bytes,
                                      std::string_view what = "write");

}  // namespace sf
