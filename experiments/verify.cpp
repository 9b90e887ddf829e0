#include "experiments/verify.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <iomanip>
#include <iterator>
#include <limits>
#include <numeric>
#include <ostream>
#include <sstream>

#include "experiments/parallel.hpp"

namespace prefdyn {

using theory::Status;

namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

double median(std::vector<double> values) {
    if (values.empty()) return kNan;
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
}

class SummaryBuilder {
  public:
    void add(const theory::Verdict& v) {
        switch (v.status) {
            case Status::kHolds:
                ++summary_.holds;
                break;
            case Status::kViolated:
                ++summary_.violated;
                break;
            case Status::kNotApplicable:
                ++summary_.not_applicable;
                return;
            case Status::kFitted:
                ++summary_.fitted;
                constants_.push_back(v.fitted);
                return;
        }
        if (!std::isfinite(v.tightness.median)) return;
        low_.push_back(v.tightness.min);
        middle_.push_back(v.tightness.median);
        high_.push_back(v.tightness.max);
    }
    void add(const ControlResult& control) {
        ++summary_.controls;
        summary_.caught += control.caught() ? 1 : 0;
    }
    ClaimSummary finish() {
        summary_.constant_min = summary_.constant_max = kNan;
        if (!constants_.empty()) {
            const auto [low, high] = std::minmax_element(constants_.begin(), constants_.end());
            summary_.constant_min = *low;
            summary_.constant_max = *high;
        }
        if (summary_.fitted > 0) summary_.status = Status::kFitted;
        if (summary_.holds > 0) summary_.status = Status::kHolds;
        if (summary_.violated > 0) summary_.status = Status::kViolated;
        summary_.tightness = {kNan, median(middle_), kNan};
        if (!low_.empty()) {
            summary_.tightness.min = *std::min_element(low_.begin(), low_.end());
            summary_.tightness.max = *std::max_element(high_.begin(), high_.end());
        }
        return summary_;
    }

  private:
    ClaimSummary summary_;
    std::vector<double> low_, middle_, high_, constants_;
};

std::vector<double> ranks(const std::vector<double>& x) {
    std::vector<std::size_t> order(x.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(), [&](auto a, auto b) { return x[a] < x[b]; });
    std::vector<double> out(x.size());
    for (std::size_t i = 0; i < order.size();) {
        std::size_t j = i;
        while (j < order.size() && x[order[j]] == x[order[i]]) ++j;
        for (std::size_t k = i; k < j; ++k) out[order[k]] = 0.5 * static_cast<double>(i + j - 1);
        i = j;
    }
    return out;
}

}  // namespace

double rank_correlation(const std::vector<double>& x, const std::vector<double>& y) {
    if (x.size() < 3 || x.size() != y.size()) return kNan;
    const auto rx = ranks(x), ry = ranks(y);
    const auto n = static_cast<Index>(x.size());
    Vector a = Eigen::Map<const Vector>(rx.data(), n), b = Eigen::Map<const Vector>(ry.data(), n);
    a.array() -= a.mean();
    b.array() -= b.mean();
    return a.dot(b) / (a.norm() * b.norm());
}

std::vector<ClaimSummary> Verification::summaries() const {
    std::vector<ClaimSummary> out;
    for (std::size_t c = 0; c < claims.size(); ++c) {
        SummaryBuilder builder;
        if (claims[c].scope == theory::Scope::kRun)
            for (const auto& row : verdicts) builder.add(row[c]);
        for (const auto& row : cases)
            if (row.claim == claims[c].id) builder.add(row.verdict);
        for (const auto& control : controls)
            if (control.claim == claims[c].id) builder.add(control);
        out.push_back(builder.finish());
    }
    return out;
}

bool Verification::as_expected() const {
    const auto all = summaries();
    return std::all_of(all.begin(), all.end(), [&](const auto& s) {
        return s.as_expected() && !(every_claim_applies && s.status == Status::kNotApplicable);
    });
}

void judge_runs(Verification& v) {
    v.verdicts.assign(v.runs.size(), std::vector<theory::Verdict>(v.claims.size()));
    parallel_for("verdicts", v.runs.size(), [&](std::size_t r) {
        const theory::Evidence evidence = v.runs[r].evidence();
        for (std::size_t c = 0; c < v.claims.size(); ++c)
            if (v.claims[c].scope == theory::Scope::kRun)
                v.verdicts[r][c] = theory::judge(v.claims[c], std::span(&evidence, 1));
            else
                v.verdicts[r][c].reason = "judged in a study";
    });
}

