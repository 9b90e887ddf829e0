// What verdicts are worth at the edges: settings that once gave a wrong one, and settings drawn
// from the whole range of the options. PREFDYN_SETTINGS sets how many are drawn.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>

#include "experiments/runs/run.hpp"
#include "experiments/sweep/merge.hpp"
#include "sim/base/failure.hpp"
#include "sim/base/stream.hpp"
#include "tests/support/run_support.hpp"

using namespace prefdyn;
using theory::Status;

namespace {

std::map<std::string, theory::Verdict> verdicts(const RunResult& run) {
    std::map<std::string, theory::Verdict> out;
    for (const theory::Claim& claim : theory::claims())
        if (claim.scope == theory::Scope::kRun)
            out[claim.id] = test::judge_one(claim, run.evidence());
    return out;
}

void require_no_violation(const std::map<std::string, theory::Verdict>& all) {
    for (const auto& [id, verdict] : all) {
        CAPTURE(id);
        CAPTURE(verdict.reason);
        CAPTURE(verdict.slack);
        CHECK(verdict.status != Status::kViolated);
        if (verdict.status == Status::kUndecided) CHECK(verdict.reason != "");
        if (verdict.status == Status::kHolds) CHECK(verdict.slack >= 0.0);
    }
}

Dataset rows(const RowMatrix& features) {
    Dataset data;
    data.name = "rows";
    data.features = features;
    for (Index i = 0; i < features.rows(); ++i) data.label.push_back(i % 2 == 0 ? 1 : -1);
    data.category = data.label;
    return data;
}

RunConfig with_eta(double eta) {
    RunConfig c;
    c.features.samples = 100;
    c.features.dimension = 8;
    c.training.eta = eta;
    return c;
}

std::string refusal(const RunConfig& config, const Dataset& data) try {
    run_dataset(config, data);
    return "";
} catch (const InputError& error) {
    return error.what();
}

}  // namespace

TEST_CASE("a flow whose steps are too long for its tolerance decides nothing") {
    RunConfig c;
    c.training.method = Method::kFlow;
    c.training.flow_tolerance = 0.01;
    c.features.distinguishability = 8.0;
    c.features.samples = 100;
    c.features.dimension = 1;
    c.eta_kappa = 100.0;
    c.training.steps = 100;
    c.training.records = 10;
    const auto all = verdicts(run_synthetic(c));
    require_no_violation(all);
    for (const char* id : {"T2a", "T2b", "T4a"}) CHECK(all.at(id).status == Status::kUndecided);
    CHECK(test::contains(all.at("T2a").reason, "tolerance"));
}

TEST_CASE("features that are zero, or all alike, test nothing") {
    for (const RowMatrix& features :
         {RowMatrix(RowMatrix::Zero(20, 3)), RowMatrix(RowMatrix::Constant(20, 3, 1.5))}) {
        const auto all = verdicts(run_dataset(with_eta(1.0), rows(features)));
        require_no_violation(all);
        for (const char* id : {"T1", "T2b", "T3a", "T3b", "T3c", "T4a", "T4b"}) {
            CAPTURE(id);
            CHECK(all.at(id).status == Status::kVacuous);
        }
    }
}

TEST_CASE("a step size near the smallest number is no violation") {
    const auto all = verdicts(run_synthetic(with_eta(1e-300)));
    require_no_violation(all);
    CHECK(all.at("T1").status == Status::kHolds);
    CHECK(all.at("T4b").status == Status::kUndecided);
}

TEST_CASE("where squares leave the range the run is refused before it is trained") {
    const RowMatrix features = test::gaussian(20, 3, 8200);
    CHECK(test::contains(refusal(with_eta(1.0), rows(1e-160 * features)), "mean square"));
    RunConfig faint = with_eta(1.0);
    faint.beta = 1e-160;
    CHECK(test::contains(refusal(faint, rows(features)), "beta^2"));
    CHECK(refusal(with_eta(1.0), rows(1e-100 * features)) == "");
}

TEST_CASE("two million losses are summed without losing the first decrease") {
    RunConfig c;
    c.features.samples = 200000;
    c.features.dimension = 2;
    c.eta_kappa = 1e-6;
    c.training.steps = 3;
    c.training.records = 4;
    const auto all = verdicts(run_synthetic(c));
    require_no_violation(all);
    CHECK(all.at("T4b").status == Status::kHolds);
}

TEST_CASE("T6e does not depend on the unit of beta") {
    double bound = -1.0;
    for (const double beta : {1e-3, 1.0, 1e6}) {
        RunConfig c;
        c.features.samples = 100;
        c.features.dimension = 4;
        c.features.distinguishability = 4.0;
        c.beta = beta;
        const RunResult run = run_synthetic(c);
        const auto comparisons = test::claim_named("T6e").compare(run.evidence());
        const double last = comparisons.back().bound.value;
        CHECK(last > 0.1);
        if (bound >= 0.0) CHECK(last == doctest::Approx(bound).epsilon(1e-4));
        bound = last;
    }
}

