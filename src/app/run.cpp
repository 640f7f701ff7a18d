#include <streamforge/app/run.hpp>

#include "admin.hpp"
#include "options.hpp"
#include "serve_command.hpp"

#include <exception>
#include <iostream>

namespace sf::app {

namespace {

int run_verb(const Options& options) {
  switch (options.verb) {
    case Verb::kServe:
      return run_serve(options.serve);
    case Verb::kTranscode:
      return transcode::run_transcode(options.transcode);
    case Verb::kProbe:
      return transcode::run_probe(options.probe);
    case Verb::kUpload:
      return run_upload(options.upload);
    case Verb::kCheck:
      return run_check(options.check_what, options.check_insecure);
    case Verb::kAccount:
      return run_account(options.account);
    case Verb::kDoctor:
      return run_doctor(options.doctor_dir);
    case Verb::kWorker:
      return transcode::run_worker();
  }
  return 2;
}

}  // namespace

int run(int argc, char** argv) {
  try {
    Options options;
    bool leave = false;
    const int exit_code = parse(argc, argv, options, leave);
    return leave ? exit_code : run_verb(options);
  } catch (const std::exception& error) {  // Start-up and libraries: the last wall.
    std::cerr << "streamforge: " << error.what() << '\n';
    return 1;
  }
}

}  // namespace sf::app
