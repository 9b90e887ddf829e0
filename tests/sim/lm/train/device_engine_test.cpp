// What a card computes in training, against the processor: by the same code on the host, with
// groups of one member and of threads, and on a card where there is one.
#include "sim/lm/train/device_engine.hpp"

#include <doctest/doctest.h>

#include <numeric>

#include "sim/lm/train/cuda_engine.hpp"
#include "sim/lm/train/gradient_split.hpp"
#include "sim/lm/train/training.hpp"
#include "tests/support/cuda_support.hpp"
#include "tests/support/host_machine.hpp"
#include "tests/support/transformer_support.hpp"

using namespace prefdyn;
using namespace prefdyn::finetune;
using transformer::device::Bfloat16;

namespace {

using Ids = std::vector<std::int32_t>;

/// The card, or groups of members that take turns on the host.
struct Machine {
    int members = 0;  ///< 0: the card
    test::Turns turns = test::Turns::kFirstToLast;

    std::unique_ptr<test::HostMachine> host() const {
        return std::make_unique<test::HostMachine>(members, turns);
    }
    std::unique_ptr<Pass> pass(const ModelConfig& config, const Parameters<float>& weights,
                               Index longest, Precision precision = Precision::kFloat32) const {
        const auto every = weights.layout().every_block();
        if (members == 0) return make_cuda_pass(config, weights, every, longest, precision);
        return finetune::device::make_device_pass(host(), config, weights, every, longest,
                                                  precision);
    }
    std::unique_ptr<Engine> engine(const ModelConfig& config, const Parameters<float>& weights,
                                   const EngineSpec& spec, Index longest) const {
        if (members == 0) return make_cuda_engine(config, weights, spec, longest);
        return finetune::device::make_device_engine(host(), config, weights, spec, longest);
    }
};

/// Calls test(machine) for a member alone, teams, and the card.
template <class Test>
void for_each_machine(int cases, Test test) {
    const test::Threads one_thread(1);
    for (const int members : {1, 3})
        for (const test::Turns turns : {test::Turns::kFirstToLast, test::Turns::kLastToFirst}) {
            if (members == 1 && turns == test::Turns::kLastToFirst) continue;
            CAPTURE(members);
            test(Machine{members, turns});
        }
    if (!test::card_for(cases)) return;
    test(Machine());
}

/// A small model and pairs of up to `longest` tokens, answers of one token or of several.
struct Fixture {
    test::SmallModel m;
    test::TemporaryDirectory dir;
    std::unique_ptr<transformer::Checkpoint> checkpoint;
    std::vector<Ids> chosen, rejected;
    std::vector<Index> prompt;
    std::vector<PairTokens> pairs;