namespace {

/// Any allowed setting, most of them off the beaten track.
class Settings {
  public:
    explicit Settings(std::uint64_t index) : stream_(test::seed(), Purpose::kSuite, index) {}

    RunConfig draw() {
        RunConfig c;
        c.features.samples = pick(20) == 0 ? 3000 : 2 + static_cast<Index>(std::exp(5.0 * unit()));
        c.features.dimension = 1 + static_cast<Index>(pick(9));
        c.features.distinguishability = pick(8) == 0 ? 0.0 : power(-2.0, 1.0);
        c.features.common_norm = pick(2) == 0 ? 0.0 : power(-1.0, 1.5);
        c.features.common_angle = 180.0 * unit();
        c.features.p_plus = 0.3 + 0.4 * unit();
        c.training.method = static_cast<Method>(pick(4));
        c.loss = pick(2) == 0 ? 0 : pick(loss_names().size());
        const LossSpec typical = typical_loss(loss_names()[c.loss], 0.1);
        c.label_smoothing = typical.label_smoothing;
        c.beta = pick(3) == 0 ? power(-150.0, 150.0) : power(-3.0, 2.0);
        c.eta_kappa = power(-12.0, std::log10(2.0));
        c.training.steps = 1 + static_cast<Index>(pick(40));
        c.training.flow_tolerance = power(-12.0, -2.0);
        c.training.batch = c.training.method == Method::kSgd || c.training.method == Method::kAdam
                               ? static_cast<Index>(pick(10))
                               : 0;
        c.seed = stream_() >> 1;
        return c;
    }
    double scale() { return pick(2) == 0 ? 1.0 : power(-150.0, 150.0); }

  private:
    double unit() { return std::ldexp(static_cast<double>(stream_() >> 11), -53); }
    std::size_t pick(std::size_t n) {
        return static_cast<std::size_t>(unit() * static_cast<double>(n));
    }
    double power(double low, double high) { return std::pow(10.0, low + (high - low) * unit()); }
    Stream stream_;
};

}  // namespace

TEST_CASE("no setting in the allowed ranges violates a rigorous claim") {
    const char* text = std::getenv("PREFDYN_SETTINGS");
    const std::size_t count = text ? std::strtoul(text, nullptr, 10) : 1500;
    std::array<std::size_t, theory::kStatuses> seen{};
    std::size_t refused = 0;
    for (std::uint64_t k = 0; k < count; ++k) {
        CAPTURE(k);
        Settings settings(k);
        RunConfig config = settings.draw();
        const double scale = settings.scale();
        ParameterTable table;
        declare(table, config);
        const std::string shown = table.canonical();
        CAPTURE(shown);
        CAPTURE(scale);
        try {
            Dataset data =
                FeatureDistribution(feature_spec(config), config.seed).sample(config.seed);
            data.features *= scale;
            const auto all = verdicts(run_dataset(config, data));
            require_no_violation(all);
            for (const auto& [id, verdict] : all) ++seen[static_cast<std::size_t>(verdict.status)];
        } catch (const InputError& error) {
            CHECK(std::string(error.what()) != "");
            ++refused;
        }
    }
    std::string line;
    for (const Status status : theory::kBySeverity)
        line += std::string(theory::status_name(status)) + " " +
                std::to_string(seen[static_cast<std::size_t>(status)]) + ", ";
    MESSAGE(count << " settings: " << line << refused << " refused");
    CHECK(seen[static_cast<std::size_t>(Status::kHolds)] > count);
}

namespace {

/// Lines below theory/ that hold a small number or a multiple of the machine's precision.
std::vector<std::string> small_numbers() {
    std::vector<std::string> out;
    const std::regex small("[0-9]e-[0-9]|kEpsilon|epsilon\\(\\)");
    for (const auto& entry :
         std::filesystem::recursive_directory_iterator(test::source_dir() / "theory")) {
        std::ifstream in(entry.path());
        for (std::string line; std::getline(in, line);) {
            line.erase(0, line.find_first_not_of(' '));
            if (line.starts_with("//") || !std::regex_search(line, small)) continue;
            line = line.substr(0, line.find("  ///<"));
            line.erase(line.find_last_not_of(' ') + 1);
            out.push_back(entry.path().filename().string() + ": " + line);
        }
    }
    std::ranges::sort(out);
    return out;
}

}  // namespace

