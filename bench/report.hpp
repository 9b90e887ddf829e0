#pragma once
// What a benchmark prints: a line a number, with its goal and whether it is met.

#include <algorithm>
#include <iosfwd>
#include <string>

#include "experiments/program/progress.hpp"
#include "sim/base/cancel.hpp"
#include "sim/base/stopwatch.hpp"

namespace prefdyn::bench {

/// What a number is to be; most are ratios of two measurements of one run.
struct Goal {
    enum class Side { kNone, kAtLeast, kAtMost } side = Side::kNone;
    double value = 0.0;

    bool met(double measured) const;
    std::string text() const;  ///< "goal >= 0.7"
};
constexpr Goal at_least(double value) { return {Goal::Side::kAtLeast, value}; }
constexpr Goal at_most(double value) { return {Goal::Side::kAtMost, value}; }

class Report {
  public:
    Report(std::ostream& out, std::size_t benchmarks) : out_(out), progress_("bench", benchmarks) {}
    void begin(const std::string& benchmark);
    void end_one() { progress_.advance(); }

    void line(const std::string& what, double value, const std::string& unit,
              const std::string& note = {});
    /// The same with `met` or `MISSED` beside it.
    void line(const std::string& what, double value, const std::string& unit, const Goal& goal,
              const std::string& note = {});
    /// To print anything else.
    std::ostream& out() {
        progress_.clear();
        return out_;
    }
    int missed() const { return missed_; }

  private:
    std::ostream& out_;
    Progress progress_;
    std::string current_ = {};
    int missed_ = 0;
};

/// Shortest of a few repetitions: the least disturbed one.
template <class Work>
double best_seconds(int repetitions, Work work) {
    double best = 1e300;
    for (int r = 0; r < repetitions; ++r) {
        stop_if_requested();
        const Stopwatch watch;
        work();
        best = std::min(best, watch.seconds());
    }
    return best;
}

}  // namespace prefdyn::bench
