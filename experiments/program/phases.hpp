#pragma once
// A long command in phases: how far all of it is, where each phase alone only knows its own end.

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace prefdyn {

/// What Progress calls it, and about how long it takes beside the others.
struct Phase {
    std::string label;
    double weight;
};

/// While one exists, every Progress with one of its labels says the time left of all. At most one
/// at a time.
class Phases {
  public:
    explicit Phases(std::vector<Phase> expected);
    ~Phases();
    Phases(const Phases&) = delete;
    Phases& operator=(const Phases&) = delete;

    /// The one that exists, or null.
    static Phases* current();
    /// Share of everything that is done once `part` in [0, 1] of this phase is, phases that are
    /// still to come and this one's own length as expected; nothing for a label that is not
    /// expected.
    std::optional<double> share(const std::string& label, double part) const;
    /// The phase is over; a second one of its label adds nothing.
    void finish(const std::string& label);
    /// Seconds left at the pace so far.
    double seconds_left(double share) const;

  private:
    std::vector<Phase> expected_;
    std::vector<bool> finished_;
    std::chrono::steady_clock::time_point start_;
};

}  // namespace prefdyn
