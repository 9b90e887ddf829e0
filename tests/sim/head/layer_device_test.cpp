// The dense head and the trained embedding on a card against the processor.
#include <doctest/doctest.h>

#include "sim/head/dense_engine.hpp"
#include "sim/head/trainer.hpp"
#include "sim/head/two_layer_engine.hpp"
#include "tests/support/cuda_support.hpp"
#include "tests/support/support.hpp"

using namespace prefdyn;
using test::relative_error;

namespace {

constexpr double kTolerance = 1e-12;

PreferenceTask task_of(Index n, Index d, Index vocabulary, const std::string& loss) {
    PreferenceTask task;
    task.train = test::gaussian_dataset(n, d, 31);
    task.held_out = test::gaussian_dataset(29, d, 32);
    task.policy.vocabulary = vocabulary;
    task.policy.yes = vocabulary - 1;
    task.policy.no = vocabulary / 2;
    task.policy.beta = 0.4;
    task.policy.reference = gaussian_head(vocabulary, d, 1.0, 5);
    task.loss = make_loss(typical_loss(loss, task.policy.beta));
    return task;
}

PreferenceTask on_card(PreferenceTask task) {
    task.device = Device::kCuda;
    return task;
}

Vector near(const Vector& start) {
    const Dataset noise = test::gaussian_dataset(1, start.size(), 33);
    return start + 0.02 * noise.features.row(0).transpose();
}

void check_responses(const Responses& got, const Responses& want) {
    CHECK(relative_error(got.margin, want.margin) <= kTolerance);
    CHECK(relative_error(got.logp_chosen, want.logp_chosen) <= kTolerance);
    CHECK(relative_error(got.logp_rejected, want.logp_rejected) <= kTolerance);
    CHECK(relative_error(got.reward_chosen, want.reward_chosen) <= 10.0 * kTolerance);
    CHECK(relative_error(got.reward_rejected, want.reward_rejected) <= 10.0 * kTolerance);
    CHECK(relative_error(got.matched, want.matched) <= kTolerance);
}

/// Descents and evaluations of an engine made on the card and of one made on the processor.
template <class Engine, class... Spec>
void check_engines(const PreferenceTask& task, const Spec&... spec) {
    const PreferenceTask there = on_card(task);
    const auto cpu = std::make_unique<Engine>(task, spec...);
    const auto card = std::make_unique<Engine>(there, spec...);
    const Vector theta = near(cpu->initial());
    std::vector<Index> some;
    for (Index i = cpu->data(Split::kTrain).samples() - 1; i >= 0; i -= 3) some.push_back(i);
    for (const std::vector<Index>& rows : {std::vector<Index>(), some}) {
        Vector want, got = Vector::Constant(cpu->size(), kNan);
        const double loss = cpu->descent(theta, rows, want);
        CHECK(relative_error(card->descent(theta, rows, got), loss) <= kTolerance);
        CHECK(relative_error(got, want) <= kTolerance);
        Vector again;
        card->descent(theta, rows, again);
        CHECK(test::same_bits(again, got));
    }
    for (const Split split : {Split::kTrain, Split::kHeldOut}) {
        Responses want, got;
        Vector down, down_card;
        cpu->evaluate(theta, split, want, &down);
        card->evaluate(theta, split, got, &down_card);
        check_responses(got, want);
        if (split == Split::kTrain) CHECK(relative_error(down_card, down) <= kTolerance);
    }
}

}  // namespace

TEST_CASE("GPU: the dense head is the processor's, for every loss") {
    if (!test::card_for(1)) return;
    for (const std::string& name : loss_names()) {
        CAPTURE(name);
        const PreferenceTask task = task_of(301, 67, 203, name);
        check_engines<DenseEngine>(task);
    }
    const PreferenceTask wide = task_of(40, 300, 3001, "sigmoid");
    check_engines<DenseEngine>(wide);
}

TEST_CASE("GPU: the trained embedding is the processor's") {
    if (!test::card_for(1)) return;
    for (const Activation activation :
         {Activation::kIdentity, Activation::kRelu, Activation::kTanh, Activation::kGelu})
        for (const bool train_embedding : {true, false}) {
            CAPTURE(activation_names()[static_cast<std::size_t>(activation)]);
            CAPTURE(train_embedding);
            const PreferenceTask task = task_of(997, 83, 2, "sigmoid");
            TwoLayerSpec spec{gaussian_model(61, 83, 1.0, activation, 3)};
            spec.train_embedding = train_embedding;
            check_engines<TwoLayerEngine>(task, spec);
        }
}

TEST_CASE("GPU: an embedding trained there ends where the processor's does") {
    if (!test::card_for(1)) return;
    const PreferenceTask task = task_of(800, 90, 2, "ipo");
    const TwoLayerSpec embedding{gaussian_model(64, 90, 1.0, Activation::kTanh, 4)};
    TrainSpec spec;
    spec.method = Method::kAdam;
    spec.eta = 1e-3;
    spec.steps = 40;
    spec.batch = 100;
    spec.records = 5;
    const Trajectory want = train(TwoLayerEngine(task, embedding), *task.loss, spec, 2);
    const PreferenceTask there = on_card(task);
    const Trajectory got = train(TwoLayerEngine(there, embedding), *task.loss, spec, 2);
    CHECK(relative_error(got.parameters, want.parameters) <= 1e-9);
    CHECK(relative_error(got.records.back().train.loss, want.records.back().train.loss) <= 1e-9);
}
