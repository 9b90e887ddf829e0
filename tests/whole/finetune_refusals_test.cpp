// What finetune and misalign say of data, models and disks that cannot be used, and what they
// leave.
#include <doctest/doctest.h>

#include <fstream>

#include "experiments/finetune/run_file.hpp"
#include "tests/support/finetune_support.hpp"
#include "tests/support/process_support.hpp"

using namespace prefdyn;
using test::contains;
using test::exit_code;
using test::FinetuneFixture;

namespace {

namespace fs = std::filesystem;

/// Ends with 2 and leaves nothing; what was said.
std::string refused(const FinetuneFixture& at, std::vector<std::string> call) {
    const std::string out = at.dir / "out";
    call.insert(call.end(), {"--out", out});
    const auto got = test::command(call);
    CHECK_MESSAGE(got.code == 2, got.err);
    CHECK_FALSE(fs::exists(out));
    return got.err;
}

std::vector<std::string> on_data(const FinetuneFixture& at, const std::string& lines,
                                 const std::vector<std::string>& more = {}) {
    test::write_bytes(at.dir / "bad.jsonl", lines);
    std::vector<std::string> out = {
        "finetune",   "--model", at.dir / "model", "--data", at.dir / "bad.jsonl",
        "--held-out", "0",       "--steps",        "1"};
    out.insert(out.end(), more.begin(), more.end());
    return out;
}

std::vector<std::string> on_model(const FinetuneFixture& at, const std::string& model) {
    return {"finetune", "--model", model, "--data", at.dir / "d.jsonl", "--steps", "1"};
}

std::string copy_of_model(const FinetuneFixture& at, const std::string& name) {
    const std::string out = at.dir / name;
    fs::copy(at.dir / "model", out, fs::copy_options::recursive);
    return out;
}

}  // namespace

TEST_CASE("lines that cannot be trained on are refused with file, line and hint") {
    const FinetuneFixture at;
    const std::string good = test::data_line("one", true);
    const auto said = [&](const std::string& line) {
        const std::string err = refused(at, on_data(at, good + line));
        CHECK_MESSAGE(contains(err, "bad.jsonl, line 2"), err);
        CHECK(contains(err, "hint: "));
        return err;
    };
    CHECK(contains(said(R"({"prompt": "a", "chosen": "", "rejected": "b"})"), "chosen: is empty"));
    CHECK(contains(said(R"({"prompt": "a", "chosen": "b", "rejected": "b"})"),
                   "both answers are 'b'"));
    CHECK(contains(said(R"({"chosen": "Human: a", "rejected": "Human: b"})"),
                   "hint: `prefdyn dialogues`"));
    const std::string longer = said(test::data_line(std::string(40, 'x'), true));
    CHECK_MESSAGE(contains(longer, "its context is 24"), longer);
    CHECK(contains(longer, "--truncate"));
}

TEST_CASE("a prompt beyond the context is shortened from its start if asked") {
    const FinetuneFixture at;
    const std::string out = at.dir / "out", longer = std::string(40, 'x') + "end";
    auto call = on_data(at, test::data_line(longer, true), {"--truncate", "--out", out});
    REQUIRE(test::command(call).code == 0);
    const std::string cut = at.dir / "cut";  // 22 bytes of prompt, the shared and the last token
    call = on_data(at, test::data_line(longer.substr(longer.size() - 23), true), {"--out", cut});
    REQUIRE(test::command(call).code == 0);
    CHECK(h5::Reader(out + "/run.h5").numbers("logps_chosen") ==
          h5::Reader(cut + "/run.h5").numbers("logps_chosen"));
}

TEST_CASE("a response that alone is beyond the context is refused even with --truncate") {
    const FinetuneFixture at;
    const std::string line =
        R"({"prompt": "a", "chosen": ")" + std::string(40, 'y') + R"(", "rejected": "b"})" + "\n";
    const std::string err = refused(at, on_data(at, line, {"--truncate"}));
    CHECK(contains(err, "bad.jsonl, line 1"));
    CHECK(contains(err, "context"));
}

TEST_CASE("models that cannot be trained are refused with their file") {
    const FinetuneFixture at;
    const std::string cut = copy_of_model(at, "cut"), none = copy_of_model(at, "none"),
                      other = copy_of_model(at, "other");
    fs::resize_file(cut + "/model.safetensors", 20000);
    CHECK(contains(refused(at, on_model(at, cut)), "cut/model.safetensors"));
    fs::remove(none + "/tokenizer.json");
    CHECK(contains(refused(at, on_model(at, none)), "tokenizer"));
    text::Json tokens = test::byte_level_json();
    tokens["added_tokens"] = {test::added_token("<pad>", 256), test::added_token("<s>", 257),
                              test::added_token("<t>", 258)};
    test::write_bytes(other + "/tokenizer.json", tokens.dump());
    const std::string err = refused(at, on_model(at, other));
    CHECK(contains(err, "other"));
    CHECK_MESSAGE(contains(err, "258"), err);
    auto wide = on_model(at, at.dir / "model");
    wide.insert(wide.end(), {"--method", "lora", "--rank", "33"});
    CHECK(contains(refused(at, wide), "rank 33"));
    auto sorts = on_model(at, at.dir / "model");
    sorts.insert(sorts.end(), {"--loss", "sigmoid + poem"});
    CHECK(contains(refused(at, sorts), "' poem' is no loss"));
}

