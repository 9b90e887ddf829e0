#include "experiments/studies/steps/steps_study.hpp"

#include <cmath>

#include "experiments/program/parallel.hpp"
#include "sim/base/substream.hpp"
#include "sim/data/noise.hpp"
#include "sim/tabular/tabular_steps.hpp"
#include "theory/facts.hpp"

namespace prefdyn {

namespace {

using theory::Claim;
using theory::Evidence;
using theory::StepFacts;

constexpr Index kFewest = 4;
constexpr int kHalvings = 5;
constexpr Index kFlowSteps = 64;
constexpr double kDuration = 1.0;  ///< T kappa

RowMatrix gaussian_table(Index P, Index A, std::uint64_t seed, std::uint64_t i) {
    RowMatrix out(P, A);
    Stream stream(seed, Purpose::kTabular, i);
    fill_noise(NoiseSpec{}, stream, out.data(), out.size());
    return out;
}

struct StepSetting {
    std::string name;
    Index prompts, responses;
    double beta, reward;

    DpoProblem problem(std::uint64_t seed) const {
        const RowMatrix log_reference = log_softmax(gaussian_table(prompts, responses, seed, 0));
        const TabularWorld world = make_world(
            Vector::Constant(prompts, 1.0 / static_cast<double>(prompts)),
            log_reference.array().exp(), reward * gaussian_table(prompts, responses, seed, 1));
        return {population(world), log_reference, beta};
    }
};

StepSetting setting(Index P, Index A, double beta, double reward) {
    return {"P = " + std::to_string(P) + ", A = " + std::to_string(A) +
                ", beta = " + format_real(beta) + ", rewards x " + format_real(reward),
            P, A, beta, reward};
}

std::vector<StepSetting> settings() {
    return {setting(1, 2, 0.5, 3.0), setting(1, 4, 0.1, 1.0), setting(2, 3, 1.0, 2.0),
            setting(1, 8, 0.5, 2.0), setting(3, 4, 2.0, 4.0)};
}

StepFacts measured(const DpoProblem& problem) {
    const auto bound = theory::derivatives_of(problem.data.wins, problem.beta, 0.0);
    return measure_steps(problem, kDuration / bound.second, kFewest, kHalvings);
}

void measure_penalty(StepFacts& f, const DpoProblem& p, const RowMatrix& theta, double step) {
    const Matrix& wins = p.data.wins.front();
    wins.maxCoeff(&f.chosen, &f.rejected);
    DpoProblem one{{{Matrix::Zero(wins.rows(), wins.cols())}}, p.log_reference.topRows(1), p.beta};
    one.data.wins[0](f.chosen, f.rejected) = 1.0;
    f.theta = theta.row(0).transpose();
    f.log_reference = p.log_reference.row(0).transpose();
    f.beta = p.beta;
    f.penalty_step = step;
    const double square = dpo_gradient(one, theta.topRows(1)).squaredNorm();
    const double size = 1.0 + f.theta.cwiseAbs().maxCoeff() + f.log_reference.cwiseAbs().maxCoeff();
    f.penalty = {0.25 * step * square,
                 0.25 * step * square * gamma_of(64.0 * size * (1.0 + p.beta))};
}

/// ||a - b||, b known to `error`; steps round their sums.
Ball apart(const RowMatrix& a, const RowMatrix& b, double error, Index count) {
    const double rounding = gamma_of(64.0 * static_cast<double>(count)) * (a.norm() + b.norm());
    return {(a - b).norm(), error + rounding};
}

Evidence evidence_of(const StepFacts& facts) { return theory::evidence_with(facts, facts.beta); }

struct Outcomes {
    std::vector<StepSetting> settings;
    std::vector<StepFacts> facts;
};

std::vector<double> bounds_of(const StepFacts& f) {
    return gather(f.step, [&](double h) {
        return f.duration * h * h * theory::step_constant(f.bound, h).value;
    });
}

template <class Get>
auto each(Get get) {
    return [get](const Outcomes& o) { return values_from(o.facts, get); };
}

std::vector<Filled<Outcomes>> fields() {
    using F = const StepFacts&;
    const std::string at = "steps_setting", count = "steps_count";
    const std::vector<std::string> two = {at, count};
    return {
        {at, "", "tabular world of gradient descent in finite steps, T24",
         [](const Outcomes& o) { return gather(o.settings, &StepSetting::name); }},
        {count, "steps", "steps to the time 1 / kappa",
         [](const Outcomes& o) {
             const StepFacts& f = o.facts.front();
             return gather(f.step,
                           [&](double h) { return std::int64_t{std::llround(f.duration / h)}; });
         }},
        {"steps_from_modified", two, "",
         "||theta_GD - theta|| there, theta of the flow of L + (h / 4) ||grad L||^2",
         each([](F f) { return gather(f.from_modified, &Ball::value); })},
        {"steps_from_plain", two, "", "the same, theta of the flow of L",
         each([](F f) { return gather(f.from_plain, &Ball::value); })},
        {"steps_bound", two, "", "T C h^2 of T24a", each(bounds_of)},
        {"steps_slope",
         {at},
         "",
         "slope of steps_from_modified in h, between the two smallest",
         each([](F f) { return theory::slope_between(f.from_modified, f.step.size() - 1); })},
        {"steps_plain_slope", {at}, "", "slope of steps_from_plain", each([](F f) {
             return theory::slope_between(f.from_plain, f.step.size() - 1);
         })},
    };
}

StudyOutcome run(const std::vector<Claim>& claims, const VerifyPlan& plan) {
    Outcomes all{settings(), {}};
    all.facts.resize(all.settings.size());
    parallel_for("finite steps", all.settings.size(), [&](std::size_t k) {
        all.facts[k] =
            measured(all.settings[k].problem(derive_seed(plan.seed, Substream::kFiniteSteps, k)));
    });
    StudyOutcome out;
    for (std::size_t k = 0; k < all.settings.size(); ++k)
        for (const Claim& claim : claims)
            out.judge("steps", claim, all.settings[k].name, evidence_of(all.facts[k]));
    out.put(fields(), all);
    return out;
}

Control spoiled(const std::string& claim, const std::string& name, const std::string& fault,
                void (*spoil)(StepFacts&), double strength = 1.0) {
    return {claim, name, fault, [=](const Claim& c, std::uint64_t seed) {
                StepFacts facts = measured(setting(1, 4, 0.5, 2.0).problem(seed));
                spoil(facts);
                return judge_case(theory::strengthened(c, strength), evidence_of(facts), true);
            }};
}

void nothing(StepFacts&) {}

void plain_flow(StepFacts& f) { f.from_modified = f.from_plain; }

/// Errors against a flow whose correction is twice too large: as far as the plain flow, on the
/// other side.
void twice_corrected(StepFacts& f) {
    for (std::size_t k = 0; k < f.step.size(); ++k)
        f.from_modified[k] = f.from_plain[k] - f.from_modified[k];
}

std::vector<Control> step_controls() {
    const char* plain = "descent is held against the flow of the loss alone";
    return {
        spoiled("T24a", "plain flow", plain, plain_flow),
        spoiled("T24a", "correction h / 2", "the penalty is taken twice", twice_corrected),
        spoiled("T24b", "plain flow", plain, plain_flow),
        spoiled("T24b", "bound x 0.8", "the slope is claimed to be 1.6", nothing, 0.8),
        spoiled("T24c", "bound x 0.99", "the penalty is claimed 1 % smaller than it is", nothing,
                0.99),
        spoiled("T24c", "another answer rejected", "the rejected answer is another than trained on",
                [](StepFacts& f) {
                    for (Index a = 0; a < f.theta.size(); ++a)
                        if (a != f.chosen && a != f.rejected) {
                            f.rejected = a;
                            return;
                        }
                }),
    };
}

}  // namespace

StepFacts measure_steps(const DpoProblem& problem, double duration, Index fewest, int halvings) {
    StepFacts out;
    out.bound = theory::derivatives_of(problem.data.wins, problem.beta,
                                       dpo_gradient(problem, problem.log_reference).norm());
    out.duration = duration;
    const FlowEnd plain = modified_flow(problem, 0.0, duration, kFlowSteps);
    RowMatrix theta;
    for (int k = 0; k <= halvings; ++k) {
        const Index count = fewest << k;
        const double step = duration / static_cast<double>(count);
        theta = descended(problem, step, count);
        const FlowEnd modified = modified_flow(problem, step, duration, kFlowSteps);
        out.step.push_back(step);
        out.from_modified.push_back(apart(theta, modified.theta, modified.error, count));
        out.from_plain.push_back(apart(theta, plain.theta, plain.error, count));
    }
    measure_penalty(out, problem, theta, out.step.back());
    return out;
}

Study steps_study() {
    return {"steps", {"T24a", "T24b", "T24c"}, fields_of(fields()), run, {}, step_controls()};
}

}  // namespace prefdyn
