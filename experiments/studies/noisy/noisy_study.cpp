#include "experiments/studies/noisy/noisy_study.hpp"

#include <cmath>

#include "experiments/program/parallel.hpp"
#include "sim/base/substream.hpp"
#include "sim/clusters/pair_heads.hpp"
#include "sim/data/von_mises_fisher.hpp"
#include "theory/facts.hpp"

namespace prefdyn {

namespace {

using theory::Claim;
using theory::Evidence;
using theory::NoisyFacts;
using theory::NoisyTask;

constexpr int kFlowSteps = 8;
constexpr Index kCounted = 200;

/// The clusters' means lie in the plane of the first two axes, the boundary of the population
/// across the first.
Vector mean_of(const NoisyTask& task, double sign) {
    Vector out = Vector::Zero(task.dimension);
    out(0) = sign * std::sin(0.5 * task.angle);
    out(1) = std::cos(0.5 * task.angle);
    return out;
}

/// s g of `rows` samples a cluster, s = +1 first.
RowMatrix signed_rows(const NoisyTask& task, Index rows, std::uint64_t seed, std::uint64_t first) {
    RowMatrix out(2 * rows, task.dimension);
    out.topRows(rows) =
        sample_von_mises_fisher(mean_of(task, 1.0), task.concentration, rows, seed, first);
    out.bottomRows(rows) = -sample_von_mises_fisher(mean_of(task, -1.0), task.concentration, rows,
                                                    seed, first + static_cast<std::uint64_t>(rows));
    return out;
}

/// Flips rows; returns their share.
double flip(RowMatrix& z, double chance, std::uint64_t seed) {
    double flips = 0.0;
    for (Index i = 0; i < z.rows(); ++i) {
        Stream stream(seed, Purpose::kLabelNoise, static_cast<std::uint64_t>(i));
        if (static_cast<double>(stream() >> 11) * 0x1p-53 >= chance) continue;
        z.row(i) *= -1.0;
        flips += 1.0;
    }
    return flips / static_cast<double>(z.rows());
}

/// Mean over both clusters. The cosines are off by what the head is, relative to its length; a
/// cosine that moves by x moves the risk by what it does at both ends.
Ball risk_of(const NoisyTask& task, const Vector& head, double error) {
    const double off = 2.0 * error / head.norm() + gamma_of(4.0 * static_cast<double>(head.size()));
    Ball out(0.0);
    for (const double sign : {1.0, -1.0}) {
        const double cosine = sign * head.dot(mean_of(task, sign)) / head.norm();
        const auto at = [&](double c) {
            return theory::wrong_side(task.dimension, task.concentration, std::clamp(c, -1.0, 1.0));
        };
        const Ball low = at(cosine + off), high = at(cosine - off);
        out = out +
              Ball(0.5) * Ball(0.5 * (low.value + high.value),
                               0.5 * std::fabs(high.value - low.value) + low.radius + high.radius);
    }
    return out;
}

/// s g of the training samples, no label flipped, and of fresh ones.
struct Drawn {
    RowMatrix training, fresh;
};

Drawn draw(const NoisyTask& task, Index counted, std::uint64_t seed) {
    return {signed_rows(task, task.samples / 2, seed, 0),
            signed_rows(task, counted / 2, seed, static_cast<std::uint64_t>(task.samples))};
}

NoisyFacts train(const NoisyTask& task, const Drawn& drawn, std::uint64_t seed) {
    NoisyFacts out{task, theory::noisy_path_end(task), {}, 0.0, 0.0, 0.0};
    RowMatrix z = drawn.training;
    out.flips = flip(z, task.flipped, seed);
    const PairHeads heads(z, one_pair(1), task.beta);
    const auto flow = heads.flow(RowMatrix::Zero(1, task.dimension), out.time, kFlowSteps);
    const Vector head = flow.a.row(0).transpose();
    out.risk = risk_of(task, head, flow.error);
    const Vector margin = drawn.fresh * head;
    out.counted = static_cast<double>(margin.size());
    out.measured = static_cast<double>((margin.array() <= 0.0).count()) / out.counted;
    return out;
}

struct NoisySetting {
    NoisyTask task;