TEST_CASE("no tolerance of taste: every small number in theory/ is known and derived") {
    // A new line here is asked: of which operations is it the rounding? `gamma_of` and Ball say so
    // by themselves. What may stand here are roundings of single factors (a few kEpsilon), the
    // resolution, levels of tests, and thresholds of solvers and series.
    const std::vector<std::string> known = {
        "behaviours.cpp: if (!(length > 4.0 * kEpsilon * longest)) return kNan;",
        "claim.cpp: const double share = std::isnan(c.worth.scale) ? std::max(1e-3, "
        "c.worth.resolution) : 1e-3;",
        "claim.hpp: inline constexpr double kResolution = 1e-6;",
        "claim.hpp: inline constexpr double kSignificance = 1e-6;",
        "cluster_claims.cpp: return scaled <= (1.0 + 4.0 * kEpsilon) / 32.0 ? \"\" : "
        "text(\"v sqrt(Q) = \", scaled, \" > 1/32\");",
        "cluster_claims.cpp: {bound, 64.0 * kEpsilon * bound},",
        "convergence.hpp: inline constexpr double kSlopeLevel = 1e-5;",
        "influence.cpp: if (std::fabs(x) > 1e-2) return std::expm1(x) - x;",
        "population_dynamics.cpp: auto stepper = odeint::make_controlled(1e-3 * tolerance * scale, "
        "tolerance,",
        "population_dynamics.hpp: double tolerance = 1e-10);",
        "rates.cpp: 4.0 * kEpsilon * std::fabs(e.training.loss.slope_at_zero)};",
        "rates.cpp: Ball time_of(const Record& record) { return {record.time, kEpsilon * "
        "record.time}; }",
        "rates.cpp: Ball(curvature, 4.0 * kEpsilon * std::fabs(curvature)) * "
        "lambda_max(e.statistics());",
        "rates.cpp: const Ball kSqrt2 = {std::sqrt(2.0), kEpsilon};",
        "rates.cpp: return out.widened(std::isfinite(size) ? 4.0 * kEpsilon * std::fabs(size) * "
        "std::exp(size)",
        "recursion_facts.cpp: at.radius = std::max(at.radius, kEpsilon * at.value);",
        "rlhf.cpp: constexpr double kConsistent = 1e-9;",
        "rlhf.cpp: constexpr double kSolved = 1e-12;",
        "rlhf.cpp: needs(\"RLHF was solved to gradient norm 1e-12\",",
        "rlhf.cpp: needs(\"policy gradient converged: no entry of d is above 1e-11 of the "
        "reward\",",
        "rlhf.cpp: return f.ascent_residual <= 1e-11 * scale",
        "rlhf.cpp: return needs(\"DPO was solved to gradient norm 1e-12\",",
        "rlhf_facts.cpp: const Index rest = (lambda.array() > 1e-12 * lambda.maxCoeff()).count();",
        "sample_mean.cpp: Ball stated(double value) { return {value, 16.0 * kEpsilon * "
        "std::fabs(value)}; }",
        "squeezing.cpp: rounding(logp_rounding(f, 1, f.path[k].logp) + 16.0 * kEpsilon * c),",
        "training_accuracy.cpp: const Ball floor = {facts.infimum, 2.0 * kEpsilon * "
        "std::fabs(facts.infimum)};",
        "training_accuracy.cpp: return {facts.value_at_zero, 2.0 * kEpsilon * "
        "std::fabs(facts.value_at_zero)};",
        "training_accuracy.cpp: const Ball start = {facts.value_at_zero, 2.0 * kEpsilon * "
        "std::fabs(facts.value_at_zero)};",
        "training_accuracy.cpp: double shortest = std::min(longest, 1.0 / (2.0 * "
        "e.training.beta * widest)) * 1e-6;",
        "training_accuracy.cpp: kEpsilon * (16.0 * (std::fabs(value) + slope * reach + "
        "std::fabs(facts.value_at_zero)) +",
        "training_accuracy.cpp: return slope * reach * (cosine_error(e) + 4.0 * kEpsilon) +",
        "two_layer_claims.cpp: equal(a.train.loss, b.train.loss, margin + s * size * head + 32.0 * "
        "kEpsilon);",
        "two_layer_claims.cpp: constexpr double kDriftResolution = 1e-2;",
        "ball_quantities.cpp: .widened(4.0 * kEpsilon * std::fabs(value));",
        "ball_quantities.cpp: ? 4.0 * kEpsilon * std::fabs(loss.value_at_zero)",
        "ball_quantities.cpp: Ball near(double value) { return {value, 4.0 * kEpsilon * "
        "std::fabs(value)}; }",
        "units.cpp: if (a && b && std::fabs(*a - *b) > 1e-9) {",
        "units.cpp: if (out && next && std::fabs(*out - *next) > 1e-9)",
        "range.cpp: parallel = parallel && std::fabs(moved - (y[k] - y[0])) <= 1e-9 * "
        "std::fabs(moved);",
        "range.cpp: same = same && std::fabs(x[k] - y[k]) <= 1e-12 * std::fabs(x[k]) + 1e-300;",
    };
    const auto found = small_numbers();
    for (const std::string& line : found) CHECK_MESSAGE(std::ranges::count(known, line) == 1, line);
    for (const std::string& line : known)
        CHECK_MESSAGE(std::ranges::count(found, line) > 0, line << " is gone");
}
