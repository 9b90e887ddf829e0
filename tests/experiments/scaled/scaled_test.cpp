// The experiments on a model's features, and the command from a model folder to a result file.
#include "experiments/scaled/scaled.hpp"

#include <doctest/doctest.h>

#include "experiments/scaled/scaled_tasks.hpp"
#include "sim/base/cancel.hpp"
#include "sim/data/distribution.hpp"
#include "sim/head/reduced_engine.hpp"
#include "sim/lm/model/transformer.hpp"
#include "tests/support/embed_support.hpp"
#include "theory/behaviours.hpp"
#include "theory/registry.hpp"

using namespace prefdyn;
using test::contains;
using test::relative_error;
using test::same_bits;

namespace {

constexpr Index kVocabulary = 20, kDimension = 6;

ScaledInput small_input(const std::vector<double>& distinguishability) {
    ScaledInput out;
    for (std::size_t k = 0; k < distinguishability.size(); ++k) {
        FeatureSpec spec;
        spec.samples = 80;
        spec.dimension = kDimension;
        spec.distinguishability = distinguishability[k];
        spec.direction = Direction::kRandom;
        const std::uint64_t seed = derive_seed(test::seed(), Purpose::kSuite, 500 + k);
        out.behaviours.push_back(FeatureDistribution(spec, seed).sample(seed));
        out.behaviours.back().name = std::string(1, static_cast<char>('a' + k));
    }
    out.policy.vocabulary = kVocabulary;
    out.policy.yes = 7;
    out.policy.no = 2;
    const RowMatrix head = gaussian_head(kVocabulary, kDimension, 2.0, test::seed());
    out.head = [head](Index first, Index count) {
        return RowMatrix(head.middleRows(first, count));
    };
    out.model_hash = "h";
    return out;
}

ScaledPlan small_plan() {
    ScaledPlan plan;
    plan.verify.beta = 0.5;
    plan.verify.seed = 11;
    plan.training.steps = 30;
    plan.training.batch = 16;
    plan.training.eta = 0.5;
    return plan;
}

/// As if someone else had trained the head: the task whose reference is a whole V x d head.
Responses dense_responses(const ScaledInput& input, const Dataset& data, const Vector& moved,
                          const Vector& theta, double beta) {
    PreferenceTask task;
    task.train = data;
    task.held_out.features.resize(0, kDimension);
    task.policy = input.policy;
    task.policy.beta = beta;
    task.policy.reference = input.head(0, kVocabulary);
    task.policy.reference.row(task.policy.yes) += moved.transpose();
    task.policy.reference.row(task.policy.no) -= moved.transpose();
    task.loss = make_loss("sigmoid");
    const ReducedEngine engine(task);
    Responses out;
    engine.evaluate(theta, Split::kTrain, out, nullptr);
    return out;
}

}  // namespace

TEST_CASE(
    "the reduction with given logits is the dense head, and a moved head is one with other "
    "rows") {
    const ScaledInput input = small_input({2.0});
    const ScaledPlan plan = small_plan();
    const LastLayer layer = last_layers(input, plan).front();
    const RunResult aligned = layer.train(plan);
    REQUIRE(aligned.trajectory.parameters.size() == kDimension);
    const Vector v = aligned.trajectory.parameters;
    const PreferenceTask moved = layer.moved_by(v).task();
    const ReducedEngine engine(moved);
    const Vector theta = test::gaussian(kDimension, 1, 61);
    Responses got;
    engine.evaluate(theta, Split::kTrain, got, nullptr);
    const Responses want = dense_responses(input, moved.train, v, theta, plan.verify.beta);
    CHECK(relative_error(got.logp_chosen, want.logp_chosen) <= 1e-13);
    CHECK(relative_error(got.logp_rejected, want.logp_rejected) <= 1e-13);
    CHECK(relative_error(got.reward_chosen, want.reward_chosen) <= 1e-12);
    CHECK(aligned.id != layer.moved_by(v).train(plan).id);
}

