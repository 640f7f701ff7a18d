#pragma once

#include <nghttp2/nghttp2.h>

#include <cstddef>
#include <cstdint>

namespace sf::http {

/// What nghttp2 calls; the user data of its sessions is the Http2Driver.
[[nodiscard]] const ::nghttp2_session_callbacks* http2_callbacks();
/// Limits and what we do ourselves.
[[nodiscard]] const ::nghttp2_option* http2_options();
/// The source of a DATA frame's bytes: `source.ptr` is the Http2Stream.
::ssize_t http2_read_source(::nghttp2_session* session, std::int32_t id, std::uint8_t* buffer,
                            std::size_t length, std::uint32_t* flags, ::nghttp2_data_source* source,
                            void* driver);

}  // namespace sf::http
