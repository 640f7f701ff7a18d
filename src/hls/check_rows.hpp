#pragma once

/// The verdicts of a check while it runs. Pure.

#include <streamforge/hls/check.hpp>

#include <array>

namespace sf::hls {

inline constexpr unsigned kRowsMax = 45;

class Rows {
 public:
  Rows();

  /// It was looked at, and nothing speaks against it so far.
  void holds(unsigned row);
  /// The first reason is kept, and how many more there were.
  void breaks(unsigned row, std::string why);
  /// One or the other.
  void expect(unsigned row, bool good, std::string_view why);
  /// Why it is not looked at, unless it is.
  void not_seen(unsigned row, std::string why);
  [[nodiscard]] std::vector<CheckedRow> take() &&;

 private:
  struct State {
    bool looked_at = false;
    unsigned faults = 0;
    std::string detail;
  };
  std::array<State, kRowsMax + 1> rows_;
};

}  // namespace sf::hls
