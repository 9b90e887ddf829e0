// Optimisers, schedules and clipping against torch 2.15 and transformers 5.24, whose values these
// are; adapters against what they are defined by.
#include "sim/lm/train/update_rule.hpp"

#include <doctest/doctest.h>

#include "sim/lm/train/schedule.hpp"
#include "sim/lm/train/trainable.hpp"
#include "tests/support/transformer_support.hpp"

using namespace prefdyn;
using namespace prefdyn::finetune;

namespace {

Column<float> column(std::initializer_list<float> values) {
    Column<float> out(Index(values.size()));
    std::copy(values.begin(), values.end(), out.data());
    return out;
}

Column<float> after_three(UpdateRule rule) {
    Column<float> theta = column({1.0f, -1.0f, 0.25f, 2.0f});
    for (const auto& g : {column({0.5f, -2.0f, 1e-3f, 0.0f}), column({-0.25f, 1.0f, 2e-3f, 0.0f}),
                          column({3.0f, 0.5f, -1e-3f, 1e-12f})})
        rule.update(theta, g, 1.0f, 0.1);
    return theta;
}

void check_near(const Column<float>& got, const std::vector<double>& want) {
    for (std::size_t k = 0; k < want.size(); ++k)
        CHECK(std::fabs(double(got(Index(k))) - want[k]) <= 5e-7);
}

}  // namespace

TEST_CASE("three steps of every optimiser as torch.optim makes them") {
    check_near(after_three(UpdateRule({UpdateKind::kSgd, 0.0}, 4)),
               {0.6749999999999999, -0.9500000000000001, 0.2497999999905005, 1.9999999999999});
    check_near(after_three(UpdateRule({UpdateKind::kRmsprop, 0.0}, 4)),
               {-0.5343606146193141, -0.6691174707928357, -1.2348982115239164, 1.999990000100039});
    check_near(after_three(UpdateRule({UpdateKind::kAdamw, 0.0}, 4)),
               {0.8067958876646854, -0.8672274104696712, 0.011474774435886459, 1.999996310176253});
    check_near(after_three(UpdateRule({UpdateKind::kAdamw, 0.5}, 4)),
               {0.675252572634293, -0.7356840956107996, -0.00960569345098674, 1.7147463101762528});
}

TEST_CASE("learning rates as get_scheduler gives them: 3 updates of warm-up, 10 in all") {
    const double warm[] = {0.0, 1.0 / 3.0, 2.0 / 3.0, 1.0};
    const std::vector<std::vector<double>> after = {
        {},
        {1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0},
        {1.0, 0.8571428571428571, 0.7142857142857143, 0.5714285714285714, 0.42857142857142855,
         0.2857142857142857, 0.14285714285714285},
        {1.0, 0.9504844339512095, 0.8117449009293668, 0.6112604669781572, 0.38873953302184283,
         0.18825509907063326, 0.04951556604879048}};
    for (std::size_t kind = 1; kind < after.size(); ++kind) {
        const ScheduleSpec spec{static_cast<ScheduleKind>(kind), 3};
        for (Index k = 0; k < 10; ++k) {
            const double want = k < 3 ? warm[k] : after[kind][std::size_t(k - 3)];
            CHECK(multiplier(spec, k, 10) == doctest::Approx(want).epsilon(1e-14));
        }
    }
    for (Index k = 0; k < 10; ++k) CHECK(multiplier({ScheduleKind::kConstant, 3}, k, 10) == 1.0);
}

TEST_CASE("clipping as clip_grad_norm_, and the same bits for any number of threads") {
    const Column<float> g = column({3.0f, 4.0f, 12.0f});
    CHECK(norm_of(g) == 13.0);
    check_near(clip_factor(13.0, 1.0) * g,
               {0.23076921701431274, 0.307692289352417, 0.923076868057251});
    CHECK(clip_factor(13.0, 0.0) == 1.0f);
    CHECK(clip_factor(13.0, 14.0) == 1.0f);
    const Column<float> large = test::gaussian(1, 100001, 3).row(0).transpose().cast<float>();
    double norm[2];
    for (int t = 0; t < 2; ++t) {
        const test::Threads scope(t + 1);
        norm[t] = norm_of(large);
    }
    CHECK(norm[0] == norm[1]);
    CHECK(norm[0] == doctest::Approx(large.cast<double>().norm()).epsilon(1e-12));
}

