// The objective on whole responses against a twin: log-probabilities of the plain-loop forward
// pass, losses by name, gradients by central differences in the logits.
#include "sim/lm/train/objective.hpp"

#include <doctest/doctest.h>

#include "tests/support/transformer_twin.hpp"

using namespace prefdyn;
using namespace prefdyn::finetune;

namespace {

using Ids = std::vector<std::int32_t>;

/// Answers of one token, of several that part at once, of several with a common beginning, of
/// different lengths; two pairs share a prompt.
struct Data {
    std::vector<Ids> chosen = {{5, 1, 7, 3}, {5, 1, 7, 2, 9, 4}, {8, 8, 6, 6, 1}, {2, 11}};
    std::vector<Ids> rejected = {{5, 1, 7, 4}, {5, 1, 7, 9, 2}, {8, 8, 6, 6, 2, 3, 3}, {2, 10, 10}};
    std::vector<Index> prompt = {3, 3, 2, 1};

    PairTokens pair(std::size_t i) const { return {chosen[i], rejected[i], prompt[i]}; }
    PairBatch batch(const std::vector<std::size_t>& order) const {
        PairBatch out;
        for (const std::size_t i : order) out.add(pair(i));
        return out;
    }
};

double twin_logp(const test::Twin& twin, const Ids& ids, Index prompt) {
    double sum = 0.0;
    for (Index k = prompt; k < Index(ids.size()); ++k) {
        const test::Row z = twin.linear("lm_head", twin.embed({ids.begin(), ids.begin() + k}, 1));
        double total = 0.0;
        for (const double value : z) total += std::exp(value);
        sum += z[std::size_t(ids[std::size_t(k)])] - std::log(total);
    }
    return sum;
}

std::vector<std::size_t> in_order() { return {0, 1, 2, 3}; }

Rows<double> random_logits(const PairBatch& batch, Index V) {
    return test::gaussian(Index(batch.rows.size()), V, 31);
}

ReferenceLogps reference(std::size_t i) { return {-2.0 - 0.3 * double(i), -2.5 + 0.2 * double(i)}; }

std::vector<ReferenceLogps> references(std::size_t count) {
    std::vector<ReferenceLogps> out;
    for (std::size_t i = 0; i < count; ++i) out.push_back(reference(i));
    return out;
}

double mean_loss(const Objective& objective, const Rows<double>& logits, const PairBatch& batch) {
    const auto scores = score_pairs(score_logits(logits, batch), batch);
    double sum = 0.0;
    for (const Objective::Value& value : objective.at(scores, references(scores.size())))
        sum += value.loss;
    return sum / double(scores.size());
}

}  // namespace

TEST_CASE("log-probabilities of responses equal those of the twin") {
    test::SmallModel m;
    const test::TemporaryDirectory dir;
    const test::Weights w = test::random_weights(m, 5);
    test::write_checkpoint(dir / "m", m, w);
    const transformer::Checkpoint checkpoint(dir / "m");
    const Layout layout(checkpoint.config());
    const auto weights = read_parameters<double>(checkpoint, layout);
    const test::Twin twin{m, w, [](Index c) { return std::pow(10000.0, -2.0 * double(c) / 8.0); },
                          [](Index) { return Index{0}; }};
    const Data data;
    const PairBatch batch = data.batch(in_order());
    SequenceModel<double> model(checkpoint.config(), 16);
    const Rows<double> logits = model.forward(weights, batch.tokens, batch.rows, Keep::kNothing);
    const auto scores = score_pairs(score_logits(logits, batch), batch);
    for (std::size_t i = 0; i < scores.size(); ++i) {
        const double chosen = twin_logp(twin, data.chosen[i], data.prompt[i]);
        const double rejected = twin_logp(twin, data.rejected[i], data.prompt[i]);
        CHECK(scores[i][0].logp == doctest::Approx(chosen).epsilon(1e-6));
        CHECK(scores[i][1].logp == doctest::Approx(rejected).epsilon(1e-6));
    }
}

