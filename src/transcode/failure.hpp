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

/// What could not be decoded of a video that plays all the same.
struct Losses {
  std::uint64_t pictures = 0;
  std::uint64_t sounds = 0;  ///< Packets of sound.
};

/// "partial: 12 pictures and 1 packet of sound could not be decoded"; empty where nothing is lost.
[[nodiscard]] std::string partial_warning(const Losses& losses);
/// Puts it in the place of the one before. What was said is not taken back.
void set_partial_warning(std::vector<std::string>& warnings, const Losses& losses);

}  // namespace sf::transcode
