#include "experiments/studies/misalignment/misalignment.hpp"
#include "sim/data/distribution.hpp"

namespace prefdyn {

MisalignmentSpec small_misalignment(std::uint64_t seed) {
    MisalignmentSpec out;
    out.data = FeatureDistribution(plain_features(60, 8, 2.0), seed).sample(seed);
    out.base = gaussian_model(8, 8, 1.0, Activation::kIdentity, seed);
    const Vector mean = out.base.embedding * theory::mean_statistics(out.data).zbar;
    if (out.base.head.dot(mean) < 0.0) out.base.head = -out.base.head;
    out.align_steps = out.misalign_steps = 40;
    return out;
}

TwoLayerTraining alignment_of(const MisalignmentSpec& spec) {
    return {spec.beta, spec.eta_kappa / theory::gauss_newton_scale(spec.data, spec.base, spec.beta),
            spec.align_steps, 1};
}

namespace {

using theory::Claim;
using theory::Verdict;

Verdict bound_strengthened(const Claim& claim, std::uint64_t seed) {
    return judge_run(theory::strengthened(claim, 0.9), misalign(small_misalignment(seed)).align,
                     false);
}

/// ||E'||^2 + ||w'||^2 for a rate: one of the two head rows is forgotten.
class OneHeadRow final : public TwoLayerEngine {
  public:
    using TwoLayerEngine::TwoLayerEngine;
    double frobenius(const Vector& flat) const override { return flat.norm(); }
};

Verdict base_head_ignored(const Claim& claim, std::uint64_t seed) {
    const MisalignmentSpec spec = small_misalignment(seed);
    TwoLayerModel headless = spec.base;
    headless.head.setZero();
    TwoLayerRun run = run_two_layer(spec.data, {headless}, alignment_of(spec));
    run.facts = theory::two_layer_facts(spec.data, spec.base);
    return judge_run(claim, run, false);
}

/// Without a fault of its own.
template <MisalignmentStart start>
Verdict misaligned(const Claim& claim, std::uint64_t seed) {
    return judge_run(claim, misalign(small_misalignment(seed)).runs[start]);
}

/// Steps so small that D grows by 2 eta beta S alone.
Verdict growth_overstated(const Claim& claim, std::uint64_t seed) {
    MisalignmentSpec spec = small_misalignment(seed);
    spec.eta_kappa = 1e-3;
    TwoLayerRun run = run_two_layer(spec.data, {spec.base}, alignment_of(spec));
    for (auto& step : run.facts.steps) step.condition *= 1.1;
    return judge_run(claim, run, false);
}

/// The same, by the start alone.
Verdict rise_overstated(const Claim& claim, std::uint64_t seed) {
    MisalignmentSpec spec = small_misalignment(seed);
    spec.eta_kappa = 1e-3;
    TwoLayerRun run = run_two_layer(spec.data, {spec.base}, alignment_of(spec));
    run.facts.growth.turn = run.facts.growth.turn * 1.1;
    return judge_run(claim, run, false);
}

/// In each class one row far out on the right side and two, less far, on the wrong one: once the
/// outlier is learned the others turn q around, and D falls.
Verdict curvature_ignored(const Claim& claim, std::uint64_t seed) {
    MisalignmentSpec spec;
    const Matrix signed_rows{{10.0, 0.0}, {-1.0, 0.5}, {-1.0, 0.5}};
    spec.data = FeatureDistribution(plain_features(6, 2, 1.0), seed).sample(seed);
    spec.data.label = {1, 1, 1, -1, -1, -1};
    spec.data.features << signed_rows, -signed_rows;
    spec.base = {RowMatrix::Identity(2, 2), Vector::Zero(2), Activation::kIdentity};
    spec.align_steps = 400;
    TwoLayerRun run = run_two_layer(spec.data, {spec.base}, alignment_of(spec));
    theory::EmbeddingGrowth& growth = run.facts.growth;
    for (Ball* bend : {&growth.bend_q, &growth.bend_eq, &growth.bend_turn, &growth.bend_spread,
                       &growth.bend_along})
        *bend = 0.0;
    return judge_run(claim, run, false);
}

Verdict eta_doubled(const Claim& claim, std::uint64_t seed) {
    TwoLayerRun run = misalign(small_misalignment(seed)).align;
    run.training.eta *= 0.5;
    return judge_run(claim, run, false);
}

/// Trains the head without its factor 2 against the embedding: ||E||^2 + ||w||^2 is descended.
class SlowHead final : public TwoLayerEngine {
  public:
    using TwoLayerEngine::TwoLayerEngine;
    double descent(const Vector& theta, std::span<const Index> rows,
                   Vector& direction) const override {
        const double loss = TwoLayerEngine::descent(theta, rows, direction);
        direction.tail(model(theta).head.size()) *= 0.5;
        return loss;
    }
};

/// Alignment on a faulty engine.
template <class Engine>
Verdict on_engine(const Claim& claim, std::uint64_t seed) {
    const MisalignmentSpec spec = small_misalignment(seed);
    const EngineMaker make = [](const PreferenceTask& task, const TwoLayerSpec& s) {
        return std::make_unique<Engine>(task, s);
    };
    return judge_run(
        claim, run_two_layer(spec.data, {spec.base}, alignment_of(spec), spec.data, make), false);
}

Verdict nonlinear_unnoticed(const Claim& claim, std::uint64_t seed) {
    MisalignmentSpec spec = small_misalignment(seed);
    spec.base.activation = Activation::kTanh;
    TwoLayerRun run = misalign(spec).align;
    const TwoLayerRun linear = misalign(small_misalignment(seed)).align;
    run.facts.activation = Activation::kIdentity;
    run.facts.steps = linear.facts.steps;
    return judge_run(claim, run, false);
}

Verdict labels_flipped_unnoticed(const Claim& claim, std::uint64_t seed) {
    const MisalignmentSpec spec = small_misalignment(seed);
    TwoLayerTraining training = alignment_of(spec);
    const TwoLayerModel aligned = run_two_layer(spec.data, {spec.base}, training).end;
    training.steps = 5;
    return judge_run(claim, run_two_layer(flipped(spec.data), {aligned}, training, spec.data),
                     false);
}

/// 9 of 10 labels are +1 and the classes share a mean, so zbar_x points elsewhere than delta; a_0
/// separates zbar_x the right way and delta the wrong way.
Verdict mean_for_difference(const Claim& claim, std::uint64_t seed) {
    MisalignmentSpec spec = small_misalignment(seed);
    FeatureSpec features = plain_features(100, 4, 1.0);
    features.p_plus = 0.9;
    features.common_norm = 3.0;
    features.common_angle = 60.0;
    features.moments = Moments::kSample;
    spec.data = FeatureDistribution(features, seed).sample(seed);
    const auto means = theory::mean_statistics(spec.data);
    const Vector delta = means.mean_plus - means.mean_minus;
    const Vector rest = means.zbar - means.zbar.dot(delta) / delta.squaredNorm() * delta;
    spec.base = {RowMatrix::Identity(4, 4),
                 rest / rest.squaredNorm() - 0.1 * delta / delta.squaredNorm(),
                 Activation::kIdentity};
    TwoLayerTraining training = alignment_of(spec);
    training.steps = 5;
    TwoLayerRun run = run_two_layer(spec.data, {spec.base}, training);
    for (std::size_t k = 0; k < run.facts.steps.size(); ++k)
        run.facts.steps[k].condition = run.trajectory.records[k].observed[kObservedConditionZbar];
    return judge_run(claim, run, false);
}

Verdict frozen_reference_not_reset(const Claim& claim, std::uint64_t seed) {
    const MisalignmentSpec spec = small_misalignment(seed);
    const Misalignment m = misalign(spec);
    TwoLayerRun run = run_two_layer(flipped(spec.data), {m.frozen_align.end, spec.base, false},
                                    alignment_of(spec));
    run.facts.counterpart = m.runs[kFromFrozenAligned].facts.counterpart;
    return judge_run(claim, run);
}

Verdict loss_off(const Claim& claim, std::uint64_t seed) {
    TwoLayerRun run = misalign(small_misalignment(seed)).runs[kFromFrozenAligned];
    for (Record& r : run.trajectory.records) r.train.loss *= 1.0 + 1e-6;
    return judge_run(claim, run);
}

Verdict embedding_not_frozen(const Claim& claim, std::uint64_t seed) {
    const Misalignment m = misalign(small_misalignment(seed));
    TwoLayerRun run = m.runs[kFromAligned];
    run.facts.counterpart = std::make_shared<const Trajectory>(m.runs[kFromBase].trajectory);
    run.facts.embedding_trained = false;
    return judge_run(claim, run, false);
}

}  // namespace

std::vector<Control> misalignment_controls() {
    return {
        {"T9a", "bound x 0.9", "the slope is said to be 10 % smaller", bound_strengthened},
        {"T9a", "one head row", "the norm counts the head's change once instead of twice",
         on_engine<OneHeadRow>},
        {"T9a", "base head ignored", "the trainer starts from a = 0, the claim from a_0",
         base_head_ignored},
        {"T9a", "reference not reset", "the aligned model is trained against the base model",
         misaligned<kFromOldReference>},
        {"T9b", "bound x 0.9", "D must grow by 11 % a step", bound_strengthened},
        {"T9b", "rise x 1.1", "the first rise of D^2 is said to be 10 % larger", rise_overstated},
        {"T9b", "curvature ignored", "q is said to keep its first direction, and turns around",
         curvature_ignored},
        {"T9b", "labels flipped", "the trainer sees flipped labels, the claim does not",
         labels_flipped_unnoticed},
        {"T9bp", "bound x 0.9", "D must grow by 11 % a step", bound_strengthened},
        {"T9bp", "S x 1.1", "D^2 is said to grow 10 % faster than it does", growth_overstated},
        {"T9bp", "sign condition ignored", "misalignment from an aligned model, S < 0",
         misaligned<kFromAligned>},
        {"T9bp", "labels flipped", "the trainer sees flipped labels, the claim does not",
         labels_flipped_unnoticed},
        {"T9bp", "zbar_x for delta", "unequal classes, the condition taken at zbar_x",
         mean_for_difference},
        {"T9c", "reference not reset", "the aligned head is trained against the base head",
         frozen_reference_not_reset},
        {"T9c", "loss off by 1e-6", "one of the two losses is a millionth larger", loss_off},
        {"T9c", "embedding trained", "the embedding is not frozen after all", embedding_not_frozen},
        {"T9d", "bound x 0.9", "the drift is said to be 10 % smaller", bound_strengthened},
        {"T9d", "eta doubled", "the trainer's learning rate is doubled, the claim's is not",
         eta_doubled},
        {"T9d", "head factor off", "the trainer moves the head half as fast", on_engine<SlowHead>},
        {"T9d", "embedding not linear", "tanh is taken for the identity", nonlinear_unnoticed},
    };
}

}  // namespace prefdyn