TEST_CASE("what is read alike is read once") {
    const Data data;
    const PairBatch batch = data.batch(in_order());
    // {5,1,7} twice, {5,1,7,2,9}, {5,1,7,9}, {8,8,6,6}, {8,8,6,6,2,3}, {2}, {2,10}
    CHECK(batch.tokens.sequences.size() == 7);
    CHECK(batch.tokens.tokens() == 3 + 5 + 4 + 4 + 6 + 1 + 2);
    CHECK(batch.pairs[0][0].rows == batch.pairs[0][1].rows);
    CHECK(tokens_read(data.pair(0)) == 3);
    CHECK(rows_read(data.pair(0)) == 1);
    CHECK(tokens_read(data.pair(1)) == 9);
    CHECK(rows_read(data.pair(1)) == 5);
}

TEST_CASE("entropy, mean logit and the likeliest token of a row, by hand") {
    Rows<double> logits(2, 4);
    logits << 1.0, 1.0, 1.0, 1.0, 0.0, std::log(3.0), 2000.0, -1.0;
    const RowScores rows = score_rows(logits);
    CHECK(rows.logsumexp[0] == doctest::Approx(1.0 + std::log(4.0)).epsilon(1e-15));
    CHECK(rows.entropy[0] == doctest::Approx(std::log(4.0)).epsilon(1e-15));
    CHECK(rows.top[0] == 0);
    CHECK(rows.logsumexp[1] == 2000.0);
    CHECK(rows.entropy[1] == 0.0);
    CHECK(rows.top[1] == 2);
    CHECK(rows.mean[0] == 1.0);
}

TEST_CASE("the gradient in the logits is that of the loss, for every loss and some sums") {
    const Data data;
    PairBatch batch = data.batch(in_order());
    const Rows<double> logits = random_logits(batch, 12);
    std::vector<LossSpec> specs;
    std::vector<Divergence> divergences;
    for (const std::string& name : loss_names()) specs.push_back(typical_loss(name, 0.3));
    for (const char* more :
         {"sft", "aot_unpaired", "sigmoid + 0.1 sft", "0.5 ipo+2 apo_zero + aot"}) {
        specs.push_back(typical_loss("sigmoid", 0.3));
        specs.back().name = more;
    }
    divergences.resize(specs.size());
    for (const char* name : {"sigmoid", "hinge", "ipo", "cdpo", "robust", "exo_pair", "discopop",
                             "sigmoid_norm", "sigmoid + 0.1 sft"})
        for (int kind = 1; kind < 4; ++kind) {
            const bool sum = std::string(name).size() > 15;
            specs.push_back(typical_loss(sum ? "sigmoid" : name, 0.3));
            specs.back().name = name;
            divergences.push_back({static_cast<DivergenceKind>(kind), 0.7});
        }
    for (std::size_t s = 0; s < 2 * specs.size(); ++s) {
        const LossSpec& spec = specs[s / 2];
        batch.tail = s % 2 == 0 ? 1.0 : 0.3;
        CAPTURE(spec.name);
        CAPTURE(batch.tail);
        const Objective objective(spec, divergences[s / 2]);
        const LogitScores rows = score_logits(logits, batch);
        const auto scores = score_pairs(rows, batch);
        const std::vector<Objective::Value> values =
            objective.at(scores, references(scores.size()));
        Rows<double> gradient = Rows<double>::Constant(2, 2, kNan);
        fill_logit_gradient(logits, rows.rows.logsumexp, logit_gradient(batch, values, 0.25),
                            gradient);
        for (std::uint64_t k = 0; k < 5; ++k) {
            const RowMatrix u = test::gaussian(logits.rows(), logits.cols(), 70 + k);
            constexpr double h = 1e-5;
            const double want = (mean_loss(objective, logits + h * u, batch) -
                                 mean_loss(objective, logits - h * u, batch)) /
                                (2.0 * h);
            const double got = gradient.cwiseProduct(u).sum();
            CHECK(std::fabs(got - want) <= 1e-8 * gradient.norm() * u.norm());
        }
    }
}

