#pragma once

#include "options.hpp"

namespace sf::app {

/// The server, from start to drained. Exit codes as in run.hpp.
int run_serve(const ServeOptions& options);
/// `doctor`: what works on this machine, what will be slower, how to fix it.
int run_doctor(const std::string& data_dir);

}  // namespace sf::app
