#pragma once

#include "options.hpp"

namespace sf::app {

/// The server, from start to drained. Exit codes as in run.hpp.
int run_serve(const ServeOptions& options);
/// `doctor`: what works on this machine, what will be slower, how to fix it.
int run_doctor(const std::string& data_dir);
/// `check`: the rows of docs/protocols/hls.md against a URL, a folder or a playlist file; 1 when a
/// must does not hold.
int run_check(const std::string& what, bool insecure);

}  // namespace sf::app