    explicit Fixture(test::SmallModel model, Index longest = 90, bool one_token = false)
        : m(std::move(model)) {
        m.context = 128;
        test::write_checkpoint(dir / "m", m, test::random_weights(m, 21));
        checkpoint = std::make_unique<transformer::Checkpoint>(dir / "m");
        Stream stream(test::seed(), Purpose::kSuite, 8700);
        const auto token = [&] { return static_cast<std::int32_t>(stream() % 37); };
        for (const Index length : {Index{1}, longest - 4, Index{33}, Index{12}, Index{12}}) {
            Ids ids;
            for (Index k = 0; k < length; ++k) ids.push_back(token());
            if (chosen.size() == 4) ids.assign(chosen[3].begin(), chosen[3].begin() + 12);
            prompt.push_back(length);
            chosen.push_back(ids);
            rejected.push_back(ids);
            chosen.back().push_back(3);
            rejected.back().push_back(4);
            for (Index k = 0; !one_token && k < Index(chosen.size()) % 4; ++k)
                rejected.back().push_back(token());
        }
        for (std::size_t i = 0; i < chosen.size(); ++i)
            pairs.push_back({chosen[i], rejected[i], prompt[i]});
    }
    const ModelConfig& config() const { return checkpoint->config(); }
    TrainingSpec spec(TrainedPart part, UpdateKind kind, double eta) const {
        TrainingSpec out;
        out.trained.part = part;
        out.trained.rank = 2;
        out.trained.targets = {Part::kQuery, Part::kValue, Part::kDown};
        out.loss.beta = 0.5;
        out.update.kind = kind;
        out.update.weight_decay = 0.1;
        out.learning_rate = eta;
        out.batch = 4;
        out.steps = 12;
        out.max_grad_norm = 0.3;
        out.plan.tokens = 150;
        out.seed = 5;
        return out;
    }
};

std::vector<test::SmallModel> models() {
    std::vector<test::SmallModel> out(4);
    out[1].tied = true;
    out[1].kv_heads = 4;
    out[2].architecture = "MistralForCausalLM";
    out[2].more = ", \"sliding_window\": 7";
    out[2].head_size = 66;  // tiles of 16
    out[3].more = ", \"attention_bias\": true, \"mlp_bias\": true";
    out[3].qkv_bias = out[3].output_bias = out[3].mlp_bias = true;
    out[3].hidden = 20;
    out[3].ffn = 23;
    return out;
}

std::vector<std::size_t> in_order(std::size_t count) {
    std::vector<std::size_t> out(count);
    std::iota(out.begin(), out.end(), std::size_t{0});
    return out;
}

double error(double got, double want) { return std::fabs(got - want) / (1e-300 + std::fabs(want)); }

void check_scores(const Evaluation& got, const Evaluation& want, double tolerance) {
    for (std::size_t i = 0; i < want.scores.size(); ++i)
        for (std::size_t side = 0; side < 2; ++side) {
            const ResponseScore &a = got.scores[i][side], &b = want.scores[i][side];
            CHECK(error(a.logp, b.logp) <= tolerance);
            CHECK(std::fabs(a.entropy - b.entropy) <= tolerance * double(b.length));
            CHECK(std::fabs(a.logit - b.logit) <= tolerance * double(b.length));
            CHECK(a.length == b.length);
            if (tolerance < 1e-3) CHECK(a.correct == b.correct);
        }
    CHECK(test::relative_error(got.embeddings, want.embeddings) <= tolerance);
}

/// The gradient itself, block by block, as one step of gradient descent leaves it.
void check_gradient(const Machine& machine, const Fixture& f, Precision precision, Keep keep,
                    double tolerance) {
    const Layout layout(f.config());
    const auto weights = read_parameters<double>(*f.checkpoint, layout);
    const auto start = read_parameters<float>(*f.checkpoint, layout);
    const Index longest = longest_read(f.pairs);
    ModelPass<double> pass(f.config(), weights, layout.every_block(), longest);
    EngineSpec spec;
    spec.update.kind = UpdateKind::kSgd;
    spec.arithmetic.precision = precision;
    const auto engine = machine.engine(f.config(), start, spec, longest);
    check_scores(evaluate(engine->pass(), f.pairs, 150), evaluate(pass, f.pairs, 150), tolerance);
    const std::vector<ReferenceLogps> reference(f.pairs.size(), {-3.0, -4.0});
    const Objective objective(typical_loss("sigmoid", 0.2));
    engine->pass().clear_gradient();
    for (Pass* each : {static_cast<Pass*>(&pass), &engine->pass()})
        add_mean_gradient(*each, f.pairs, in_order(f.pairs.size()), reference, objective,
                          {150, keep});
    const auto squares = engine->pass().gradient_squares();
    const Column<float> before = engine->theta();
    constexpr double kEta = 1024.0;  // the step, not the weight, decides about rounding
    engine->update(0.0, kEta);
    const Vector moved = (before.cast<double>() - engine->theta().cast<double>()) / kEta;
    const double whole = pass.gradient().values().norm();
    CHECK(test::relative_error(moved, pass.gradient().values()) <= tolerance);
    for (int b = 0; b < layout.count(); ++b) {
        CAPTURE(layout.block(b).name);
        const auto want = pass.gradient().matrix(b);
        const Eigen::Map<const RowMatrix> got(moved.data() + start.offset(b), want.rows(),
                                              want.cols());
        // A bias of keys moves scores only by rotation: what is left of a sum that cancels.
        const double size = want.norm() + 1e-2 * whole;
        CHECK((got - want).norm() <= tolerance * size);
        CHECK(std::fabs(std::sqrt(squares[std::size_t(b)]) - want.norm()) <= tolerance * size);
    }
}

}  // namespace

