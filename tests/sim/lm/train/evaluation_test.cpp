// Data sets in groups of any size, and the initial slope of the loss split by where it comes from.
#include <doctest/doctest.h>

#include <numeric>

#include "sim/lm/train/gradient_split.hpp"
#include "tests/support/transformer_support.hpp"

using namespace prefdyn;
using namespace prefdyn::finetune;

namespace {

using Ids = std::vector<std::int32_t>;

/// Prompts of 2 to 9 tokens, answers of one token (3 or 4) or of up to four.
struct Data {
    std::vector<Ids> chosen, rejected;
    std::vector<Index> prompt;
    std::vector<std::int8_t> label;
    std::vector<PairTokens> pairs;

    Data(Index count, bool one_token, Index vocabulary) {
        Stream stream(test::seed(), Purpose::kSuite, 8100);
        const auto token = [&] {
            return static_cast<std::int32_t>(stream() % static_cast<std::uint64_t>(vocabulary));
        };
        for (Index i = 0; i < count; ++i) {
            Ids ids;
            for (Index k = 0; k < 2 + Index(stream() % 8); ++k) ids.push_back(token());
            prompt.push_back(Index(ids.size()));
            chosen.push_back(ids);
            rejected.push_back(ids);
            label.push_back(i % 3 == 0 ? -1 : 1);
            chosen.back().push_back(label.back() > 0 ? 3 : 4);
            rejected.back().push_back(label.back() > 0 ? 4 : 3);
            for (Index k = 0; !one_token && k < Index(stream() % 4); ++k)
                chosen.back().push_back(token());
        }
        for (std::size_t i = 0; i < chosen.size(); ++i)
            pairs.push_back({chosen[i], rejected[i], prompt[i]});
    }
};

struct Fixture {
    test::SmallModel m;
    test::TemporaryDirectory dir;
    std::unique_ptr<transformer::Checkpoint> checkpoint;

    explicit Fixture(bool tied = false) {
        m.tied = tied;
        test::write_checkpoint(dir / "m", m, test::random_weights(m, 9));
        checkpoint = std::make_unique<transformer::Checkpoint>(dir / "m");
    }
    const ModelConfig& config() const { return checkpoint->config(); }
};

std::vector<std::size_t> all_of(const Data& data) {
    std::vector<std::size_t> out(data.pairs.size());
    std::iota(out.begin(), out.end(), std::size_t{0});
    return out;
}

Parameters<double> mean_gradient(const Fixture& f, const Layout& layout, const Data& data,
                                 const std::vector<std::size_t>& which, Index tokens, Keep keep) {
    const auto weights = read_parameters<double>(*f.checkpoint, layout);
    ModelPass<double> pass(f.config(), weights, layout.every_block(), longest_read(data.pairs));
    const std::vector<ReferenceLogps> reference(data.pairs.size(), {-3.0, -4.0});
    add_mean_gradient(pass, data.pairs, which, reference, Objective(typical_loss("sigmoid", 0.2)),
                      {tokens, keep});
    return pass.gradient();
}

}  // namespace

TEST_CASE("groups hold what fits, at least one pair") {
    const Data data(40, false, 37);
    const auto all = all_of(data);
    for (const Index tokens : {1, 20, 1000}) {
        std::vector<std::size_t> together;
        for (const auto& group : cut_pairs(data.pairs, all, tokens)) {
            Index read = 0;
            for (const std::size_t i : group) read += tokens_read(data.pairs[i]);
            CHECK((group.size() == 1 || read <= tokens));
            together.insert(together.end(), group.begin(), group.end());
        }
        CHECK(together == all);
    }
    CHECK(cut_pairs(data.pairs, all, 1000).size() == 1);
}

TEST_CASE("neither scores nor gradients depend on the groups") {
    const Fixture f;
    const Layout layout(f.config());
    const Data data(20, false, f.m.vocabulary);
    const auto weights = read_parameters<double>(*f.checkpoint, layout);
    ModelPass<double> pass(f.config(), weights, layout.every_block(), longest_read(data.pairs));
    const Evaluation one = evaluate(pass, data.pairs, 1000);
    std::size_t told = 0;
    const Evaluation many = evaluate(pass, data.pairs, 1, [&](std::size_t done) { told = done; });
    CHECK(told == data.pairs.size());
    for (std::size_t i = 0; i < data.pairs.size(); ++i)
        for (std::size_t side = 0; side < 2; ++side) {
            CHECK(std::fabs(one.scores[i][side].logp - many.scores[i][side].logp) <= 1e-12);
            CHECK(one.scores[i][side].correct == many.scores[i][side].correct);
        }
    CHECK(test::relative_error(one.embeddings, many.embeddings) <= 1e-6);
    const auto all = all_of(data);
    const auto whole = mean_gradient(f, layout, data, all, 1000, Keep::kAll);
    const auto cut = mean_gradient(f, layout, data, all, 15, Keep::kInputs);
    CHECK(whole.values().norm() > 0.0);
    CHECK(test::relative_error(cut.values(), whole.values()) <= 1e-13);
}

TEST_CASE("the mean over pairs is the mean of the means of its halves") {
    const Fixture f;
    const Layout layout(f.config());
    const Data data(8, false, f.m.vocabulary);
    const auto whole = mean_gradient(f, layout, data, {0, 1, 2, 3, 4, 5, 6, 7}, 99, Keep::kAll);
    const auto first = mean_gradient(f, layout, data, {0, 2, 4, 6}, 99, Keep::kAll);
    const auto second = mean_gradient(f, layout, data, {1, 3, 5, 7}, 99, Keep::kAll);
    CHECK(test::relative_error(0.5 * (first.values() + second.values()), whole.values()) <= 1e-13);
}

TEST_CASE("the initial slope: parts add up, and the head's is T1's on the embeddings") {
    for (const bool tied : {false, true}) {
        CAPTURE(tied);
        const Fixture f(tied);
        const Layout layout(f.config());
        const Data data(30, true, f.m.vocabulary);
        const auto weights = read_parameters<double>(*f.checkpoint, layout);
        const Index longest = longest_read(data.pairs);
        ModelPass<double> pass(f.config(), weights, layout.every_block(), longest);
        const Evaluation start = evaluate(pass, data.pairs, 100);
        const auto reference = logps_of(start);
        const double beta = 0.3;
        const Objective objective(typical_loss("sigmoid", beta));
        const Layout loose(f.config(), true);
        const auto loose_weights = cut_loose(weights, loose);
        ModelPass<double> cut(f.config(), loose_weights, loose.every_block(), longest);
        const GradientSplit split =
            gradient_split(cut, loose, layout.tied(), data.pairs, reference, objective, {});
        add_mean_gradient(pass, data.pairs, all_of(data), reference, objective, {});
        CHECK(split.total() ==
              doctest::Approx(pass.gradient().values().squaredNorm()).epsilon(1e-12));
        CHECK((split.tied != 0.0) == tied);
        Vector zbar = Vector::Zero(f.m.hidden);
        for (std::size_t i = 0; i < data.pairs.size(); ++i)
            zbar += data.label[i] / double(data.pairs.size()) *
                    start.embeddings.row(Index(i)).cast<double>().transpose();
        // ||grad_W L||^2 = 2 beta^2 phi'(0)^2 ||zbar||^2, phi'(0) = -1/2.
        CHECK(split.head == doctest::Approx(0.5 * beta * beta * zbar.squaredNorm()).epsilon(1e-5));
    }
}