TEST_CASE("an update of a clipped gradient is one of the gradient times the factor") {
    const Column<float> g = column({0.5f, -2.0f, 0.125f, 1.0f}), half = 0.5f * g;
    for (const UpdateKind kind : {UpdateKind::kSgd, UpdateKind::kRmsprop, UpdateKind::kAdamw}) {
        Column<float> a = column({1.0f, -1.0f, 0.25f, 2.0f}), b = a;
        UpdateRule({kind, 0.1}, 4).update(a, g, 0.5f, 0.1);
        UpdateRule({kind, 0.1}, 4).update(b, half, 1.0f, 0.1);
        CHECK(a == b);
        CHECK(a != column({1.0f, -1.0f, 0.25f, 2.0f}));
    }
}

namespace {

struct Fixture {
    test::SmallModel m;
    test::TemporaryDirectory dir;
    std::unique_ptr<transformer::Checkpoint> checkpoint;
    explicit Fixture(bool tied = false) {
        m.tied = tied;
        test::write_checkpoint(dir / "m", m, test::random_weights(m, 12));
        checkpoint = std::make_unique<transformer::Checkpoint>(dir / "m");
    }
};

TrainableSpec adapters() {
    TrainableSpec spec;
    spec.part = TrainedPart::kLora;
    spec.rank = 3;
    spec.alpha = 6.0;
    spec.targets = parse_targets("down,q,v");
    return spec;
}

}  // namespace

TEST_CASE("adapters start at the base and add alpha / r B A") {
    const Fixture f;
    const Layout layout(f.checkpoint->config());
    const auto base = read_parameters<double>(*f.checkpoint, layout);
    const Trainable<double> trainable(layout, adapters(), 7);
    CHECK(trainable.pieces().size() == 2 * 3 * std::size_t(f.m.layers));
    Column<double> theta = trainable.initial(base);
    Parameters<double> weights = base;
    trainable.apply(theta, base, weights);
    CHECK(test::same_bits(weights.values(), base.values()));
    CHECK(Trainable<double>(layout, adapters(), 7).initial(base) == theta);
    CHECK(Trainable<double>(layout, adapters(), 8).initial(base) != theta);
    for (const Piece& p : trainable.pieces())
        if (p.kind == Piece::Kind::kA) {
            const auto a = theta.segment(p.offset, p.rows * p.cols).array().abs();
            CHECK(a.maxCoeff() <= 1.0 / std::sqrt(double(p.cols)));
            CHECK(a.mean() == doctest::Approx(0.5 / std::sqrt(double(p.cols))).epsilon(0.3));
        }
    theta = test::gaussian(1, theta.size(), 5).row(0).transpose();
    trainable.apply(theta, base, weights);
    for (std::size_t k = 0; k < trainable.pieces().size(); k += 2) {
        const Piece &a = trainable.pieces()[k], &b = trainable.pieces()[k + 1];
        const auto w = weights.matrix(a.block);
        const auto before = base.matrix(a.block);
        double worst = 0.0;
        for (Index i = 0; i < w.rows(); ++i)
            for (Index j = 0; j < w.cols(); ++j) {
                double want = before(i, j);
                for (Index r = 0; r < 3; ++r)
                    want += 2.0 * theta(b.offset + i * 3 + r) * theta(a.offset + r * a.cols + j);
                worst = std::max(worst, std::fabs(w(i, j) - want));
            }
        CHECK(worst <= 1e-13);
    }
    for (int b = 0; b < layout.count(); ++b)
        if (!trainable.blocks()[std::size_t(b)]) CHECK(weights.matrix(b) == base.matrix(b));
}

