#include <streamforge/app/run.hpp>

int main(int argc, char** argv) { return sf::app::run(argc, argv); }
