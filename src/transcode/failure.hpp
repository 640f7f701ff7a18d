#pragma once

/// Why a video cannot be made, for the person who uploaded it. Pure.

#include "supervisor.hpp"

#include <streamforge/store/records.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace sf::transcode {

/// Trying again cannot help: the engine says that the file is not media, or unreadable.
[[nodiscard]] bool is_final(const TaskReport& report, TaskKind kind) noexcept;

/// `part` says where it happened ("segment 12"); empty for the whole file. `tries`: how often.
[[nodiscard]] store::Failure failure_of(const TaskReport& report, std::string_view part,
                                        unsigned tries);
/// The same for what failed outside a worker: the disk, the plan.
[[nodiscard]] store::Failure failure_of(const Error& error);

/// "partial: 12 pictures could not be decoded": what a video warns of, and the count read back from
/// there, so that it goes on after a restart.
[[nodiscard]] std::string partial_warning(std::uint64_t damaged_frames);
[[nodiscard]] std::uint64_t damaged_frames_of(const std::vector<std::string>& warnings);
void set_partial_warning(std::vector<std::string>& warnings, std::uint64_t damaged_frames);

}  // namespace sf::transcode
