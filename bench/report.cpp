#include "bench/report.hpp"

#include <iomanip>
#include <ostream>

#include "experiments/program/parameter_table.hpp"

namespace prefdyn::bench {

bool Goal::met(double measured) const {
    if (side == Side::kNone) return true;
    return side == Side::kAtLeast ? measured >= value : measured <= value;
}

std::string Goal::text() const {
    return std::string("goal ") + (side == Side::kAtLeast ? ">= " : "<= ") + format_real(value);
}

void Report::begin(const std::string& benchmark) {
    current_ = benchmark;
    progress_.note(current_);
}

void Report::line(const std::string& what, double value, const std::string& unit,
                  const std::string& note) {
    line(what, value, unit, Goal{}, note);
}

void Report::line(const std::string& what, double value, const std::string& unit, const Goal& goal,
                  const std::string& note) {
    progress_.clear();
    out_ << std::left << std::setw(60) << what << std::right << std::setw(12)
         << std::setprecision(4) << value << " " << std::left << std::setw(8) << unit;
    if (goal.side != Goal::Side::kNone) {
        missed_ += goal.met(value) ? 0 : 1;
        out_ << (goal.met(value) ? "met, " : "MISSED, ") << goal.text()
             << (note.empty() ? "" : "; ");
    }
    out_ << note << "\n" << std::flush;
    progress_.note(current_);
}

}  // namespace prefdyn::bench