TEST_CASE("what is published is trained: batches, split, and every step recorded") {
    const ScaledInput input = small_input({2.0, 1.0});
    const ScaledPlan plan = small_plan();
    const auto layers = last_layers(input, plan);
    const PreferenceTask task = layers[1].task();
    CHECK(task.train.samples() == 72);
    CHECK(task.held_out.samples() == 8);
    const RunResult run = layers[1].train(plan);
    REQUIRE(run.trajectory.records.size() == 31);
    CHECK(run.facts.dynamics == theory::Dynamics::kStochastic);
    CHECK(std::isfinite(run.trajectory.records.back().held_out.loss));
    // The head change of one step is eta times the norm of that batch's gradient.
    CHECK(run.trajectory.records[1].head_change > 0.0);
    CHECK(run.trajectory.records[1].epoch == 16.0 / 72.0);
}

TEST_CASE("scaled: flipped labels move base and aligned head alike, only the policy differs") {
    const ScaledInput input = small_input({3.0, 1.5, 0.5});
    ScaledPlan plan = small_plan();
    plan.cross_check = 2;
    const ScaledFindings found = run_scaled(theory::select_claims("T1,T2,T8"), input, plan);
    CHECK(found.as_expected());
    CHECK(found.cross_check[0] <= 1e-11);
    CHECK(found.cross_check[1] <= 1e-11);
    CHECK(std::isnan(found.cross_check[2]));
    std::map<std::string, std::vector<const RunResult*>> suites;
    for (const RunResult& run : found.verification.runs) suites[run.suite].push_back(&run);
    REQUIRE(suites.size() == 5);
    for (const auto& [suite, runs] : suites) CHECK(runs.size() == 3);
    for (std::size_t k = 0; k < 3; ++k) {
        const auto& base = suites[kFlippedBase][k]->trajectory;
        const auto& aligned = suites[kFlippedAligned][k]->trajectory;
        CHECK(same_bits(base.parameters, aligned.parameters));
        for (std::size_t r = 0; r < base.records.size(); ++r)
            CHECK(base.records[r].train.loss == aligned.records[r].train.loss);
        CHECK(base.records[0].train.logps_chosen != aligned.records[0].train.logps_chosen);
        CHECK(suites[kFlippedBase][k]->id != suites[kFlippedAligned][k]->id);
    }
    // What the aligned policy prefers at the end is what flipping starts from.
    const auto& end = suites[kLastLayer][0]->trajectory.records.back().train;
    const auto& start = suites[kFlippedAligned][0]->trajectory.records.front().train;
    CHECK(std::fabs(end.logps_chosen - start.logps_rejected) <= 1e-12);
}

TEST_CASE("scaled: a dense head that is not the reduction's is noticed") {
    ScaledInput input = small_input({2.0});
    Index calls = 0;
    const HeadRows honest = input.head;
    input.head = [&](Index first, Index count) {
        RowMatrix rows = honest(first, count);
        if (calls++ > 0) rows.row(input.policy.yes) *= 1.001;
        return rows;
    };
    const ScaledFindings found = run_scaled(theory::select_claims("T1"), input, small_plan());
    CHECK(found.cross_check[0] > kCrossCheckTolerance);
    CHECK(!found.as_expected());
}

TEST_CASE("pairs: the longer difference comes first, gaps from the largest to the smallest") {
    const ScaledInput input = small_input({6.0, 0.5, 4.0, 2.0});
    ScaledPlan plan = small_plan();
    plan.pairs = 3;
    const auto layers = last_layers(input, plan);
    const auto pairs = train_pairs(layers, plan);
    REQUIRE(pairs.size() == 3);
    const auto difference = [&](std::size_t k) {
        const auto means = theory::mean_statistics(layers[k].task().train);
        return Vector(means.mean_plus - means.mean_minus);
    };
    for (const ScaledPair& p : pairs) {
        const Vector high = difference(p.high), low = difference(p.low);
        CHECK(high.norm() > low.norm());
        CHECK(p.gap == theory::normalised_gap(high, low));
    }
    CHECK(pairs[0].gap >= pairs[1].gap);
    CHECK(pairs[1].gap >= pairs[2].gap);
    plan.pairs = 100;
    const auto all = train_pairs(layers, plan);
    REQUIRE(all.size() == 6);
    for (const ScaledPair& p : all) {
        if (p.high != 0 || p.low != 1) continue;  // D = 6 against D = 0.5
        const auto& end = p.trajectory.records.back().behaviours;
        REQUIRE(end.size() == 2);
        CHECK(end[0].loss < end[1].loss);
    }
}

