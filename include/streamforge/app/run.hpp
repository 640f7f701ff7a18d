#pragma once

/// The program: parses the command line and runs one verb. `app` is the only room that knows all.

namespace sf::app {

/// The process's exit code: 0 done, 1 the work failed (one line on stderr says why), 2 wrong usage,
/// 130 interrupted.
int run(int argc, char** argv);

}  // namespace sf::app