TEST_CASE("gradients in theta are those of a function of the weights") {
    for (const TrainedPart part : {TrainedPart::kFull, TrainedPart::kLora, TrainedPart::kHead}) {
        const Fixture f(true);
        const Layout layout(f.checkpoint->config(), part == TrainedPart::kHead);
        const auto base = read_parameters<double>(*f.checkpoint, layout);
        TrainableSpec spec = adapters();
        spec.part = part;
        const Trainable<double> trainable(layout, spec, 7);
        const Column<double> target = test::gaussian(1, base.values().size(), 6).row(0).transpose();
        Column<double> theta = trainable.initial(base);
        if (part == TrainedPart::kLora)
            theta = test::gaussian(1, theta.size(), 5).row(0).transpose();
        // f = 1/2 || w - target ||^2
        const auto value = [&](const Column<double>& at, Parameters<double>& weights) {
            trainable.apply(at, base, weights);
            return 0.5 * (weights.values() - target).squaredNorm();
        };
        Parameters<double> weights = base, gradient(layout, trainable.blocks());
        value(theta, weights);
        for (int b = 0; b < layout.count(); ++b)
            if (gradient.has(b)) {
                const Index at = weights.offset(b), n = layout.block(b).size();
                gradient.values().segment(gradient.offset(b), n) =
                    weights.values().segment(at, n) - target.segment(at, n);
            }
        const Column<double> got = trainable.gradient(theta, gradient);
        for (std::uint64_t k = 0; k < 4; ++k) {
            const Column<double> u = test::gaussian(1, theta.size(), 40 + k).row(0).transpose();
            constexpr double h = 1e-5;
            const double want =
                (value(theta + h * u, weights) - value(theta - h * u, weights)) / (2.0 * h);
            CHECK(std::fabs(got.dot(u) - want) <= 1e-7 * got.norm() * u.norm());
        }
    }
}

TEST_CASE("projections that are none, ranks that are too large") {
    CHECK(parse_targets("v,q,q") == std::vector<Part>{Part::kQuery, Part::kValue});
    CHECK(test::contains(test::input_error([] { parse_targets("q,w"); }), "'w' is no projection"));
    CHECK(test::contains(test::input_error([] { parse_targets(""); }), "no projection"));
    const Fixture f;
    const Layout layout(f.checkpoint->config());
    TrainableSpec spec = adapters();
    spec.rank = 17;  // v_proj is (16, 32)
    const auto make = [&] { Trainable<float>(layout, spec, 1); };
    CHECK(test::contains(test::input_error(make), "v_proj.weight of shape (16, 32)"));
}

TEST_CASE("weight decay spares norms and biases unless it is told otherwise") {
    test::SmallModel m;
    m.architecture = "Qwen2ForCausalLM";
    m.qkv_bias = true;
    const test::TemporaryDirectory dir;
    test::write_checkpoint(dir / "m", m, test::random_weights(m, 5));
    const Checkpoint checkpoint(dir / "m");
    const Layout layout(checkpoint.config());
    const auto weights = read_parameters<float>(checkpoint, layout);
    for (const bool decay_vectors : {false, true}) {
        const UpdateSpec spec{UpdateKind::kAdamw, 0.5, decay_vectors};
        const Trainable<float> all(layout, {}, 0);
        Column<float> theta = weights.values();
        const Column<float> nothing = Column<float>::Zero(theta.size());
        UpdateRule(spec, theta.size(), all.stretches(layout, spec)).update(theta, nothing, 1, 0.1);
        for (int b = 0; b < layout.count(); ++b) {
            CAPTURE(layout.block(b).name);
            const float left = layout.block(b).vector && !decay_vectors ? 1.0f : 0.95f;
            for (Index k = 0; k < layout.block(b).size(); ++k) {
                const Index at = weights.offset(b) + k;
                CHECK(theta(at) == doctest::Approx(left * weights.values()(at)).epsilon(1e-6));
            }
        }
    }
}

TEST_CASE("stretches cover theta without gaps, adapters in one") {
    test::SmallModel m;
    const test::TemporaryDirectory dir;
    test::write_checkpoint(dir / "m", m, test::random_weights(m, 6));
    const Layout layout(Checkpoint(dir / "m").config());
    for (const TrainedPart part : {TrainedPart::kFull, TrainedPart::kLora}) {
        const Trainable<float> trainable(layout, {part, 2, 4.0, {Part::kQuery, Part::kUp}}, 0);
        Index next = 0;
        const auto stretches = trainable.stretches(layout, {UpdateKind::kAdamw, 0.1});
        for (const Stretch& s : stretches) {
            CHECK(s.begin == next);
            next += s.count;
        }
        CHECK(next == trainable.size());
        CHECK((stretches.size() == 1) == (part == TrainedPart::kLora));
    }
}
