#pragma once

#include <streamforge/base/bytes.hpp>
#include <streamforge/base/error.hpp>

#include <string_view>

namespace sf {

/// All of `bytes` at the file's position, in one call when the kernel takes them so. Blocks. Any
/// thread; fails with what `write` said, some of the bytes written. `what`: as error_from_errno has
/// it.
[[nodiscard]] Result<> write_whole(int fd, ByteSpan bytes, std::string_view what = "write");

}  // namespace sf
