// Claims as formulas beside the same claims in C++, on one run.

#include "bench/bench.hpp"
#include "experiments/runs/run.hpp"
#include "theory/assumptions.hpp"
#include "theory/formula/claim_file.hpp"
#include "theory/rates.hpp"

namespace prefdyn::bench {

namespace {

using theory::Claim;
using theory::Comparison;
using theory::Evidence;
using theory::Relation;

/// A claim twice: as a line of a claim file, and as a comparison at a record after the start.
struct Twin {
    const char* formula;
    bool samples;  ///< held for each
    Relation relation;
    void (*compare)(const Evidence&, const Record&, Relation, std::vector<Comparison>&);
};

Ball start_rate(const Evidence& e) { return theory::initial_rate(e); }

void add(std::vector<Comparison>& out, const Record& r, Ball measured, Ball bound, Relation how) {
    out.push_back({r.step, r.time, measured, bound, how});
}

/// |m_i - t m_i'(0)| <= kappa t^2 beta ||z_i|| ||v'(0)||.
void margins_near_tangent(const Evidence& e, const Record& r, Relation how,
                          std::vector<Comparison>& out) {
    const auto& s = e.statistics();
    const double beta = e.training.beta,
                 slope_scale = -2.0 * beta * beta * e.training.loss.slope_at_zero;
    const Ball t = theory::time_of(r), unit = theory::smoothness(e) * square(t) * Ball(beta) *
                                              start_rate(e) / sqrt(Ball(2.0));
    const double per_length = r.error.margin + std::sqrt(2.0) * beta * r.error.drift;
    const double cosine = theory::cosine_error(e);
    for (Index i = 0; i < s.n; ++i) {
        const Ball margin{r.margin(i), per_length * s.row_norm(i) + r.error.margin_floor};
        const Ball slope =
            Ball(slope_scale * s.zbar_norm) * Ball(s.projection(i), cosine * s.row_norm(i));
        add(out, r, abs(margin - t * slope), unit * Ball(s.row_norm(i)), how);
    }
}

const Twin kTwins[] = {
    {"head_change <= t * R0", false, Relation::kAtMost,
     [](auto& e, auto& r, auto how, auto& out) {
         add(out, r, theory::head_change(r), theory::time_of(r) * start_rate(e), how);
     }},
    {"rate >= R0 * decay", false, Relation::kAtLeast,
     [](auto& e, auto& r, auto how, auto& out) {
         add(out, r, theory::update_rate(e, r), start_rate(e) * theory::decay_factor(e, r), how);
     }},
    {"head_change >= R0 * decayed_time", false, Relation::kAtLeast,
     [](auto& e, auto& r, auto how, auto& out) {
         add(out, r, theory::head_change(r), start_rate(e) * theory::decayed_time(e, r), how);
     }},
    {"L0 - loss <= t * R0^2", false, Relation::kAtMost,
     [](auto& e, auto& r, auto how, auto& out) {
         add(out, r, theory::loss_drop(e, r), theory::time_of(r) * square(start_rate(e)), how);
     }},
    {"abs(m - t * dm0) <= beta * kappa * t^2 * norm_z * norm_dv0", true, Relation::kAtMost,
     margins_near_tangent},
};
constexpr std::size_t kCopies = 4;

std::vector<Claim> as_formulas() {
    std::string text;
    for (std::size_t k = 0; k < std::size(kTwins) * kCopies; ++k)
        text.append("[X")
            .append(std::to_string(k))
            .append("]\nneeds = from reference; convex; full gradient 1\nclaim = after t > 0: ")
            .append(kTwins[k % std::size(kTwins)].formula)
            .append("\n");
    return theory::parse_claims(text, "bench").claims;
}

std::vector<Claim> in_cpp(const std::vector<Claim>& formulas) {
    std::vector<Claim> out;
    for (std::size_t k = 0; k < formulas.size(); ++k) {
        const Twin& twin = kTwins[k % std::size(kTwins)];
        Claim claim = formulas[k];
        claim.formula.reset();
        claim.assumptions = {theory::has_trajectory(), theory::starts_at_reference(),
                             theory::convex_loss(), theory::full_gradient(1.0)};
        claim.compare = [&twin](const Evidence& e) {
            std::vector<Comparison> all;
            for (const Record& r : e.trajectory().records)
                if (r.time > 0.0) twin.compare(e, r, twin.relation, all);
            return all;
        };
        out.push_back(std::move(claim));
    }
    return out;
}

void run(Report& report, const BenchOptions&) {
    const std::vector<Claim> formulas = as_formulas(), plain = in_cpp(formulas);
    RunConfig config;
    config.features = plain_features(200, 64, 2.0);
    config.training.steps = 500;
    config.training.records = 50;
    config.training.keep.margins = true;
    const RunResult trained = run_synthetic(config);
    const auto judged = [&](const std::vector<Claim>& claims) {
        double sum = 0.0;
        for (const Claim& claim : claims)
            sum += best_seconds(7, [&] {
                if (judge_case(claim, trained.evidence()).status != theory::Status::kHolds)
                    throw std::logic_error(claim.title + " does not hold");
            });
        return sum;
    };
    const double by_formula = judged(formulas), by_hand = judged(plain);
    report.line("20 claims as formulas, a run of 200 x 64, 50 records", 1e3 * by_formula, "ms");
    report.line("the same in C++", 1e3 * by_hand, "ms");
    report.line("formulas against C++", by_formula / by_hand, "times", at_most(1.3));
}

}  // namespace

Benchmark claims_benchmark() {
    return {"claims", "--claims", &BenchOptions::claims, "formulas beside C++", run};
}

}  // namespace prefdyn::bench
