#pragma once

/// The timeline of a plan, and which of its tracks are passed on as they are. Pure.

#include <streamforge/transcode/plan.hpp>

#include <span>
#include <vector>

namespace sf::transcode {

/// What binds a plan of a source that arrives.
struct Promise {
  const Plan* before = nullptr;  ///< Made of less of it.
  bool growing = false;          ///< More of it comes.
};

/// `make_plan`, bound. Where `before` copies its largest rung, the timeline goes on on keyframes,
/// and `why` of the rung is what speaks against copying by now; nothing else is taken over.
[[nodiscard]] Result<Plan> plan_from(SourceIndex index, const LadderOptions& ladder,
                                     const Promise& promise);

/// The renditions of the sound; those that can be are copied if `copy`.
void plan_audio(Plan& plan, bool copy);
/// Timeline and copying of a plan that has its rungs and its sound. `frames`: those of the rungs.
void lay_out(Plan& plan, std::span<const hls::FrameTime> frames, const LadderOptions& ladder,
             const Promise& promise);

/// What a copied track of `before` copies of the segments that `plan` adds: stretches that it
/// cannot copy are added to `encoded` of its rung, or its sound. `plan` has the rungs of `before`,
/// but the timeline and the packets of now; `obstacle`: what speaks against copying by now.
void go_on_copying(const Plan& plan, const Plan& before, std::string_view obstacle, RungPlan& rung);
void go_on_copying(const Plan& before, std::string_view obstacle, AudioPlan& track);

}  // namespace sf::transcode
