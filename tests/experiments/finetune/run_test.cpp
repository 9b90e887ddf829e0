// Whole runs: interrupted and resumed to the same bits, states and models on disk, what is refused.
#include <doctest/doctest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "experiments/commands/commands.hpp"
#include "experiments/finetune/model_folder.hpp"
#include "experiments/finetune/saved_run.hpp"
#include "sim/base/cancel.hpp"
#include "tests/support/finetune_run_support.hpp"
#include "tests/support/nested_support.hpp"

using namespace prefdyn;
using finetune::TrainedPart;
using test::stop_at;
using Fixture = test::FinetuneRunFixture;
using Start = test::FinetuneStart;

namespace {

std::string read_text(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

void check_same(const FinetuneRun& a, const FinetuneRun& b) {
    CHECK(a.step == b.step);
    CHECK(a.theta == b.theta);
    CHECK(a.weight_change == b.weight_change);
    CHECK(a.updates.size() == b.updates.size());
    for (std::size_t k = 0; k < std::min(a.updates.size(), b.updates.size()); ++k) {
        CHECK(a.updates[k].batch.loss == b.updates[k].batch.loss);
        CHECK(a.updates[k].grad_norm == b.updates[k].grad_norm);
    }
    for (std::size_t k = 0; k < a.measures.size(); ++k)
        for (std::size_t c = 0; c < a.measures[k].size(); ++c)
            CHECK(a.measures[k][c] == b.measures[k][c]);
    for (std::size_t p = 0; p < a.after.size(); ++p) CHECK(a.after[p] == b.after[p]);
    CHECK(a.train_pairs.size() == b.train_pairs.size());
    for (std::size_t k = 0; k < std::min(a.train_pairs.size(), b.train_pairs.size()); ++k) {
        CHECK(a.train_pairs[k].value == b.train_pairs[k].value);
        CHECK(a.train_pairs[k].error == b.train_pairs[k].error);
        CHECK(a.held_out_pairs[k].value == b.held_out_pairs[k].value);
        CHECK(a.held_out_pairs[k].error == b.held_out_pairs[k].error);
    }
}

}  // namespace

TEST_CASE("a run that is stopped twice and resumed ends with the same bits") {
    const Fixture f;
    for (const TrainedPart part : {TrainedPart::kFull, TrainedPart::kLora, TrainedPart::kHead}) {
        const Start start(f, part);
        const std::string state = f.dir / "state.safetensors";
        FinetunePlan plan = f.plan(part);
        plan.judged = part == TrainedPart::kLora;
        const FinetuneRun whole = run_finetune(start.model, f.behaviours, plan);
        CHECK(whole.step == std::vector<Index>{0, 4, 8, 12});
        CHECK(whole.train_pairs.size() == (plan.judged ? 8 : 0));
        plan.state = state;
        for (const double share : {0.2, 0.6}) {
            CHECK_THROWS_AS(run_finetune(start.model, f.behaviours, plan, stop_at(share)),
                            Interrupted);
            cancel_flag = false;
            CHECK(std::filesystem::exists(state));
        }
        check_same(run_finetune(start.model, f.behaviours, plan), whole);
        check_same(run_finetune(start.model, f.behaviours, plan), whole);  // all was done
        std::filesystem::remove(state);
    }
}

TEST_CASE("what is measured before any update") {
    const Fixture f;
    const Start start(f, TrainedPart::kFull);
    const FinetuneRun run = run_finetune(start.model, f.behaviours, f.plan(TrainedPart::kFull));
    for (std::size_t p = 0; p < 2; ++p) {
        CHECK(run.measure(0, p, "loss") == doctest::Approx(std::log(2.0)));
        CHECK(run.measure(0, p, "eval_loss") == doctest::Approx(std::log(2.0)));
        CHECK(run.measure(0, p, "rewards_ties") == 1.0);
        CHECK(run.measure(3, p, "loss") < run.measure(0, p, "loss"));
        CHECK(run.slope[p].head == doctest::Approx(run.head_slope_t1[p]).epsilon(1e-5));
        CHECK(run.before[p].rows() == 16);
        CHECK(run.measure(0, p, "distinguishability") ==
              doctest::Approx(geometry_of(run.before[p], run.label[p]).distinguishability));
        CHECK(run.measure(3, p, "distinguishability") ==
              doctest::Approx(geometry_of(run.after[p], run.label[p]).distinguishability));
    }
    CHECK(run.weight_change[0] == 0.0);
}

TEST_CASE("held-out pairs may be longer than every training pair") {
    Fixture f;
    text::SequencePair& longest = f.behaviours[0].data.pairs.back();
    for (auto* side : {&longest.chosen, &longest.rejected}) side->insert(side->begin(), 9, 7);
    longest.prompt += 9;
    const Start start(f, TrainedPart::kFull);
    FinetunePlan plan = f.plan(TrainedPart::kFull);
    plan.training.learning_rate = 0.0;
    const FinetuneRun run = run_finetune(start.model, f.behaviours, plan);
    const std::size_t last = run.step.size() - 1;
    CHECK(run.measure(last, 0, "eval_logps_chosen") == run.measure(0, 0, "eval_logps_chosen"));
    CHECK(run.measure(last, 0, "eval_loss") == doctest::Approx(std::log(2.0)));
}

TEST_CASE("flipped labels exchange the answers, their class and the sign of the margin") {
    const Fixture f;
    const Start start(f, TrainedPart::kFull);
    FinetunePlan plan = f.plan(TrainedPart::kFull);
    const FinetuneRun data = run_finetune(start.model, f.behaviours, plan);
    plan.flipped = true;
    const FinetuneRun flipped = run_finetune(start.model, f.behaviours, plan);
    CHECK(flipped.label[0][0] == -data.label[0][0]);
    CHECK(flipped.measure(0, 0, "logps_chosen") == data.measure(0, 0, "logps_rejected"));
    CHECK(flipped.measure(0, 1, "distinguishability") ==
          doctest::Approx(data.measure(0, 1, "distinguishability")));
}

TEST_CASE("a state of another run, or a damaged one, is refused") {
    const Fixture f;
    const Start start(f, TrainedPart::kFull);
    const std::string state = f.dir / "state.safetensors";
    FinetunePlan plan = f.plan(TrainedPart::kFull, state);
    CHECK_THROWS_AS(run_finetune(start.model, f.behaviours, plan, stop_at(0.5)), Interrupted);
    cancel_flag = false;
    plan.task = "beta=0.5\nlr=0.1\n";
    const auto run = [&] { run_finetune(start.model, f.behaviours, plan); };
    CHECK(test::contains(test::input_error(run), "lr=0.003 there, lr=0.1"));
    plan.task = "beta=0.5\nlr=0.003\n";
    const std::string bytes = read_text(state);
    for (const std::size_t length : {std::size_t{0}, std::size_t{20}, bytes.size() - 1}) {
        test::write_bytes(state, bytes.substr(0, length));
        CHECK(test::contains(test::input_error(run), "state.safetensors"));
    }
}

TEST_CASE("one flipped bit anywhere in a state is refused") {
    const Fixture f;
    const Start start(f, TrainedPart::kFull);
    const std::string state = f.dir / "state.safetensors";
    const FinetunePlan plan = f.plan(TrainedPart::kFull, state);
    CHECK_THROWS_AS(run_finetune(start.model, f.behaviours, plan, stop_at(0.5)), Interrupted);
    cancel_flag = false;
    const std::string bytes = read_text(state);
    std::size_t header = 0;
    std::memcpy(&header, bytes.data(), sizeof header);
    std::vector<std::size_t> places;
    for (std::size_t k = 0; k < 8 + header; k += 5) places.push_back(k);
    for (std::size_t k = 8 + header; k < bytes.size(); k += bytes.size() / 100) places.push_back(k);
    for (const std::size_t place : places) {
        std::string flipped = bytes;
        flipped[place] = static_cast<char>(flipped[place] ^ (1 << (place % 8)));
        test::write_bytes(state, flipped);
        const std::string said =
            test::input_error([&] { run_finetune(start.model, f.behaviours, plan); });
        CHECK_MESSAGE(test::contains(said, "state.safetensors"), place);
    }
    test::write_bytes(state, bytes);
    CHECK_NOTHROW(run_finetune(start.model, f.behaviours, plan));
}

TEST_CASE(
    "one flipped bit in a model or an adapter that was written is refused or changes nothing") {
    for (const TrainedPart part : {TrainedPart::kFull, TrainedPart::kLora}) {
        const Fixture f;
        const Start start(f, part);
        const FinetunePlan plan = f.plan(part);
        const finetune::Trainable<float> what(start.layout, plan.training.trained, 3);
        finetune::Column<float> theta = what.initial(start.weights);
        theta.array() += 0.25f;
        finetune::Parameters<float> weights = start.weights;
        what.apply(theta, start.weights, weights);
        const std::string folder = f.dir / "out";
        write_model(folder, {f.dir / "m", &weights, &what, plan.training.trained, &theta});
        int refused = 0;
        for (const auto& entry : std::filesystem::directory_iterator(folder)) {
            const std::string path = entry.path().string(), bytes = read_text(path);
            for (std::size_t k = 0; k < bytes.size();
                 k += std::max<std::size_t>(bytes.size() / 60, 1)) {
                std::string flipped = bytes;
                flipped[k] = static_cast<char>(flipped[k] ^ (1 << (k % 7)));
                test::write_bytes(path, flipped);
                try {
                    CHECK(read_model(folder, *f.checkpoint, start.layout).values() ==
                          weights.values());
                } catch (const InputError&) {
                    ++refused;
                }
            }
            test::write_bytes(path, bytes);
        }
        CHECK(refused > 60);
        CHECK(read_model(folder, *f.checkpoint, start.layout).values() == weights.values());
    }
}

TEST_CASE("what is not finite ends the run, the last good state stays") {
    const Fixture f;
    const Start start(f, TrainedPart::kFull);
    FinetunePlan plan = f.plan(TrainedPart::kFull, f.dir / "state.safetensors");
    plan.training.update.kind = finetune::UpdateKind::kSgd;
    plan.training.learning_rate = 1e30;
    plan.training.max_grad_norm = 0.0;
    plan.save_every = 1;
    const FinetuneRun run = run_finetune(start.model, f.behaviours, plan);
    CHECK(test::contains(run.stopped, "update 2"));
    CHECK(std::filesystem::exists(plan.state));
}

TEST_CASE("models and adapters on disk are what was trained, bit for bit") {
    for (const bool tied : {true, false})
        for (const TrainedPart part :
             {TrainedPart::kFull, TrainedPart::kLora, TrainedPart::kHead}) {
            const Fixture f(tied);
            test::write_bytes(f.dir / "m/tokenizer.json", "{}");
            const Start start(f, part);
            const FinetunePlan plan = f.plan(part);
            const FinetuneRun run = run_finetune(start.model, f.behaviours, plan);
            const finetune::Trainable<float> what(start.layout, plan.training.trained, 3);
            finetune::Parameters<float> weights = start.weights;
            what.apply(run.theta, start.weights, weights);
            write_model(f.dir / "out",
                        {f.dir / "m", &weights, &what, plan.training.trained, &run.theta});
            const auto got = read_model(f.dir / "out", *f.checkpoint, start.layout);
            CHECK(got.values() == weights.values());
            CHECK(head_of_its_own(f.dir / "out", f.dir / "m") == !start.layout.tied());
            CHECK(std::filesystem::exists(f.dir / "out/tokenizer.json") ==
                  (part != TrainedPart::kLora));
            for (const auto& entry : std::filesystem::directory_iterator(f.dir / "out"))
                CHECK_FALSE(test::contains(entry.path().string(), ".partial"));
        }
}

TEST_CASE("of a model that also reads images the text part is saved, adapters by PEFT's names") {
    for (const TrainedPart part : {TrainedPart::kFull, TrainedPart::kLora}) {
        const Fixture f(false, true);
        const Start start(f, part);
        const finetune::Trainable<float> what(start.layout, f.plan(part).training.trained, 3);
        const finetune::Column<float> theta = what.initial(start.weights) * 2.0f;
        finetune::Parameters<float> weights = start.weights;
        what.apply(theta, start.weights, weights);
        write_model(f.dir / "out",
                    {f.dir / "m", &weights, &what, f.plan(part).training.trained, &theta});
        CHECK(read_model(f.dir / "out", *f.checkpoint, start.layout).values() == weights.values());
        const bool lora = part == TrainedPart::kLora;
        const auto config = nlohmann::json::parse(
            read_text(f.dir / (lora ? "out/adapter_config.json" : "out/config.json")));
        const std::string saved =
            read_text(f.dir / (lora ? "out/adapter_model.safetensors" : "out/model.safetensors"));
        if (lora) {
            CHECK(config.at("target_modules") ==
                  R"(model\.language_model\.layers\.[0-9]+\.(self_attn|mlp)\.(q_proj|v_proj))");
            CHECK(test::contains(saved, "base_model.model.model.language_model.layers.1."));
        } else {
            CHECK(config.at("architectures") == nlohmann::json{"MistralForCausalLM"});
            CHECK(config.at("tie_word_embeddings") == false);
            CHECK_FALSE(config.contains("text_config"));
            CHECK(test::contains(saved, "\"model.layers.1."));
        }
    }
}

TEST_CASE("an adapter that does not fit is refused with its reason") {
    const Fixture f;
    const Start start(f, TrainedPart::kLora);
    const FinetunePlan plan = f.plan(TrainedPart::kLora);
    const finetune::Trainable<float> what(start.layout, plan.training.trained, 3);
    const finetune::Column<float> theta = what.initial(start.weights);
    const std::string folder = f.dir / "out", path = folder + "/adapter_config.json";
    write_model(folder, {f.dir / "m", &start.weights, &what, plan.training.trained, &theta});
    const nlohmann::json config = nlohmann::json::parse(read_text(path));
    const auto refused = [&](const char* key, const nlohmann::json& value) {
        nlohmann::json changed = config;
        changed[key] = value;
        test::write_bytes(path, changed.dump());
        return test::input_error([&] { read_model(folder, *f.checkpoint, start.layout); });
    };
    CHECK(test::contains(refused("use_rslora", true), "is not what was written beside"));
    CHECK(test::contains(refused("use_qalora", true), "'use_qalora'"));
    CHECK(test::contains(refused("bias", "some"), "'bias'"));
    CHECK(test::contains(refused("rank_pattern", {{"q_proj", 4}}), "wanted is [4, 32]"));
    CHECK(test::contains(refused("r", 3), "has shape [2, 32], wanted is [3, 32]"));
    CHECK(test::contains(refused("r", 2.5), "whole number"));
    CHECK(test::contains(refused("lora_alpha", "x"), "'lora_alpha'"));
    CHECK(test::contains(refused("target_modules", {"q_proj", "v_proj", "lm_head"}), "lm_head"));
    CHECK(test::contains(refused("target_modules", {"q_proj"}), "no part of the adapter"));
    CHECK(test::contains(refused("target_modules", {"q_proj", "v_proj", "k_proj"}), "is missing"));
    test::write_bytes(path, "{");
    const auto read = [&] { read_model(folder, *f.checkpoint, start.layout); };
    CHECK(test::contains(test::input_error(read), "adapter_config.json"));
    test::write_bytes(path, config.dump());
    CHECK(test::input_error(read).empty());
    Fixture other(true);
    other.m.hidden = 20;
    test::write_checkpoint(other.dir / "m2", other.m, test::random_weights(other.m, 1));
    const transformer::Checkpoint narrow(other.dir / "m2");
    const finetune::Layout layout(narrow.config());
    CHECK(test::contains(test::input_error([&] { read_model(folder, narrow, layout); }),
                         "has shape"));
    CHECK(test::contains(test::input_error([&] { read_model(f.dir / "m", narrow, layout); }),
                         "hidden_size"));
}

namespace {

struct Said {
    int code;
    std::string out, err;
};
Said say(const std::vector<std::string>& arguments) {
    std::ostringstream out, err;
    const int code = run_command(arguments, out, err);
    return {code, out.str(), err.str()};
}

}  // namespace

TEST_CASE("options that cannot act, together or at all, are named with exit code 2") {
    const std::vector<std::string> base = {"finetune", "--model", "m", "--data", "d", "--out", "o"};
    const auto refused = [&](std::vector<std::string> more) {
        more.insert(more.begin(), base.begin(), base.end());
        const Said said = say(more);
        CHECK(said.code == 2);
        return said.err;
    };
    CHECK(test::contains(refused({"--rank", "4"}), "--rank: without effect"));
    CHECK(test::contains(refused({"--f-alpha-divergence-coef", "0.3"}),
                         "--f-alpha-divergence-coef: without effect"));
    CHECK(test::contains(refused({"--f-divergence-type", "forward_kl", "--loss", "aot + 0.1 sft"}),
                         "loss aot is known under reverse_kl alone"));
    CHECK(
        test::contains(refused({"--method", "lora", "--targets", "q,x"}), "'x' is no projection"));
    CHECK(test::contains(refused({"--steps", "3", "--epochs", "2"}), "exclude each other"));
    CHECK(test::contains(refused({"--optimizer", "sgd", "--weight-decay", "0.1"}), "weight-decay"));
    CHECK(test::contains(refused({"--warmup-steps", "3"}), "warm-up"));
    CHECK(test::contains(refused({"--pairs", "3"}), "--pairs: without effect"));
    CHECK(test::contains(refused({"--optimizer", "adam"}), "adamw"));
    CHECK(test::contains(refused({"--preset", "im-li-ful"}), "im-li-full"));
    CHECK(test::contains(refused({}), "m: is no folder"));
}