TEST_CASE("bfloat16 is the nearest, of two the even one") {
    using transformer::device::from_float;
    using transformer::device::to_float;
    for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
        const Bfloat16 x{static_cast<std::uint16_t>(bits)};
        const float value = to_float(x);
        if (std::isnan(value)) {
            CHECK(std::isnan(to_float(from_float<Bfloat16>(value))));
            continue;
        }
        CHECK(from_float<Bfloat16>(value).bits == x.bits);
        const float next = to_float(Bfloat16{static_cast<std::uint16_t>(bits + 1)});
        if (!std::isfinite(value) || !std::isfinite(next)) continue;
        const float middle = static_cast<float>((double(value) + double(next)) / 2.0);
        CHECK(from_float<Bfloat16>(middle).bits == (bits % 2 ? bits + 1 : bits));
        CHECK(from_float<Bfloat16>(std::nextafter(middle, value)).bits == bits);
        CHECK(from_float<Bfloat16>(std::nextafter(middle, next)).bits == bits + 1);
    }
    CHECK(std::isinf(to_float(from_float<Bfloat16>(3.4e38f))));
}

TEST_CASE("a device's scores and gradients are the processor's in double precision") {
    for (const test::SmallModel& m : models()) {
        CAPTURE(m.config());
        const Fixture f(m);
        for_each_machine(2, [&](const Machine& machine) {
            check_gradient(machine, f, Precision::kFloat32, Keep::kAll, 1e-5);
            check_gradient(machine, f, Precision::kFloat32, Keep::kInputs, 1e-5);
        });
    }
}

TEST_CASE("in bfloat16 to two digits") {
    for (const test::SmallModel& m : models()) {
        CAPTURE(m.config());
        const Fixture f(m);
        for_each_machine(1, [&](const Machine& machine) {
            check_gradient(machine, f, Precision::kBfloat16, Keep::kAll, 2e-2);
        });
    }
}

TEST_CASE("a device's training is the processor's") {
    const Fixture f(models()[3], 40);
    for (const TrainedPart part : {TrainedPart::kFull, TrainedPart::kLora, TrainedPart::kHead})
        for (const UpdateKind kind : {UpdateKind::kSgd, UpdateKind::kRmsprop, UpdateKind::kAdamw})
            for_each_machine(1, [&](const Machine& machine) {
                const TrainingSpec spec = f.spec(part, kind, kind == UpdateKind::kSgd ? 0.1 : 1e-3);
                const Layout layout(f.config(), part == TrainedPart::kHead);
                const auto weights = read_parameters<float>(*f.checkpoint, layout);
                const Index longest = longest_read(f.pairs);
                const std::vector<ReferenceLogps> reference(f.pairs.size(), {-3.0, -4.0});
                const auto training = [&](std::unique_ptr<Engine> engine) {
                    return Training(std::move(engine), layout, spec, f.pairs, reference);
                };
                const auto device = [&] {
                    return machine.engine(f.config(), weights, spec.engine(), longest);
                };
                Training want =
                    training(make_cpu_engine(f.config(), weights, spec.engine(), longest));
                Training whole = training(device()), second = training(device());
                const Column<float> start = want.engine().theta();
                CHECK(test::same_bits(whole.engine().theta(), start));
                for (Index k = 0; k < 12; ++k) {
                    const UpdateRecord a = whole.step(), b = want.step();
                    CHECK(error(a.batch.loss, b.batch.loss) <= 1e-5);
                    CHECK(error(a.grad_norm, b.grad_norm) <= 1e-3);
                    if (k == 4) second.restore(whole.state());
                }
                const Vector moved = (want.engine().theta() - start).cast<double>();
                CHECK(moved.norm() > 0.0);
                const Vector apart =
                    (whole.engine().theta() - want.engine().theta()).cast<double>();
                CHECK(apart.norm() <= 1e-2 * moved.norm());
                for (Index k = 5; k < 12; ++k) second.step();
                CHECK(test::same_bits(second.engine().theta(), whole.engine().theta()));
            });
}

