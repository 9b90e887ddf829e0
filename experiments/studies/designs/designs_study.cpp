#include "experiments/studies/designs/designs_study.hpp"

#include <cmath>

#include "experiments/program/parallel.hpp"
#include "sim/base/substream.hpp"
#include "sim/tabular/tabular_dpo.hpp"
#include "theory/facts.hpp"

namespace prefdyn {

namespace {

using theory::Claim;
using theory::DesignArm;
using theory::DesignFacts;
using theory::Evidence;
using theory::TabularTask;

constexpr int kIterations = 1000;
constexpr std::int64_t kSamples = 100000;
constexpr std::size_t kOthers = 20;

double uniform(Stream& stream) { return static_cast<double>(stream() >> 11) * 0x1p-53; }

Matrix uniform_pairs(Index A) { return pairs_from(RowMatrix::Ones(1, A)).front(); }

/// Weights exp(3 x), x uniform.
Matrix drawn_pairs(Index A, Stream& stream) {
    Matrix out = Matrix::Zero(A, A);
    for (Index a = 0; a < A; ++a)
        for (Index b = 0; b < A; ++b)
            if (a != b) out(a, b) = std::exp(3.0 * uniform(stream));
    return out / out.sum();
}

TabularWorld world_of(const TabularTask& task, const Matrix& pair) {
    TabularWorld out =
        make_world(Vector::Ones(1), task.reference.transpose(), task.reward.transpose());
    out.pair = {pair};
    return out;
}

void measure(DesignArm& arm, const TabularTask& task, std::int64_t samples, std::size_t replicates,
             std::uint64_t seed) {
    const TabularWorld world = world_of(task, arm.pair);
    const RowMatrix target = theory::optimal_policy(task).transpose().array().log();
    double sum = 0.0, squares = 0.0, count = 0.0;
    for (std::size_t r = 0; r < replicates; ++r) {
        const DpoSolution solved =
            solve_dpo({draw(world, samples, seed, r), log_reference(world), task.beta});
        if (!solved.existence.attained() || !solved.converged) {
            ++arm.unsolved;
            continue;
        }
        const double gap =
            static_cast<double>(samples) * divergence(world.weight, target, solved.log_policy);
        sum += gap;
        squares += gap * gap;
        count += 1.0;
    }
    arm.samples = static_cast<double>(samples);
    arm.scaled_gap = sum / count;
    arm.gap_error = std::sqrt((squares / count - arm.scaled_gap * arm.scaled_gap) / count);
}

struct DesignSetting {
    std::string name;
    TabularTask task;
};

std::vector<DesignSetting> settings() {
    return {
        {"A = 3, equal rewards", {Vector::Constant(3, 1.0 / 3.0), Vector::Zero(3), 1.0}},
        {"A = 3, beta = 0.5",
         {Eigen::Vector3d(0.2, 0.5, 0.3), Eigen::Vector3d(1.0, 0.0, -1.5), 0.5}},
        {"A = 4, beta = 1", {Vector::Constant(4, 0.25), Eigen::Vector4d(0.0, 1.0, 2.0, 3.0), 1.0}},
        {"A = 4, uneven reference",
         {Eigen::Vector4d(0.1, 0.2, 0.3, 0.4), Eigen::Vector4d(2.0, -1.0, 0.0, 0.5), 1.0}},
        {"A = 5, beta = 0.5", {Vector::Constant(5, 0.2), Vector::LinSpaced(5, 0.0, 2.0), 0.5}},
        {"A = 8, beta = 0.3", {Vector::Constant(8, 0.125), Vector::LinSpaced(8, 0.0, 2.0), 0.3}},
    };
}

Evidence evidence_of(const DesignFacts& facts) {
    return theory::evidence_with(facts, facts.task.beta);
}

struct Outcomes {
    std::vector<DesignSetting> settings;
    std::vector<DesignFacts> facts;
};

/// Share of the comparisons that have the likeliest response of pi* in them.
double of_the_likeliest(const DesignFacts& f) {
    Index top = 0;
    theory::optimal_policy(f.task).maxCoeff(&top);
    return f.best.pair.row(top).sum() + f.best.pair.col(top).sum();
}

template <class Get>
auto each(Get get) {
    return [get](const Outcomes& o) { return values_from(o.facts, get); };
}

std::vector<Filled<Outcomes>> fields() {
    using F = const DesignFacts&;
    const std::string at = "designs_setting";
    const std::vector<std::string> one = {at};
    return {
        {at, "", "tabular task whose pairs are chosen, T23",
         [](const Outcomes& o) { return gather(o.settings, &DesignSetting::name); }},
        {"designs_uniform", one, "nat", "N KL(pi* || pihat_N) under uniform pairs, mean of samples",
         each([](F f) { return f.uniform.scaled_gap; })},
        {"designs_uniform_error", one, "nat", "its standard error",
         each([](F f) { return f.uniform.gap_error; })},
        {"designs_uniform_predicted", one, "nat", "tr(F I^+) / (2 beta^2)",
         each([](F f) { return theory::design_cost(f.task, f.uniform.pair); })},
        {"designs_best", one, "nat", "the same under the best pairs",
         each([](F f) { return f.best.scaled_gap; })},
        {"designs_best_error", one, "nat", "its standard error",
         each([](F f) { return f.best.gap_error; })},
        {"designs_best_predicted", one, "nat", "tr(F I^+) / (2 beta^2) of the best pairs",
         each([](F f) { return theory::design_cost(f.task, f.best.pair); })},
        {"designs_likeliest", one, "",
         "share of the best pairs that have the likeliest response of pi* in them",
         each(of_the_likeliest)},
    };
}

StudyOutcome run(const std::vector<Claim>& claims, const VerifyPlan& plan) {
    Outcomes all{settings(), {}};
    all.facts.resize(all.settings.size());
    const std::size_t replicates = plan.profile == Profile::kQuick ? 1000 : 2000;
    parallel_for("designs", all.settings.size(), [&](std::size_t k) {
        all.facts[k] = try_designs(all.settings[k].task, kSamples, replicates,
                                   derive_seed(plan.seed, Substream::kDesigns, k));
    });
    StudyOutcome out;
    for (std::size_t k = 0; k < all.settings.size(); ++k)
        for (const Claim& claim : claims)
            out.judge("designs", claim, all.settings[k].name, evidence_of(all.facts[k]));
    out.put(fields(), all);
    return out;
}

/// The second setting, its facts spoiled.
Control spoiled(const std::string& claim, const std::string& name, const std::string& fault,
                void (*spoil)(DesignFacts&), double strength = 1.0) {
    return {claim, name, fault, [=](const Claim& c, std::uint64_t seed) {
                DesignFacts facts = try_designs(settings()[1].task, kSamples, 2000, seed);
                spoil(facts);
                return judge_case(theory::strengthened(c, strength), evidence_of(facts), true);
            }};
}

void nothing(DesignFacts&) {}

/// The claims are told that both designs have all their weight where it helps least: on the pair
/// that the best one leaves out.
void misdeclared(DesignFacts& f) {
    for (DesignArm* arm : {&f.uniform, &f.best}) {
        Matrix told = 0.005 * uniform_pairs(f.task.reward.size());
        told(0, 2) += 0.995;
        arm->pair = told;
    }
}

std::vector<Control> design_controls() {
    return {
        spoiled("T23a", "pairs misdeclared",
                "nearly all pairs are claimed to be the first and last", misdeclared),
        spoiled("T23a", "beta misdeclared", "beta is claimed ten times what it is",
                [](DesignFacts& f) { f.task.beta *= 10.0; }),
        spoiled("T23b", "bound x 0.99", "the least cost is claimed 1 % larger than it is", nothing,
                0.99),
        spoiled("T23b", "a dearer design", "a design makes three comparisons where two are paid",
                [](DesignFacts& f) { f.others.push_back(1.5 * f.best.pair); }),
        spoiled("T23c", "best pairs taken for uniform",
                "uniform samples are drawn by the best design",
                [](DesignFacts& f) { f.uniform.scaled_gap = f.best.scaled_gap; }),
        spoiled("T23c", "bound x 0.6", "the gain is claimed to be 40 % smaller", nothing, 0.6),
    };
}

}  // namespace

DesignFacts try_designs(const TabularTask& task, std::int64_t samples, std::size_t replicates,
                        std::uint64_t seed) {
    theory::validate(task);
    DesignFacts out{task, {"uniform", uniform_pairs(task.reward.size())}, {"best", {}}, {}};
    out.best.pair = theory::best_pairs(task, kIterations);
    Stream stream(seed, Purpose::kTabular, 1);
    for (std::size_t k = 0; k < kOthers; ++k)
        out.others.push_back(drawn_pairs(task.reward.size(), stream));
    if (samples == 0) return out;
    measure(out.uniform, task, samples, replicates, derive_seed(seed, Purpose::kTabular, 2));
    measure(out.best, task, samples, replicates, derive_seed(seed, Purpose::kTabular, 3));
    return out;
}

Study designs_study() {
    return {"designs", {"T23a", "T23b", "T23c"}, fields_of(fields()), run, {}, design_controls()};
}

}  // namespace prefdyn
