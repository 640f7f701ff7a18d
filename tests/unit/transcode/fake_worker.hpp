#pragma once

/// A worker for tests of what is around it. The test program, started again with the verb `worker`
/// (as the supervisor starts /proc/self/exe), becomes one before any test is known: see
/// fake_worker_test.cpp. What it does is told by the id of the video it is given:
///
///   …ok        makes its outputs: "{video} {segment} {rung}\n"
///   …crash     SIGSEGV           …exit      exits with 3         …fail     "unsupported"
///   …hang      waits for ever    …spin      works for ever       …mute     is never ready again
///   …flood     1 MB on stderr    …garbage   no event             …endless  a line without end
///   …slow      2 s of progress, ends in order on SIGTERM
///   …stubborn  progress for ever, SIGTERM or not
///   …look      fails with a description of its own surroundings
///   …thrice    crashes on segment 1, makes all others
namespace sf::transcode::fake {}