TEST_CASE("the split of the initial slope on a device") {
    const Fixture f(models()[1], 40);
    const Layout layout(f.config(), true);
    const auto weights =
        cut_loose(read_parameters<float>(*f.checkpoint, Layout(f.config())), layout);
    const std::vector<ReferenceLogps> reference(f.pairs.size(), {-3.0, -4.0});
    const Objective objective(typical_loss("sigmoid", 0.2));
    const auto split = [&](Pass& pass) {
        return gradient_split(pass, layout, true, f.pairs, reference, objective, {});
    };
    ModelPass<float> cpu(f.config(), weights, layout.every_block(), longest_read(f.pairs));
    const GradientSplit want = split(cpu);
    for_each_machine(1, [&](const Machine& machine) {
        const auto pass = machine.pass(f.config(), weights, longest_read(f.pairs));
        const GradientSplit got = split(*pass);
        CHECK(error(got.total(), want.total()) <= 1e-5);
        CHECK(error(got.tied, want.tied) <= 1e-4);
        CHECK(error(got.layers[1], want.layers[1]) <= 1e-5);
    });
}

TEST_CASE("a device names the layer that is not finite") {
    const Fixture f(models()[0], 40);
    const Layout layout(f.config());
    auto weights = read_parameters<float>(*f.checkpoint, layout);
    weights.matrix(layout.part(1, Part::kDown)).setConstant(3e38f);
    for_each_machine(1, [&](const Machine& machine) {
        const auto pass = machine.pass(f.config(), weights, longest_read(f.pairs));
        std::string what;
        try {
            evaluate(*pass, f.pairs, 1000);
        } catch (const NonFinite& error) {
            what = error.what();
        }
        CHECK(test::contains(what, "behind layer 1"));
    });
}

TEST_CASE("the memory planned is what a device is asked for") {
    constexpr double kWorkspace = 32.0 * 1048576.0;  // cuBLAS's, which the host has not got
    const Machine machine{1};
    const Fixture f(models()[0]);
    const Layout layout(f.config());
    const auto weights = read_parameters<float>(*f.checkpoint, layout);
    Index tokens = 0, rows = 0;
    for (const PairTokens& pair : f.pairs) tokens += tokens_read(pair), rows += rows_read(pair);
    const std::vector<ReferenceLogps> reference(f.pairs.size(), {-3.0, -4.0});
    for (const Precision precision : {Precision::kFloat32, Precision::kBfloat16})
        for (const Keep keep : {Keep::kAll, Keep::kInputs}) {
            test::HostMemory::most = test::HostMemory::now;
            const auto before = static_cast<double>(test::HostMemory::now);
            const auto pass = machine.pass(f.config(), weights, longest_read(f.pairs), precision);
            add_mean_gradient(*pass, f.pairs, in_order(f.pairs.size()), reference,
                              Objective(typical_loss("sigmoid", 0.2)), {tokens, keep});
            const Index all = weights.values().size();
            const double planned = static_cast<double>(device_bytes(f.config(), precision, all, all,
                                                                    tokens, rows, keep)) -
                                   kWorkspace;
            const double got = static_cast<double>(test::HostMemory::most) - before;
            CHECK(got <= 1.05 * planned);  // with the arrays of a batch and padding
            CHECK(got >= 0.85 * planned);  // sequences that are alike are read once
        }
}