TEST_CASE("scores of log-ratios by divergence: values by hand, slopes by differences") {
    const auto divergence = [](DivergenceKind kind, double alpha = 0.5) {
        return Divergence{kind, alpha};
    };
    const auto at = [](const Divergence& d, double x) { return d.at(x).value; };
    const double t = std::exp(0.7);
    CHECK(at(divergence(DivergenceKind::kReverseKl), 0.7) == 0.7);
    CHECK(at(divergence(DivergenceKind::kForwardKl), 0.7) ==
          doctest::Approx(1.0 - 1.0 / t).epsilon(1e-14));
    CHECK(at(divergence(DivergenceKind::kJs), 0.7) ==
          doctest::Approx(std::log(2.0 * t / (t + 1.0))).epsilon(1e-14));
    CHECK(at(divergence(DivergenceKind::kAlpha), 0.7) ==
          doctest::Approx((1.0 / std::sqrt(t) - 1.0) / -0.5).epsilon(1e-14));
    CHECK(at(divergence(DivergenceKind::kAlpha, 3.0), 0.7) ==
          doctest::Approx((t * t - 1.0) / 2.0).epsilon(1e-14));
    CHECK(at(divergence(DivergenceKind::kAlpha, 1.0 + 1e-7), 0.7) == 0.7);
    const Divergence::Score capped = divergence(DivergenceKind::kAlpha, 2.0).at(81.0);
    CHECK(capped.value == doctest::Approx(std::exp(80.0)).epsilon(1e-14));
    CHECK(capped.slope == 0.0);
    for (const double alpha : {-1.0, 0.5, 1.0, 1.7})
        for (int kind = 0; kind < 4; ++kind)
            for (const double x : {-3.0, -0.2, 0.0, 1.3}) {
                const Divergence d = divergence(static_cast<DivergenceKind>(kind), alpha);
                CAPTURE(kind);
                CAPTURE(x);
                const double want = (at(d, x + 1e-5) - at(d, x - 1e-5)) / 2e-5;
                CHECK(d.at(x).slope == doctest::Approx(want).epsilon(1e-7));
            }
}

TEST_CASE("losses of a difference read the divergence's scores, rewards the log-ratios") {
    const PairScore score = {ResponseScore{-3.0, 0, 0, 0, 4, -3.0},
                             ResponseScore{-1.0, 0, 0, 0, 2, -1.0}};
    const ReferenceLogps reference = {-5.0, -2.0};  // log-ratios 2 and 1
    const Divergence forward{DivergenceKind::kForwardKl, 0.5};
    const double chosen = 1.0 - std::exp(-2.0), rejected = 1.0 - std::exp(-1.0);
    const auto value = [&](const char* name, double beta, const Divergence& d) {
        LossSpec spec = typical_loss("sigmoid", beta);
        spec.name = name;
        return Objective(spec, d).at(score, reference);
    };
    const Objective::Value sigmoid = value("sigmoid", 0.5, forward);
    const double margin = 0.5 * (chosen - rejected);
    CHECK(sigmoid.loss == doctest::Approx(std::log1p(std::exp(-margin))).epsilon(1e-14));
    const double pull = -0.5 / (1.0 + std::exp(margin));
    CHECK(sigmoid.chosen == doctest::Approx(pull * std::exp(-2.0)).epsilon(1e-14));
    CHECK(sigmoid.rejected == doctest::Approx(-pull * std::exp(-1.0)).epsilon(1e-14));
    const double mean = chosen / 4.0 - rejected / 2.0;
    CHECK(value("ipo", 0.5, forward).loss ==
          doctest::Approx((mean - 1.0) * (mean - 1.0)).epsilon(1e-13));
    CHECK(value("sft", 0.5, forward).loss == doctest::Approx(0.75).epsilon(1e-14));
    CHECK(Objective(typical_loss("sigmoid", 0.5), forward).metrics(score, reference).reward[0] ==
          1.0);
    for (const char* name : {"nca_pair", "bco_pair", "sppo_hard", "aot", "aot_unpaired", "apo_zero",
                             "apo_down", "sigmoid + 0.1 apo_zero"}) {
        CAPTURE(name);
        CHECK_NOTHROW(value(name, 0.5, {}));
        const std::string said = test::input_error([&] { value(name, 0.5, forward); });
        CHECK(test::contains(said, "is known under reverse_kl alone"));
    }
}

