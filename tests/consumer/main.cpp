// What a program outside this tree needs to sample, train and measure.
#include <cstdio>

#include "sim/data/distribution.hpp"
#include "sim/head/trainer.hpp"
#include "theory/statistics.hpp"

int main() {
    using namespace prefdyn;
    const FeatureDistribution distribution(
        {.samples = 100, .dimension = 8, .distinguishability = 2.0, .moments = Moments::kSample},
        1);
    PreferenceTask task;
    task.train = distribution.sample(1);
    task.loss = make_loss("sigmoid");
    const auto engine = make_engine(EngineKind::kReduced, task);
    const auto records = train(*engine, *task.loss, {.eta = 1.0, .steps = 10}, 1).records;
    std::printf("D = %.6f, loss %.6f after 0 and %.6f after %.0f steps\n",
                theory::dataset_statistics(task.train).distinguishability,
                records.front().train.loss, records.back().train.loss, records.back().step);
}
