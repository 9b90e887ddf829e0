// Training: the head alone is the exact reduction, restarts and threads change no bit, what is not
// finite is named.
#include "sim/lm/train/training.hpp"

#include <doctest/doctest.h>

#include "tests/support/transformer_support.hpp"

using namespace prefdyn;
using namespace prefdyn::finetune;

namespace {

using Ids = std::vector<std::int32_t>;

struct Fixture {
    test::SmallModel m;
    test::TemporaryDirectory dir;
    std::unique_ptr<transformer::Checkpoint> checkpoint;
    std::vector<Ids> chosen, rejected;
    std::vector<std::int8_t> label;
    std::vector<PairTokens> pairs;

    explicit Fixture(bool one_token = true, bool tied = false) {
        m.tied = tied;
        test::write_checkpoint(dir / "m", m, test::random_weights(m, 21));
        checkpoint = std::make_unique<transformer::Checkpoint>(dir / "m");
        Stream stream(test::seed(), Purpose::kSuite, 8300);
        const auto token = [&] { return static_cast<std::int32_t>(stream() % 37); };
        for (Index i = 0; i < 24; ++i) {
            Ids ids;
            for (Index k = 0; k < 2 + Index(stream() % 6); ++k) ids.push_back(token());
            label.push_back(i % 3 == 0 ? -1 : 1);
            prompt.push_back(Index(ids.size()));
            chosen.push_back(ids);
            rejected.push_back(ids);
            chosen.back().push_back(label.back() > 0 ? 3 : 4);
            rejected.back().push_back(label.back() > 0 ? 4 : 3);
            for (Index k = 0; !one_token && k < Index(stream() % 4); ++k)
                rejected.back().push_back(token());
        }
        for (std::size_t i = 0; i < chosen.size(); ++i)
            pairs.push_back({chosen[i], rejected[i], prompt[i]});
    }
    std::vector<Index> prompt;

    TrainingSpec spec(TrainedPart part, UpdateKind kind, double eta, Index batch) const {
        TrainingSpec out;
        out.trained.part = part;
        out.trained.rank = 2;
        out.loss.beta = 0.5;
        out.update.kind = kind;
        out.learning_rate = eta;
        out.batch = batch;
        out.steps = 12;
        out.max_grad_norm = 0.0;
        out.plan.tokens = 40;
        out.seed = 5;
        return out;
    }
};

/// A layout and its weights, the reference, and a training on them.
struct Set {
    Layout layout;
    std::unique_ptr<Training> training;
    transformer::RowsF embeddings;

    Set(const Fixture& f, const TrainingSpec& spec)
        : layout(f.checkpoint->config(), spec.trained.part == TrainedPart::kHead) {
        const auto weights = read_parameters<float>(*f.checkpoint, layout);
        auto engine =
            make_engine(f.checkpoint->config(), weights, spec.engine(), longest_read(f.pairs));
        const Evaluation start = evaluate(engine->pass(), f.pairs, 1000);
        embeddings = start.embeddings;
        training =
            std::make_unique<Training>(std::move(engine), layout, spec, f.pairs, logps_of(start));
    }
};

double loss(const UpdateRecord& r) { return r.batch.loss / r.batch.pairs; }

}  // namespace

TEST_CASE("the head alone, answers of one token: the exact reduction") {
    for (const bool tied : {false, true}) {
        const Fixture f(true, tied);
        const double eta = 0.4, beta = 0.5;
        Set set(f, f.spec(TrainedPart::kHead, UpdateKind::kSgd, eta, 24));
        // Only W_3 - W_4 moves: w += 2 eta beta mean sigma(-m) s g, m = beta s w . g.
        Vector w = Vector::Zero(f.m.hidden);
        const RowMatrix g = set.embeddings.cast<double>();
        for (Index step = 0; step < 12; ++step) {
            double want = 0.0;
            Vector direction = Vector::Zero(f.m.hidden);
            for (std::size_t i = 0; i < f.pairs.size(); ++i) {
                const double s = f.label[i], m = beta * s * w.dot(g.row(Index(i)));
                want += std::log1p(std::exp(-m)) / double(f.pairs.size());
                direction += 2.0 * beta / (1.0 + std::exp(m)) * s * g.row(Index(i)).transpose() /
                             double(f.pairs.size());
            }
            const UpdateRecord record = set.training->step();
            CHECK(loss(record) == doctest::Approx(want).epsilon(1e-6));
            CHECK(record.grad_norm ==
                  doctest::Approx(direction.norm() / std::sqrt(2.0)).epsilon(1e-5));
            w += eta * direction;
        }
        const auto before = read_parameters<float>(*f.checkpoint, set.layout);
        const Index d = f.m.hidden;
        const Vector moved = (set.training->engine().theta() -
                              Trainable<float>(set.layout, {TrainedPart::kHead}, 0).initial(before))
                                 .cast<double>();
        CHECK(test::relative_error(moved.segment(3 * d, d) - moved.segment(4 * d, d), w) <= 1e-5);
    }
}

