#pragma once

/// The index pass: every video packet of a source and every stretch of its sound, without decoding
/// more than the first pictures. One thread, blocking.

#include "engine.hpp"

namespace sf::transcode {

[[nodiscard]] Result<SourceIndex> index_source(const SourceFile& file, const Progress& progress);

/// Of a source that still arrives: see Engine::index_arriving.
[[nodiscard]] Result<SourceIndex> index_arriving(const SourceFile& file,
                                                 const AwaitMore& await_more,
                                                 const Progress& progress);

}  // namespace sf::transcode
