#include "sim/clusters/unseen_answers.hpp"

#include <doctest/doctest.h>

#include <Eigen/LU>

#include "sim/clusters/unseen_training.hpp"
#include "tests/support/support.hpp"

namespace prefdyn::test {

TEST_CASE("rows of tokens that no pair names are never written to, the others follow the loss") {
    const UnseenData data = sample_unseen({.topics = 2, .prompts = 4, .dimension = 5}, 3);
    TokenHead head(8, 5, 0.3, 3);
    const auto loss = [&](const TokenHead& at) {
        const Vector m = at.margins(data.prompt, data.trained);
        double sum = 0.0;
        for (const double margin : m) sum += std::log1p(std::exp(-margin));
        return sum / 8.0;
    };
    CHECK(loss(head) == doctest::Approx(std::log(2.0)));
    // Each step lowers the loss by eta ||grad||^2; of one sample's pair the gradient is plain.
    double before = loss(head);
    for (int step = 0; step < 50; ++step) {
        head.step(data.prompt, data.trained, 1.0);
        CHECK(loss(head) < before);
        before = loss(head);
    }
    for (const double margin : head.margins(data.prompt, data.unseen)) CHECK(margin == 0.0);
    head.tie(data.trained[0].first, data.unseen[0].first);
    CHECK(head.margins(data.prompt, data.unseen)(0) != 0.0);
    // One pair, one step: beta eta / (2 N) g on the chosen row, minus that on the rejected one.
    TokenHead one(8, 5, 0.3, 3);
    const RowMatrix g = data.prompt.topRows(1);
    one.step(g, {{1, 4}}, 0.7);
    CHECK(one.margins(g, {{1, 4}})(0) ==
          doctest::Approx(0.3 * 2.0 * 0.7 * 0.3 * 0.5 * g.squaredNorm()));
    CHECK(one.margins(g, {{1, 0}})(0) == doctest::Approx(0.3 * 0.7 * 0.3 * 0.5 * g.squaredNorm()));
}

TEST_CASE("the reward model descends its loss, and its largest margin is enclosed") {
    const RowMatrix gaps{{2.0, 1.0}, {0.5, 3.0}, {4.0, 4.0}};
    RewardModel model(gaps);
    CHECK(model.loss() == doctest::Approx(std::log(2.0)));
    const Matrix gram = gaps.transpose() * gaps / 3.0;
    const double trace = gram.trace(), root = std::sqrt(trace * trace / 4.0 - gram.determinant());
    CHECK(model.kappa() == doctest::Approx(0.25 * (0.5 * trace + root)));
    const Vector start = gaps.colwise().mean().transpose() / 2.0;
    model.step(0.5);
    CHECK((model.weights() - 0.5 * start).norm() <= 1e-15);
    const MarginRange range = largest_margin(gaps, 5000);
    double best = 0.0;
    for (int k = 0; k < 100000; ++k) {
        const double angle = kPi / 2.0 * k / 100000.0;
        best =
            std::max(best, (gaps * Eigen::Vector2d(std::cos(angle), std::sin(angle))).minCoeff());
    }
    CHECK(range.low <= best + 1e-4);
    CHECK(best <= range.high);
    CHECK(range.high - range.low <= 1e-3 * best);
}

TEST_CASE("prompts and paraphrases are as asked for, and what is not possible is refused") {
    const UnseenSpec spec{.topics = 3, .prompts = 4, .dimension = 2000, .spread = 0.0};
    const UnseenData data = sample_unseen(spec, seed());
    CHECK(data.prompt.row(0) == data.prompt.row(1));
    CHECK(data.prompt.row(0) == -data.prompt.row(2));
    CHECK(data.fresh == data.prompt);
    CHECK(data.trained[2].first == data.trained[0].second);
    CHECK(data.unseen[5].first == 6);
    const double apart = (data.token.row(2) - data.token.row(0)).norm() / std::sqrt(2000.0);
    CHECK(std::fabs(apart - 0.3) <= kSigmas * 0.3 / std::sqrt(4000.0));
    try {
        sample_unseen({.topics = 0, .prompts = 3, .dimension = 0, .spread = -1.0}, 1);
        FAIL("accepted");
    } catch (const InputError& error) {
        for (const char* part :
             {"topics = 0", "prompts a topic = 3", "dimension = 0", "spread = -1"})
            CHECK(contains(error.what(), part));
    }
}

}  // namespace prefdyn::test