TEST_CASE("misalign refuses what is not the base model's") {
    const FinetuneFixture at;
    const std::string aligned = at.aligned({"--method", "lora", "--rank", "2"});
    const auto said = [&](const std::string& from) {
        return refused(at, at.misalign(from, {"--seeds", "1", "--steps", "1"}));
    };
    const std::string tokens = aligned + "/tokenizer.json";
    text::Json other = test::byte_level_json();
    other["added_tokens"] = {test::added_token("<pad>", 256), test::added_token("<t>", 257)};
    test::write_bytes(tokens, other.dump());
    CHECK(contains(said(aligned), "is not the tokeniser of the base model"));
    fs::remove(tokens);
    const std::string adapter = aligned + "/adapter_model.safetensors";
    fs::resize_file(adapter, fs::file_size(adapter) - 8);
    CHECK(contains(said(aligned), "adapter_model.safetensors"));
    CHECK(contains(said(at.dir / "nowhere"), "nowhere"));
}

TEST_CASE("however little room a disk has: 3, nothing half-written, and it goes on") {
    const FinetuneFixture at;
    auto apart = at.finetune({"--arrange", "apart", "--steps", "12", "--records", "3"});
    apart.insert(std::ranges::find(apart, "--bos"), at.dir / "e.jsonl");
    const std::vector<std::vector<std::string>> calls = {
        apart, at.misalign(at.aligned(), {"--seeds", "1", "--steps", "12", "--records", "3"})};
    for (std::size_t k = 0; k < calls.size(); ++k) {
        const std::string name = k == 0 ? "runs" : "m.h5";
        const std::string want = at.dir / ("want-" + name), place = at.dir / std::to_string(k);
        auto call = calls[k];
        call.insert(call.end(), {"--out", want});
        REQUIRE(test::command(call).code == 0);
        fs::create_directory(place);
        call.back() = place + "/" + name;
        int without_room = 0, code = 3;
        for (int units = 1; code == 3 && units < (1 << 20); units *= 2) {
            const std::string said = place + "/said.txt";
            code = exit_code(test::start_limited(call, units, said));
            if (code == 3) {
                ++without_room;
                // What it says goes to a file that has no more room.
                const std::string text = test::read_text(said);
                CHECK(
                    (contains(text, place) || text.size() >= 512u * static_cast<unsigned>(units)));
            }
            fs::remove(said);
            for (const auto& entry : fs::recursive_directory_iterator(place))
                CHECK_FALSE(entry.path().extension() == ".partial");
        }
        CHECK(code == 0);
        CHECK(without_room >= 5);
        test::check_same_files(want, call.back());
    }
}

TEST_CASE("misalign: the same bits for any number of threads; frozen features show no difference") {
    const FinetuneFixture at;
    const std::string one = at.dir / "one.h5", two = at.dir / "two.h5";
    auto call = at.misalign(at.aligned(), {"--seeds", "2", "--steps", "8", "--records", "3"});
    call.insert(call.end(), {"--out", one});
    const auto got = test::command(call);
    REQUIRE_MESSAGE(got.code == 0, got.err);
    CHECK(contains(got.out, "as expected on frozen features"));
    CHECK_FALSE(contains(got.out, "nan"));  // the loss compared at is one that all reach
    *(std::ranges::find(call, "--threads") + 1) = "2";
    call.back() = two;
    REQUIRE(test::command(call).code == 0);
    CHECK(test::run_content(one) == test::run_content(two));
    const h5::Reader file(one);
    const auto names = file.strings("run"), labels = file.strings("run_labels"),
               starts = file.strings("run_start"), methods = file.strings("run_method");
    const auto loss = file.numbers("loss");
    const std::size_t records = loss.size() / names.size();
    REQUIRE(names.size() == 10);
    const auto flips = std::ranges::count(labels, "flipped");
    CHECK(flips == 8);  // but for the two heads aligned before
    CHECK(std::ranges::count(starts, "aligned") == 4);
    CHECK(std::ranges::count(methods, "head") == 6);
    const auto slope = file.numbers("initial_slope");  // the layers' tell the starts apart
    const std::size_t places = slope.size() / names.size();
    CHECK(slope[3 * places + 1] != slope[4 * places + 1]);
    for (std::size_t seed = 0; seed < 2; ++seed)
        for (std::size_t r = 0; r < records; ++r) {
            const std::size_t row = (5 * seed + 3) * records + r;
            CHECK(loss[row] == doctest::Approx(loss[row + records]).epsilon(1e-5));
            const std::size_t moving = 5 * seed * records + r;
            if (r > 0) CHECK(loss[moving] != loss[moving + records]);
        }
}

TEST_CASE("published dialogues, converted, are trained on") {
    const FinetuneFixture at;
    std::string lines;
    for (int i = 0; i < 6; ++i) {
        const std::string n = std::to_string(i),
                          start = R"(\n\nHuman: q)" + n + R"(\n\nAssistant:)";
        lines += R"({"chosen": ")" + start + " " + n + R"(x", "rejected": ")" + start + " " + n +
                 R"(yz"})" + "\n";
    }
    test::write_bytes(at.dir / "hh.jsonl", lines);
    const std::string pairs = at.dir / "pairs.jsonl", out = at.dir / "out";
    REQUIRE(test::command({"dialogues", at.dir / "hh.jsonl", "--out", pairs}).code == 0);
    const auto got = test::command({"finetune", "--model", at.dir / "model", "--data", pairs,
                                    "--truncate", "--held-out", "0", "--steps", "30", "--batch",
                                    "6", "--lr", "1e-2", "--beta", "0.5", "--out", out});
    REQUIRE_MESSAGE(got.code == 0, got.err);
    const h5::Reader file(out + "/run.h5");
    CHECK(file.numbers("loss").back() < 0.3);
    CHECK(file.numbers("rewards_accuracies").back() == 1.0);
    CHECK(std::isnan(file.numbers("distinguishability").front()));  // answers are no two classes
    CHECK_FALSE(contains(got.out, "held out nan"));
}
