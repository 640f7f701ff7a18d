#pragma once

/// What a worker gives up before it reads its first untrusted byte. For the worker's main thread,
/// while it is the only one.

#include <streamforge/base/error.hpp>

#include <string>
#include <vector>

namespace sf::transcode {

/// Locks this process down for good:
///   - no new privileges, whatever is executed (nothing can be);
///   - Landlock: no file-system rights at all, no TCP, no signals or abstract sockets outwards;
///   - seccomp: what encoding needs is allowed; executing, tracing, networking and touching other
///     processes end the process; everything else, opening files included, fails with EPERM.
/// Descriptors that are open, or come over the command socket, go on working. What this kernel
/// cannot do is left out and named in the answer, one line each. Under a sanitizer nothing is done.
std::vector<std::string> lock_down();

}  // namespace sf::transcode
