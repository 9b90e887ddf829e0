#include "experiments/verify/verdict_table.hpp"

#include <algorithm>
#include <cmath>
#include <iomanip>
#include <map>
#include <ostream>
#include <sstream>

namespace prefdyn {

using theory::Status;

namespace {

std::string number(double value) {
    if (std::isnan(value)) return "-";
    std::ostringstream out;
    out << std::setprecision(3) << value;
    return out.str();
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
        for (const auto& run : v.verdicts)
            if (reason.empty()) reason = run[c].reason;
        for (const auto& row : v.cases)
            if (reason.empty() && row.claim == id) reason = row.verdict.reason;
        std::string& ids = claims[reason];
        ids.append(ids.empty() ? "" : ", ").append(id);
    }
    for (const auto& [reason, ids] : claims)
        out << "not applicable: " << ids << (reason.empty() ? "" : ": ") << reason << "\n";
}

}  // namespace

void print_verdicts(std::ostream& out, const Verification& v) {
    const auto rows = v.summaries();
    out << std::left << std::setw(7) << "claim" << std::setw(33) << "what" << std::setw(16)
        << "verdict" << std::right << std::setw(6) << "holds" << std::setw(9) << "violated"
        << std::setw(5) << "n/a" << std::setw(28) << "tightness min / med / max" << std::setw(17)
        << "controls caught"
        << "\n";
    for (std::size_t c = 0; c < rows.size(); ++c) {
        const ClaimSummary& s = rows[c];
        const bool fitted = s.status == Status::kFitted;
        const std::string tightness =
            fitted ? "C from " + number(s.constant_min) + " to " + number(s.constant_max)
                   : number(s.tightness.min) + " / " + number(s.tightness.median) + " / " +
                         number(s.tightness.max);
        out << std::left << std::setw(7) << v.claims[c].id << std::setw(33) << v.claims[c].title
            << std::setw(16) << theory::status_name(s.status) << std::right << std::setw(6)
            << s.holds << std::setw(9) << s.violated << std::setw(5) << s.not_applicable << " "
            << std::setw(27) << tightness << std::setw(17)
            << (std::to_string(s.caught) + "/" + std::to_string(s.controls)) << "\n";
    }
    for (std::size_t c = 0; c < rows.size(); ++c)
        if (v.every_claim_applies && rows[c].status == Status::kNotApplicable)
            out << "never applied: " << v.claims[c].id << "\n";
    print_reasons(out, v, rows);
    print_run_violations(out, v);
    print_case_violations(out, v);
    print_control_data(out, v);
    for (const auto& control : v.controls)
        if (!control.caught())
            out << "not caught: " << control.claim << ", control '" << control.name
                << "': " << control.fault << " on "
                << (control.synthetic() ? "synthetic features" : control.data) << " ("
                << theory::status_name(control.verdict.status) << ")\n";
    if (!v.spearman.empty() && v.runs.size() >= 3)
        for (std::size_t k = 0; k < v.spearman.size(); ++k)
            out << "rank correlation of D and loss after " << v.fixed_steps[k]
                << " steps: " << number(v.spearman[k]) << "\n";
}

}  // namespace prefdyn