    std::string name() const {
        return "theta = " + format_real(task.angle / kPi) +
               " pi, gamma = " + format_real(task.concentration) +
               ", eps = " + format_real(task.flipped) + ", N = " + std::to_string(task.samples) +
               ", d = " + std::to_string(task.dimension);
    }
};

NoisySetting setting(double angle, double concentration, double flipped, Index samples,
                     Index dimension = 3) {
    return {{samples, dimension, angle * kPi, concentration, flipped, 0.1}};
}

std::vector<NoisySetting> settings() {
    return {setting(1.0, 30.0, 0.0, 1000),         setting(1.0, 100.0, 0.0, 1000),
            setting(1.0, 100.0, 0.05, 1000),       setting(1.0, 100.0, 0.3, 1000),
            setting(1.0, 1000.0, 0.2, 1000),       setting(2.0 / 3.0, 1000.0, 0.05, 2000),
            setting(1.0 / 3.0, 1000.0, 0.0, 1000), setting(1.0, 200.0, 0.0, 64, 20000)};
}

/// Risk against the share of flipped labels where dimensions are many.
struct Curves {
    std::vector<std::int64_t> dimensions = {2000, 3000, 5000};
    std::vector<double> flipped;
    std::vector<NoisyFacts> facts;  ///< [dimension][flipped]
};

constexpr double kCurveConcentration = 200.0;
constexpr Index kCurveSamples = 64, kCurveCounted = 400;

Curves curves(std::uint64_t seed) {
    Curves out;
    for (int k = 0; k <= 9; ++k) out.flipped.push_back(0.05 * k);
    const std::size_t F = out.flipped.size();
    out.facts.resize(out.dimensions.size() * F);
    parallel_for("flipped labels", out.dimensions.size(), [&](std::size_t k) {
        NoisyTask task =
            setting(1.0, kCurveConcentration, 0.0, kCurveSamples, out.dimensions[k]).task;
        const std::uint64_t own = derive_seed(seed, Substream::kNoisyLabels, 1000 + k);
        const Drawn drawn = draw(task, kCurveCounted, own);
        for (std::size_t f = 0; f < F; ++f) {
            task.flipped = out.flipped[f];
            out.facts[k * F + f] = train(task, drawn, own);
        }
    });
    return out;
}

Evidence evidence_of(const NoisyFacts& facts) {
    return theory::evidence_with(facts, facts.task.beta);
}

struct Outcomes {
    std::vector<NoisySetting> settings;
    std::vector<NoisyFacts> facts;
    Curves curves;
};

template <class Get>
auto curve(Get get) {
    return [get](const Outcomes& o) { return values_from(o.curves.facts, get); };
}

std::vector<double> bounds_on(const Outcomes& o, double constant) {
    std::vector<double> out;
    for (const double flipped : o.curves.flipped) {
        const NoisyTask task = setting(1.0, kCurveConcentration, flipped, kCurveSamples).task;
        const bool said = theory::from_pole(task, constant) > 0.0;
        out.push_back(said ? theory::noisy_bound(task, constant).value : kNan);
    }
    return out;
}

std::vector<Filled<Outcomes>> fields() {
    using F = const NoisyFacts&;
    const std::string at = "noisy_setting", dimension = "noisy_dimension",
                      flipped = "noisy_flipped";
    const std::vector<std::string> one = {at}, grid = {dimension, flipped};
    return {
        {at, "", "two von Mises-Fisher clusters with flipped labels, T21",
         [](const Outcomes& o) { return gather(o.settings, &NoisySetting::name); }},
        {"noisy_largest_flip", one, "", "the largest eps that the theorem admits",
         [](const Outcomes& o) {
             return gather(o.facts, [](F f) { return theory::largest_flip(f.task); });
         }},
        {"noisy_risk", one, "", "P(m <= 0) of a fresh sample, exact for the head",
         [](const Outcomes& o) { return gather(o.facts, [](F f) { return f.risk.value; }); }},
        {"noisy_bound", one, "", "the bound with 4/gamma, whatever it says",
         [](const Outcomes& o) {
             return gather(o.facts, [](F f) { return theory::noisy_bound(f.task, 4.0).value; });
         }},
        {dimension, "", "d; theta = pi, gamma = 200, N = 64",
         [](const Outcomes& o) { return o.curves.dimensions; }},
        {flipped, "", "eps", [](const Outcomes& o) { return o.curves.flipped; }},
        {"noisy_curve_risk", grid, "", "P(m <= 0) of a fresh sample, exact for the head",
         curve([](F f) { return f.risk.value; })},
        {"noisy_curve_measured", grid, "", "the same, counted on fresh samples",
         curve([](F f) { return f.measured; })},
        {"noisy_curve_bound",
         {flipped},
         "",
         "the bound with 4/gamma; NaN past its pole",
         [](const Outcomes& o) { return bounds_on(o, 4.0); }},
        {"noisy_curve_bound_eight",
         {flipped},
         "",
         "the same with 8/gamma",
         [](const Outcomes& o) { return bounds_on(o, 8.0); }},
    };
}

StudyOutcome run(const std::vector<Claim>& claims, const VerifyPlan& plan) {
    Outcomes all{settings(), {}, {}};
    all.facts.resize(all.settings.size());
    parallel_for("noisy labels", all.settings.size(), [&](std::size_t k) {
        all.facts[k] = train_noisy(all.settings[k].task, kCounted,
                                   derive_seed(plan.seed, Substream::kNoisyLabels, k));
    });
    all.curves = curves(plan.seed);
    StudyOutcome out;
    for (std::size_t k = 0; k < all.settings.size(); ++k)
        for (const Claim& claim : claims)
            out.judge("noisy", claim, all.settings[k].name(), evidence_of(all.facts[k]));
    out.put(fields(), all);
    return out;
}

Control presumed(const std::string& claim, const std::string& name, const std::string& fault,
                 NoisySetting (*made)(), void (*spoil)(NoisyFacts&)) {
    return {claim, name, fault, [=](const Claim& c, std::uint64_t seed) {
                NoisyFacts facts = train_noisy(made().task, 100, seed);
                spoil(facts);
                return judge_case(c, evidence_of(facts), true);
            }};
}

std::vector<Control> noisy_controls() {
    std::vector<Control> out;
    for (const char* claim : {"T21a", "T21b"}) {
        out.push_back(presumed(
            claim, "as printed, d = 20000",
            "the theorem names no dimension; a cluster is nearly "
            "all of the sphere there",
            [] { return setting(1.0, 200.0, 0.0, 64, 20000); }, [](NoisyFacts&) {}));
        out.push_back(presumed(
            claim, "head reversed", "the head points away from its cluster",
            [] { return setting(1.0, 100.0, 0.05, 1000); },
            [](NoisyFacts& f) { f.risk = Ball(1.0) - f.risk; }));
    }
    return out;
}

}  // namespace

NoisyFacts train_noisy(const NoisyTask& task, Index counted, std::uint64_t seed) {
    validate(task);
    return train(task, draw(task, counted, seed), seed);
}

Study noisy_study() {
    return {"noisy", {"T21a", "T21b"}, fields_of(fields()), run, {}, noisy_controls()};
}

}  // namespace prefdyn