TEST_CASE("a Gaussian twin has the numbers of the behaviour") {
    const ScaledInput input = small_input({2.0});
    const auto s = theory::dataset_statistics(input.behaviours[0]);
    const FeatureSpec spec = gaussian_twin(s);
    const PopulationMoments m = FeatureDistribution(spec, 5).moments();
    CHECK(relative_error((m.mean_plus - m.mean_minus).norm(), s.distinguishability_debiased()) <=
          1e-12);
    CHECK(relative_error(0.5 * (m.mean_plus + m.mean_minus).norm(),
                         0.5 * (s.mean_plus + s.mean_minus).norm()) <= 1e-12);
    const double cosine =
        (m.mean_plus - m.mean_minus).normalized().dot((m.mean_plus + m.mean_minus).normalized());
    CHECK(std::fabs(cosine - (s.mean_plus - s.mean_minus)
                                 .normalized()
                                 .dot((s.mean_plus + s.mean_minus).normalized())) <= 1e-9);
    CHECK(relative_error(m.plus.trace(), 0.5 * (s.trace_plus + s.trace_minus)) <= 1e-12);
}

namespace {

test::Outcome scaled(const test::EmbedFixture& at, std::vector<std::string> more) {
    more.insert(more.begin(), {"scaled", "--model", at.dir / "model"});
    return test::command(more);
}

/// Enough lines for both classes on both sides of a split.
void write_behaviour(const std::string& path, const std::string& stem) {
    std::string lines;
    for (std::size_t i = 0; i < 40; ++i) {
        std::string prompt = stem;
        prompt.append(1 + i % 7, static_cast<char>('a' + i % 23));
        lines += test::data_line(prompt, i % 2 == 0);
    }
    test::write_bytes(path, lines);
}

}  // namespace

TEST_CASE("scaled: from a model folder to a result file, the same for any number of threads") {
    const test::EmbedFixture at;
    for (const std::string name : {"p", "q", "r"})
        write_behaviour(at.dir / (name + ".jsonl"), name);
    const std::vector<std::string> call = {
        "--data", at.dir / "p.jsonl", at.dir / "q.jsonl", at.dir / "r.jsonl", "--bos", "--claims",
        "T1,T2",  "--split",          "stratified"};
    const auto with = [&](const std::string& out, const std::string& threads) {
        auto arguments = call;
        arguments.insert(arguments.end(), {"--out", at.dir / out, "--threads", threads});
        return scaled(at, arguments);
    };
    const auto one = with("one.h5", "1"), two = with("two.h5", "2");
    omp_set_num_threads(omp_get_num_procs());
    CHECK(one.err.empty());
    REQUIRE(one.code == 0);
    REQUIRE(two.code == 0);
    CHECK(contains(one.out, "all as expected: 3 behaviours, 15 runs"));
    CHECK(contains(one.out, "dense head against exact reduction on p"));
    CHECK(!std::filesystem::exists(at.dir / "one.h5.rows"));
    const h5::Reader a(at.dir / "one.h5"), b(at.dir / "two.h5");
    for (const char* name : {"loss", "outputs_accuracies", "eval_loss", "scaled_rank_correlation",
                             "scaled_projection", "scaled_pair_loss", "scaled_axis_variance"}) {
        const auto x = a.numbers(name), y = b.numbers(name);
        REQUIRE(x.size() == y.size());
        CHECK(std::memcmp(x.data(), y.data(), x.size() * sizeof(double)) == 0);
    }
    CHECK(a.shape("scaled_pair_loss") == h5::Shape{3, 101, 2});
}

TEST_CASE("scaled: the file and the command say which pair and which data") {
    const test::EmbedFixture at;
    for (const std::string name : {"p", "q"}) write_behaviour(at.dir / (name + ".jsonl"), name);
    const std::vector<std::string> source = {"--data", at.dir / "p.jsonl", at.dir / "q.jsonl"};
    auto call = source, embedding = source;
    call.insert(call.end(), {"--split", "stratified", "--claims", "T1", "--out", at.dir / "s.h5"});
    embedding.insert(embedding.end(), {"--out", at.dir / "e.h5"});
    const auto got = scaled(at, call);
    REQUIRE_MESSAGE(got.code == 0, got.err);
    CHECK_MESSAGE(contains(got.out, "response pair: tokens 65 'A' and 66 'B', behind 32"), got.out);
    REQUIRE(at.embed(embedding).code == 0);
    const std::string file = at.dir / "s.h5", other = at.dir / "e.h5";
    CHECK(test::text_attribute(file, "/", "first_token") == "65");
    CHECK(test::text_attribute(file, "/", "second_token") == "66");
    for (const char* key : {"first_piece", "second_piece", "first_text", "shared_tokens"})
        CHECK(test::text_attribute(file, "/", key) == test::text_attribute(other, "/q", key));
    const h5::Reader results(file);
    CHECK(results.strings("scaled_source") == std::vector<std::string>{"p.jsonl", "q.jsonl"});
    CHECK(results.strings("scaled_shared_tokens") == std::vector<std::string>{"32", "32"});
    CHECK(results.numbers("scaled_filtered_lines") == std::vector<double>{0.0, 0.0});
    CHECK(results.numbers("scaled_truncated_prompts") == std::vector<double>{0.0, 0.0});
    for (const std::string key : {"data_hash", "tokens_hash"})
        CHECK(results.strings("scaled_" + key)[1] == test::text_attribute(other, "/q", key));
}

