#pragma once
// A run of a small transformer without a command around it.

#include "experiments/finetune/run.hpp"
#include "sim/base/cancel.hpp"
#include "tests/support/nested_support.hpp"
#include "tests/support/transformer_support.hpp"

namespace prefdyn::test {

/// A model of random weights and two behaviours with 16 pairs to train on and 4 held out, their
/// answers tokens 3 and 4.
struct FinetuneRunFixture {
    SmallModel m;
    TemporaryDirectory dir;
    std::unique_ptr<transformer::Checkpoint> checkpoint;
    std::vector<FinetuneBehaviour> behaviours;

    explicit FinetuneRunFixture(bool tied = true, bool nested = false) {
        m.tied = tied;
        const Weights weights = random_weights(m, 31);
        if (nested)
            write_nested(dir / "m", m, weights);
        else
            write_checkpoint(dir / "m", m, weights);
        checkpoint = std::make_unique<transformer::Checkpoint>(dir / "m");
        Stream stream(seed(), Purpose::kSuite, 8500);
        for (int k = 0; k < 2; ++k) {
            FinetuneBehaviour b;
            b.data.name = k == 0 ? "first" : "second";
            for (Index i = 0; i < 20; ++i) {
                text::SequencePair pair;
                for (int t = 0; t < 4; ++t)
                    pair.chosen.push_back(static_cast<text::Token>(stream() % 37));
                pair.label = i % 2 ? 1 : -1;
                pair.prompt = 4;
                pair.rejected = pair.chosen;
                pair.chosen.push_back(pair.label > 0 ? 3 : 4);
                pair.rejected.push_back(pair.label > 0 ? 4 : 3);
                b.data.pairs.push_back(pair);
                (i < 16 ? b.rows.train : b.rows.held_out).push_back(i);
            }
            behaviours.push_back(std::move(b));
        }
    }
    FinetunePlan plan(finetune::TrainedPart part, const std::string& state = {}) const {
        FinetunePlan out;
        out.name = "run";
        out.behaviours = {0, 1};
        out.training.trained.part = part;
        out.training.trained.rank = 2;
        out.training.loss.beta = 0.5;
        out.training.learning_rate = 0.003;
        out.training.batch = 8;
        out.training.steps = 12;
        out.training.plan.tokens = 30;
        out.training.seed = 3;
        out.records = 4;
        out.state = state;
        out.task = "beta=0.5\nlr=0.003\n";
        return out;
    }
};

/// The weights of a fixture's model in a layout for what is trained.
struct FinetuneStart {
    finetune::Layout layout;
    finetune::Parameters<float> weights;
    StartModel model;
    FinetuneStart(const FinetuneRunFixture& f, finetune::TrainedPart part)
        : layout(f.checkpoint->config(), part == finetune::TrainedPart::kHead),
          weights(finetune::read_parameters<float>(*f.checkpoint, layout)),
          model{"base", &f.checkpoint->config(), &weights} {}
};

/// Asks for a stop when so much of the run is done.
inline RunProgress stop_at(double share) {
    return [share](const std::string& what, double done) {
        if (contains(what, "training") && done >= share) cancel_flag = true;
    };
}

}  // namespace prefdyn::test
