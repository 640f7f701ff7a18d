#pragma once

/// A worker for tests of what is around it. The test program, started again with the verb `worker`
/// (as the supervisor starts /proc/self/exe), becomes one before any test is known: see
/// fake_worker_test.cpp. What it does is told by the id of the video it is given:
///
///   …ok        makes its outputs: "{video} {segment} {rung}\n"; any other ending does too
///   …crash     SIGSEGV           …exit      exits with 3         …reject   "unsupported"
///   …hang      waits for ever    …spin      works for ever
///   …flood     1 MB on stderr    …garbage   no event             …endless  a line without end
///   …drag      0.3 s of progress, ends in order on SIGTERM
///   …s10w      the same for 3 s
///   …stubborn  progress for ever, SIGTERM or not
///   …look      fails with a description of its own surroundings
///   …crash1    crashes on video segment 1, makes all others
///   …j01ner    is killed when it joins segments to a file, …jstay never ends that
///   …b1ank     draws no pictures, …drawn never ends a sheet
/// An index pass finds twelve seconds of 480p at 30 frames a second, with stereo sound: five
/// segments, two rungs and one audio track. One of a source that still arrives finds a second in
/// every kBytesPerSecond; more of these:
///   …tardy     can only be indexed when it is whole
///   …faked     is another film once it is whole
#include <cstdint>

namespace sf::transcode::fake {
inline constexpr std::uint64_t kBytesPerSecond = 20'000;
}