TEST_CASE("ipo and sigmoid_norm look at the mean over a response, rewards at the sum") {
    const PairScore score = {ResponseScore{-3.0, 0, 0, 0, 4}, ResponseScore{-1.0, 0, 0, 0, 2}};
    const ReferenceLogps reference = {-5.0, -2.0};  // log-ratios 2 and 1, means 0.5 and 0.5
    LossSpec spec = typical_loss("ipo", 0.1);
    CHECK(Objective(spec).at(score, reference).loss == doctest::Approx(25.0).epsilon(1e-12));
    spec = typical_loss("sigmoid_norm", 0.1);
    CHECK(Objective(spec).at(score, reference).loss == doctest::Approx(std::log(2.0)));
    CHECK(Objective(spec).metrics(score, reference).reward[0] == doctest::Approx(0.2));
    spec = typical_loss("sigmoid", 0.1);
    CHECK(Objective(spec).at(score, reference).loss ==
          doctest::Approx(std::log1p(std::exp(-0.1))).epsilon(1e-12));
}

TEST_CASE("metrics are sums: ties do not win") {
    const Objective objective(typical_loss("sigmoid", 0.5));
    const PairScore score = {ResponseScore{-3.0, 1.0, 2.0, 1, 2},
                             ResponseScore{-4.0, 0.5, 1.0, 1, 1}};
    MetricSums sums = objective.metrics(score, {-3.0, -4.0});
    CHECK(sums.reward_wins == 0.0);
    CHECK(sums.reward_ties == 1.0);
    CHECK(sums.policy_wins == 1.0);
    sums.add(objective.metrics(score, {-4.0, -4.0}));
    CHECK(sums.pairs == 2.0);
    CHECK(sums.reward_wins == 1.0);
    CHECK(sums.reward[0] == 0.5);
    CHECK(sums.logp[1] == -8.0);
    CHECK(sums.entropy == 3.0);
    CHECK(sums.length[0] == 4.0);
    CHECK(sums.correct == 2.0);
}

TEST_CASE("sums of losses: each by its weight, sft over tokens, sorted losses over the batch") {
    const auto value = [](const std::string& name, std::span<const PairScore> scores,
                          std::span<const ReferenceLogps> reference) {
        LossSpec spec;
        spec.name = name;
        spec.beta = 0.5;
        double sum = 0.0;
        for (const Objective::Value& each : Objective(spec).at(scores, reference)) sum += each.loss;
        return sum / double(scores.size());
    };
    const auto score = [](double chosen, double rejected, Index length) {
        return PairScore{ResponseScore{chosen, 0, 0, 0, length, chosen},
                         ResponseScore{rejected, 0, 0, 0, 3, rejected}};
    };
    const std::vector<PairScore> scores = {score(-3.0, -1.0, 4), score(-2.0, -5.0, 1)};
    const std::vector<ReferenceLogps> reference = {{-2.5, -2.0}, {-2.5, -3.0}};
    const double dpo = value("sigmoid", scores, reference), sft = value("sft", scores, reference);
    CHECK(sft == doctest::Approx((3.0 + 2.0) / 5.0).epsilon(1e-14));
    CHECK(value("sigmoid + 0.1 sft", scores, reference) ==
          doctest::Approx(dpo + 0.1 * sft).epsilon(1e-14));
    const auto phi = [](double margin) { return std::log1p(std::exp(-0.5 * margin)); };
    // aot: policy -2 and 3, reference -0.5 and 0.5
    CHECK(value("aot", scores, reference) ==
          doctest::Approx((phi(-2.0 + 0.5) + phi(3.0 - 0.5)) / 2.0).epsilon(1e-14));
    // aot_unpaired: log-ratios of chosen -0.5 and 0.5, of rejected 1 and -2
    CHECK(value("aot_unpaired", scores, reference) ==
          doctest::Approx((phi(-0.5 + 2.0) + phi(0.5 - 1.0)) / 2.0).epsilon(1e-14));
    const auto refused = [](const std::string& text) {
        return test::input_error([&] { require_objective(text); });
    };
    CHECK(test::contains(refused("sigmoid + poem"), "' poem' is no loss"));
    CHECK(test::contains(refused("-1 sft"), "'-1' in front of sft is no weight"));
    CHECK(test::contains(refused("x sft"), "no weight"));
    for (const char* bad : {"", "+", "sigmoid +", "1 2 sft"})
        CHECK(test::contains(refused(bad), "is no loss"));
}