namespace {

void add(Verification& v, StudyOutcome outcome) {
    std::move(outcome.cases.begin(), outcome.cases.end(), std::back_inserter(v.cases));
    std::move(outcome.values.begin(), outcome.values.end(), std::back_inserter(v.study_values));
}

}  // namespace

Verification verify_synthetic(const std::vector<theory::Claim>& claims, const VerifyPlan& plan) {
    Verification v;
    v.claims = claims;
    v.every_claim_applies = true;  // the suite and the studies are chosen so
    const auto suite = synthetic_suite(plan.profile, plan.seed);
    v.runs.resize(suite.size());
    parallel_for("runs", suite.size(), [&](std::size_t i) {
        v.runs[i] = run_synthetic(suite[i].config);
        v.runs[i].suite = suite[i].suite;
    });
    judge_runs(v);
    for (const Study& study : studies())
        if (const auto own = claims_of(study, claims); !own.empty()) add(v, study.run(own, plan));
    v.controls = run_controls(claims, plan.seed);
    return v;
}

namespace {

const std::vector<Index> kFixedSteps = {20, 200, 2000};

RunConfig feature_run(double beta, std::uint64_t seed) {
    RunConfig c;
    c.beta = beta;
    c.eta_kappa = 0.5;
    c.training.steps = kFixedSteps.back();
    c.training.records = 60;
    c.training.record_also = kFixedSteps;
    c.training.spacing = Spacing::kLogarithmic;
    c.seed = seed;
    return c;
}

double loss_at_step(const RunResult& run, Index step) {
    for (const Record& record : run.trajectory.records)
        if (record.step == static_cast<double>(step)) return record.train.loss;
    return kNan;
}

void compare_losses(Verification& v) {
    v.fixed_steps = kFixedSteps;
    std::vector<double> distinguishability;
    for (const RunResult& run : v.runs) {
        distinguishability.push_back(run.statistics.distinguishability);
        for (const Index step : v.fixed_steps) v.loss_at.push_back(loss_at_step(run, step));
    }
    for (std::size_t k = 0; k < v.fixed_steps.size(); ++k) {
        std::vector<double> loss;
        for (std::size_t r = 0; r < v.runs.size(); ++r)
            loss.push_back(v.loss_at[r * v.fixed_steps.size() + k]);
        v.spearman.push_back(rank_correlation(distinguishability, loss));
    }
}

}  // namespace

Verification verify_features(const std::vector<theory::Claim>& claims,
                             const std::vector<Dataset>& behaviours, const VerifyPlan& plan) {
    Verification v;
    v.claims = claims;
    v.runs.resize(behaviours.size());
    parallel_for("behaviours", behaviours.size(), [&](std::size_t i) {
        v.runs[i] = run_dataset(feature_run(plan.beta, plan.seed), behaviours[i]);
        v.runs[i].suite = "features";
    });
    judge_runs(v);
    compare_losses(v);
    for (const Study& study : studies()) {
        const auto own = claims_of(study, claims);
        if (study.run_on_features && !own.empty())
            add(v, study.run_on_features(own, behaviours, plan));
    }
    v.controls = run_controls(claims, plan.seed, behaviours, plan.beta);
    return v;
}

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

/// `T1 'class flipped' 24/24, ...`: caught over run, in the order they ran.
std::string control_counts(const std::vector<ControlResult>& results, bool synthetic) {
    std::vector<std::pair<std::string, std::array<int, 2>>> counts;
    for (const ControlResult& r : results) {
        if (r.synthetic() != synthetic) continue;
        const std::string name = r.claim + " '" + r.name + "'";
        if (counts.empty() || counts.back().first != name) counts.push_back({name, {0, 0}});
        auto& [caught, ran] = counts.back().second;
        caught += r.caught() ? 1 : 0;
        ++ran;
    }
    std::string out;
    for (const auto& [name, count] : counts)
        out += (out.empty() ? "" : ", ") + name + " " + std::to_string(count[0]) + "/" +
               std::to_string(count[1]);
    return out;
}

/// Which control ran on what, where features were given.
void print_control_data(std::ostream& out, const Verification& v) {
    if (v.fixed_steps.empty()) return;
    const std::string given = control_counts(v.controls, false);
    const std::string synthetic = control_counts(v.controls, true);
    out << "controls caught on the given features: "
        << (given.empty() ? "none could show on them" : given) << "\n";
    if (!synthetic.empty()) out << "controls caught on synthetic features: " << synthetic << "\n";
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
