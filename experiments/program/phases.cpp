#include "experiments/program/phases.hpp"

#include <algorithm>

namespace prefdyn {

namespace {

Phases* existing = nullptr;

}  // namespace

Phases::Phases(std::vector<Phase> expected)
    : expected_(std::move(expected)),
      finished_(expected_.size(), false),
      start_(std::chrono::steady_clock::now()) {
    existing = this;
}

Phases::~Phases() { existing = nullptr; }

Phases* Phases::current() { return existing; }

std::optional<double> Phases::share(const std::string& label, double part) const {
    double all = 0.0, done = 0.0;
    bool known = false;
    for (std::size_t k = 0; k < expected_.size(); ++k) {
        const bool own = expected_[k].label == label;
        known = known || own;
        all += expected_[k].weight;
        done += expected_[k].weight * (finished_[k] ? 1.0 : own ? part : 0.0);
    }
    if (!known || !(all > 0.0)) return {};
    return std::min(done / all, 1.0);
}

void Phases::finish(const std::string& label) {
    for (std::size_t k = 0; k < expected_.size(); ++k)
        if (expected_[k].label == label) finished_[k] = true;
}

double Phases::seconds_left(double share) const {
    const std::chrono::duration<double> past = std::chrono::steady_clock::now() - start_;
    return share > 0.0 ? past.count() * (1.0 - share) / share : 0.0;
}

}  // namespace prefdyn
