#include "experiments/verify/verdict_table.hpp"

#include <algorithm>
#include <cmath>
#include <iomanip>
#include <map>
#include <ostream>
#include <sstream>

#include "sim/base/numerics.hpp"

namespace prefdyn {

using theory::Status;

namespace {

std::string number(double value) {
    if (std::isnan(value)) return "-";
    std::ostringstream out;
    out << std::setprecision(3) << value;
    return out.str();
}

/// To two digits, or to the power of ten where it is too small for that.
std::string short_number(double value) {
    if (std::isnan(value)) return "-";
    std::ostringstream out;
    out << std::setprecision(value != 0.0 && std::abs(value) < 1e-4 ? 1 : 3) << value;
    return out.str();
}

constexpr int kTitle = 27;  // columns
constexpr Status kCounted[] = {Status::kHolds, Status::kViolated, Status::kUndecided,
                               Status::kVacuous, Status::kNotApplicable};

const char* short_name(Status status) {
    switch (status) {
        case Status::kViolated:
            return "vio";
        case Status::kUndecided:
            return "und";
        case Status::kVacuous:
            return "vac";
        case Status::kNotApplicable:
            return "n/a";
        default:
            return theory::status_name(status);
    }
}

std::string short_status(Status status) {
    return status == Status::kNotApplicable ? "n/a" : theory::status_name(status);
}

void print_case_violations(std::ostream& out, const Verification& v) {
    for (const auto& row : v.cases) {
        if (row.verdict.status != Status::kViolated) continue;
        out << "violated: " << row.claim << " in study " << row.study << " on " << row.setting
            << ": " << row.verdict.reason;
        if (std::isnan(row.delta))
            out << ", relative slack " << number(row.verdict.slack) << "\n";
        else
            out << ", delta = " << row.delta << ", p = " << number(row.verdict.p_value) << "\n";
    }
}

/// What one case of each undecided claim needs.
void print_undecided(std::ostream& out, const Verification& v) {
    for (std::size_t c = 0; c < v.claims.size(); ++c) {
        std::size_t count = 0;
        std::string first;
        const auto look = [&](const theory::Verdict& verdict, const std::string& where) {
            if (verdict.status != Status::kUndecided) return;
            if (++count == 1) first = where + ", " + verdict.reason;
        };
        for (std::size_t r = 0; r < v.verdicts.size(); ++r)
            look(v.verdicts[r][c], "run " + std::to_string(r));
        for (const auto& row : v.cases)
            if (row.claim == v.claims[c].id) look(row.verdict, row.study + " on " + row.setting);
        if (count > 0)
            out << "undecided: " << v.claims[c].id << " in " << count
                << (count == 1 ? " case" : " cases") << "; " << first << "\n";
    }
}

/// The share of failures from which the tests of probabilities would have spoken.
void print_power(std::ostream& out, const Verification& v) {
    for (const theory::Claim& claim : v.claims) {
        double best = kInfinity, worst = 0.0;
        for (const auto& row : v.cases) {
            const bool silent = row.verdict.status == Status::kVacuous;
            if (row.claim != claim.id || silent || std::isnan(row.verdict.power)) continue;
            best = std::min(best, row.verdict.power);
            worst = std::max(worst, row.verdict.power);
        }
        if (worst > 0.0)
            out << "power of " << claim.id << ": called violated from " << number(best)
                << (worst > best ? " to " + number(worst) : "")
                << " delta on, by number of samples and delta\n";
    }
}

/// Of claims that are not built in, how far from their bounds everything stayed.
void print_loose(std::ostream& out, const Verification& v, const std::vector<ClaimSummary>& rows) {
    for (std::size_t c = 0; c < rows.size(); ++c) {
        const ClaimSummary& row = rows[c];
        const bool judged = row.status == Status::kHolds || row.status == Status::kUndecided;
        if (!row.own || !judged || row.within_tenth || row.caught > 0) continue;
        out << v.claims[c].id << ": never within 10 % of tight; no control was caught\n";
    }
}

/// How likely it was that a conditional claim has nothing to say.
void print_conditions(std::ostream& out, const Verification& v) {
    for (const theory::Claim& claim : v.claims) {
        const CaseRow* worst = nullptr;
        for (const auto& row : v.cases)
            if (row.claim == claim.id && !std::isnan(row.unmet_probability) &&
                (!worst || row.unmet_probability > worst->unmet_probability))
                worst = &row;
        if (worst)
            out << claim.id << " is conditional: a sample of the least size has no optimum (Ford's "
                << "condition) with probability at most " << number(worst->unmet_probability)
                << ", on " << worst->setting << "\n";
    }
}

/// How many controls ran on what and were caught, where features were given.
void print_control_data(std::ostream& out, const Verification& v) {
    if (v.fixed_steps.empty()) return;
    for (const bool synthetic : {false, true}) {
        const auto here = [&](const ControlResult& r) { return r.synthetic() == synthetic; };
        const auto caught = [&](const ControlResult& r) { return here(r) && r.caught(); };
        out << "controls caught on " << (synthetic ? "synthetic" : "the given")
            << " features: " << std::ranges::count_if(v.controls, caught) << " of "
            << std::ranges::count_if(v.controls, here) << "\n";
    }
}

void print_run_violations(std::ostream& out, const Verification& v) {
    for (std::size_t r = 0; r < v.verdicts.size(); ++r)
        for (std::size_t c = 0; c < v.claims.size(); ++c) {
            const theory::Verdict& verdict = v.verdicts[r][c];
            if (verdict.status != Status::kViolated) continue;
            out << "violated: " << v.claims[c].id << " on run " << r << " (" << v.runs[r].suite
                << ", " << v.runs[r].name << ", id " << v.runs[r].id << ") at step "
                << verdict.witness_step << ", relative slack " << number(verdict.slack) << "\n";
        }
}

/// Why claims could not be judged at all; the report lists what kept single cases from it.
void print_reasons(std::ostream& out, const Verification& v,
                   const std::vector<ClaimSummary>& rows) {
    std::map<std::string, std::string> claims;  // of a reason
    for (std::size_t c = 0; c < rows.size(); ++c) {
        if (rows[c].status != Status::kNotApplicable) continue;
        const std::string& id = v.claims[c].id;
        std::string reason;
        for (const auto& row : v.cases)
            if (reason.empty() && row.claim == id) reason = row.verdict.reason;
        for (const auto& run : v.verdicts)
            if (reason.empty()) reason = run[c].reason;
        std::string& ids = claims[reason];
        ids.append(ids.empty() ? "" : ", ").append(id);
    }
    for (const auto& [reason, ids] : claims)
        out << "not applicable: " << ids << (reason.empty() ? "" : ": ") << reason << "\n";
}

}  // namespace

void print_verdicts(std::ostream& out, const Verification& v) {
    const auto rows = v.summaries();
    out << std::left << std::setw(6) << "claim" << std::setw(kTitle) << "what" << std::setw(10)
        << "verdict" << std::right;
    for (const Status status : kCounted)
        out << std::setw(status == Status::kHolds ? 6 : 5) << short_name(status);
    out << std::setw(22) << "tightness min/med/max" << std::setw(9) << "controls"
        << "\n";
    for (std::size_t c = 0; c < rows.size(); ++c) {
        const ClaimSummary& s = rows[c];
        const std::string tightness =
            s.count(Status::kFitted) > 0
                ? "C " + number(s.constant_min) + " to " + number(s.constant_max)
                : short_number(s.tightness.min) + " " + short_number(s.tightness.median) + " " +
                      short_number(s.tightness.max);
        out << std::left << std::setw(6) << v.claims[c].id << std::setw(kTitle)
            << v.claims[c].title.substr(0, kTitle - 1) << std::setw(10) << short_status(s.status)
            << std::right;
        for (const Status status : kCounted)
            out << std::setw(status == Status::kHolds ? 6 : 5) << s.count(status);
        out << std::setw(22) << tightness << std::setw(9)
            << (std::to_string(s.caught) + "/" + std::to_string(s.controls)) << "\n";
    }
    out << "vio: violated, und: undecided within its errors, vac: the bound says nothing, n/a: an\n"
           "assumption is unmet; tightness: measured / bound (of lower bounds bound / measured), 1 "
           "is\n"
           "tight; controls: runs with a planted fault that came back violated, of how many.\n";
    for (std::size_t c = 0; c < rows.size(); ++c)
        if (v.every_claim_applies && rows[c].status == Status::kNotApplicable)
            out << "never applied: " << v.claims[c].id << "\n";
    for (const std::string& note : v.notes) out << note << "\n";
    print_reasons(out, v, rows);
    print_undecided(out, v);
    print_loose(out, v, rows);
    print_power(out, v);
    print_conditions(out, v);
    print_run_violations(out, v);
    print_case_violations(out, v);
    print_control_data(out, v);
    for (const auto& control : v.controls)
        if (!control.caught())
            out << "not caught: " << control.claim << ", control '" << control.name
                << "': " << control.fault << " on "
                << (control.synthetic() ? "synthetic features" : control.data) << " ("
                << theory::status_name(control.verdict.status) << ")\n";
    const std::size_t compared =
        v.fixed_steps.empty() ? 0 : v.loss_at.size() / v.fixed_steps.size();
    for (std::size_t k = 0; k < v.spearman.size(); ++k)
        if (compared >= 3 && !std::isnan(v.spearman[k]))
            out << "rank correlation of D and loss after " << v.fixed_steps[k]
                << " steps: " << number(v.spearman[k]) << " over " << compared << " behaviours"
                << (std::isnan(v.spearman_p[k]) ? "" : ", exact p = ")
                << (std::isnan(v.spearman_p[k]) ? "" : number(v.spearman_p[k])) << "\n";
}

}  // namespace prefdyn