TEST_CASE("every part and optimiser lowers the loss, with the same bits for any threads") {
    const Fixture f(false);
    for (const TrainedPart part : {TrainedPart::kFull, TrainedPart::kLora, TrainedPart::kHead})
        for (const UpdateKind kind : {UpdateKind::kSgd, UpdateKind::kRmsprop, UpdateKind::kAdamw}) {
            const double eta = kind == UpdateKind::kSgd ? 0.05 : 0.01;
            std::vector<UpdateRecord> records[2];
            Column<float> theta[2];
            for (int t = 0; t < 2; ++t) {
                const test::Threads scope(t + 1);
                TrainingSpec spec = f.spec(part, kind, eta, 24);
                spec.plan.keep = t == 0 ? Keep::kAll : Keep::kInputs;
                Set set(f, spec);
                for (Index k = 0; k < 12; ++k) records[t].push_back(set.training->step());
                theta[t] = set.training->engine().theta();
            }
            CHECK(loss(records[0].front()) == doctest::Approx(std::log(2.0)).epsilon(1e-6));
            CHECK(loss(records[0].back()) < 0.95 * std::log(2.0));
            CHECK(theta[0] == theta[1]);
        }
}

TEST_CASE("a restart from a saved state changes no bit") {
    const Fixture f(false);
    for (const TrainedPart part : {TrainedPart::kFull, TrainedPart::kLora})
        for (const UpdateKind kind : {UpdateKind::kSgd, UpdateKind::kRmsprop, UpdateKind::kAdamw}) {
            TrainingSpec spec = f.spec(part, kind, 0.003, 7);
            spec.schedule = {ScheduleKind::kCosine, 2};
            spec.max_grad_norm = 0.1;
            Set whole(f, spec), first(f, spec), second(f, spec);
            std::vector<UpdateRecord> want, got;
            for (Index k = 0; k < 12; ++k) want.push_back(whole.training->step());
            for (Index k = 0; k < 5; ++k) got.push_back(first.training->step());
            second.training->restore(first.training->state());
            CHECK(second.training->done() == 5);
            for (Index k = 5; k < 12; ++k) got.push_back(second.training->step());
            CHECK(whole.training->engine().theta() == second.training->engine().theta());
            for (std::size_t k = 0; k < 12; ++k) {
                CHECK(want[k].batch.loss == got[k].batch.loss);
                CHECK(want[k].grad_norm == got[k].grad_norm);
                CHECK(want[k].num_tokens == got[k].num_tokens);
                CHECK(want[k].epoch == got[k].epoch);
                CHECK(want[k].learning_rate == got[k].learning_rate);
            }
            CHECK(want.back().epoch == doctest::Approx(3.0));  // 4 updates an epoch
        }
}

TEST_CASE("a state of another size is refused") {
    const Fixture f;
    Set full(f, f.spec(TrainedPart::kFull, UpdateKind::kAdamw, 1e-3, 8));
    Set lora(f, f.spec(TrainedPart::kLora, UpdateKind::kAdamw, 1e-3, 8));
    const auto restore = [&] { full.training->restore(lora.training->state()); };
    CHECK(test::contains(test::input_error(restore), "'theta'"));
}

TEST_CASE("groups of tokens change a step by rounding alone") {
    const Fixture f(false);
    TrainingSpec spec = f.spec(TrainedPart::kFull, UpdateKind::kSgd, 0.01, 24);
    Column<float> theta[2];
    for (int t = 0; t < 2; ++t) {
        spec.plan.tokens = t == 0 ? 1 : 10000;
        Set set(f, spec);
        set.training->step();
        theta[t] = set.training->engine().theta();
    }
    CHECK(test::relative_error(theta[1].cast<double>(), theta[0].cast<double>()) <= 1e-6);
}

TEST_CASE("the change of all weights is that of the weights themselves") {
    const Fixture f(false);
    for (const TrainedPart part : {TrainedPart::kFull, TrainedPart::kLora, TrainedPart::kHead}) {
        const TrainingSpec spec = f.spec(part, UpdateKind::kAdamw, 0.01, 24);
        Set set(f, spec);
        for (Index k = 0; k < 5; ++k) set.training->step();
        const auto start = read_parameters<float>(*f.checkpoint, set.layout);
        const Trainable<float> trainable(set.layout, spec.trained, spec.seed);
        const Column<float> theta = set.training->engine().theta();
        auto now = start;
        trainable.apply(theta, start, now);
        const double want = (now.values() - start.values()).cast<double>().norm();
        CHECK(want > 0.0);
        CHECK(trainable.change(theta, start) == doctest::Approx(want).epsilon(1e-5));
        CHECK(trainable.change(trainable.initial(start), start) == 0.0);
    }
}

TEST_CASE("what is not finite stops the run and says where") {
    const Fixture f;
    Set set(f, f.spec(TrainedPart::kFull, UpdateKind::kSgd, 1e30, 24));
    std::string what;
    try {
        for (Index k = 0; k < 12; ++k) set.training->step();
    } catch (const NonFinite& error) {
        what = error.what();
    }
    CHECK(test::contains(what, "update 2"));
    CHECK(test::contains(what, "not finite"));
}