TEST_CASE("scaled: called again after it finished it says so, with the exit code it ended with") {
    const test::EmbedFixture at;
    write_behaviour(at.dir / "p.jsonl", "p");
    std::filesystem::create_directory(at.dir / "moved");
    std::filesystem::copy(at.dir / "p.jsonl", at.dir / "moved/p.jsonl");
    const std::string out = at.dir / "s.h5";
    const auto with = [&](const std::string& data, const std::string& claims) {
        return scaled(at, {"--data", data, "--split", "stratified", "--steps", "5", "--claims",
                           claims, "--out", out});
    };
    REQUIRE(with(at.dir / "p.jsonl", "T1").code == 0);
    const auto again = with(at.dir / "moved/p.jsonl", "T1");
    CHECK_MESSAGE(again.code == 0, again.err);
    CHECK(contains(again.out, "nothing to do: the same experiments are finished, all as expected"));
    CHECK(with(at.dir / "p.jsonl", "T2").code == 2);
    {
        const h5::Handle file(H5Fopen(out.c_str(), H5F_ACC_RDWR, H5P_DEFAULT), H5Fclose);
        REQUIRE(H5LTset_attribute_string(file.id(), "/", "as_expected", "false") >= 0);
    }
    const auto violated = with(at.dir / "p.jsonl", "T1");
    CHECK(violated.code == 1);
    CHECK(contains(violated.out, "NOT all as expected"));
}

TEST_CASE("scaled: stopped after the embedding it says where the rows are") {
    const test::EmbedFixture at;
    write_behaviour(at.dir / "p.jsonl", "p");
    const std::vector<std::string> source = {"--data", at.dir / "p.jsonl", "--cache",
                                             at.dir / "rows", "--out"};
    auto embedding = source, call = source;
    embedding.push_back(at.dir / "e.h5");
    call.push_back(at.dir / "s.h5");
    REQUIRE(at.embed(embedding).code == 0);
    cancel_flag = true;
    const auto got = scaled(at, call);
    cancel_flag = false;
    CHECK(got.code == 130);
    CHECK(contains(got.out, "embedded prompts are kept in " + (at.dir / "rows")));
    CHECK(got.err.empty());
    CHECK(!std::filesystem::exists(at.dir / "s.h5"));
}

TEST_CASE("scaled: what is wrong is said before anything is computed") {
    const test::EmbedFixture at;
    const auto says = [&](std::vector<std::string> arguments, const std::string& what) {
        arguments.insert(arguments.end(), {"--out", at.dir / "no.h5"});
        const auto got = scaled(at, arguments);
        CHECK(got.code == 2);
        INFO(got.err);
        CHECK(contains(got.err, what));
        CHECK(!std::filesystem::exists(at.dir / "no.h5"));
    };
    says({}, "nothing to embed");
    says({"--data", at.dir / "x.jsonl", "--eta", "0"}, "eta");
    says({"--data", at.dir / "x.jsonl", "--preset", "im-li"}, "im-li-last-layer");
    says({"--data", at.dir / "x.jsonl", "--claims", "T99"}, "T99");
    says({"--data", at.dir / "x.jsonl"}, "one class only");
    test::write_bytes(at.dir / "z.jsonl", R"({"prompt": "one", "chosen": " C", "rejected": " D"})"
                                          "\n");
    says({"--data", at.dir / "x.jsonl", at.dir / "z.jsonl"}, "those of");
}
