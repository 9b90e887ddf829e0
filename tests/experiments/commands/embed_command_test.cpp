// The commands embed and inspect, from arguments to files.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <hdf5_hl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "experiments/results/row_store.hpp"
#include "sim/base/hdf5_file.hpp"
#include "sim/data/feature_file.hpp"
#include "sim/lm/model/transformer.hpp"
#include "sim/lm/text/text_file.hpp"
#include "tests/support/embed_support.hpp"

using namespace prefdyn;
using test::contains;
using test::text_attribute;
using transformer::TokenIds;
using transformer::Transformer;

namespace {

std::int64_t integer_attribute(const std::string& path, const std::string& object,
                               const std::string& key) {
    const h5::Handle file(H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose);
    long long out = -1;
    H5LTget_attribute_long_long(file.id(), object.c_str(), key.c_str(), &out);
    return out;
}

/// bos, the bytes of the text, and what the answers share.
TokenIds ids_of(const std::string& text, bool bos, bool shared) {
    TokenIds ids = test::byte_tokens(text);
    if (bos) ids.insert(ids.begin(), 257);
    if (shared) ids.push_back(32);
    return ids;
}

void check_features(const Dataset& got, const Transformer& model,
                    const std::vector<TokenIds>& prompts, transformer::FinalNorm norm) {
    const auto want = model.embed(prompts, {norm, {}});
    REQUIRE(got.samples() == want.rows());
    CHECK((got.features.array() == want.cast<double>().array()).all());
}

}  // namespace

TEST_CASE("embed writes features that are the model's, and says what they are") {
    const test::EmbedFixture at;
    const std::string out = at.dir / "e.h5";
    const auto got =
        at.embed({"--data", at.dir / "x.jsonl", at.dir / "y.jsonl", "--bos", "--out", out});
    CHECK(got.err.empty());
    REQUIRE(got.code == 0);
    CHECK(contains(got.out, "5 prompts, 4 different, 0 embedded before, 4 now"));
    const Transformer model(at.dir / "model");
    const auto data = read_features(out);
    REQUIRE(data.size() == 2);
    CHECK(data[1].name == "y");
    check_features(
        data[0], model,
        {ids_of("one", true, true), ids_of("three", true, true), ids_of("two", true, true)},
        transformer::FinalNorm::kSingle);
    CHECK(data[0].label == std::vector<std::int8_t>{1, -1, 1});
    const h5::Reader file(out);
    CHECK(file.numbers("y/line") == std::vector<double>{1.0, 2.0});
    CHECK(file.shape("x/head") == h5::Shape{2, 32});
    const std::array<std::int32_t, 2> pair = {65, 66};
    CHECK(file.numbers("x/head")[40] == double{model.head_rows(pair)(1, 8)});
    CHECK(integer_attribute(out, "x", "first_token") == 65);
    CHECK(text_attribute(out, "x", "second_piece") == "B");
    CHECK(text_attribute(out, "x", "second_text") == " B");
    CHECK(text_attribute(out, "x", "shared_tokens") == "32");
    CHECK(text_attribute(out, "/", "model") == "model");
    CHECK(text_attribute(out, "/", "norm") == "single");
    CHECK(text_attribute(out, "/", "bos") == "true");
    CHECK(text_attribute(out, "/", "commit") != "absent");
    for (const char* key : {"model_hash", "tokenizer_hash"})
        CHECK(text_attribute(out, "/", key).size() == 36);
    CHECK(text_attribute(out, "x", "data_hash").size() == 36);
    CHECK_FALSE(std::filesystem::exists(out + ".rows"));
    for (const auto& entry : std::filesystem::directory_iterator(at.dir / ""))
        CHECK_FALSE(entry.path().extension() == ".partial");
    const auto again = at.embed({"--data", at.dir / "x.jsonl", "--out", out});
    CHECK(again.code == 2);
    CHECK(contains(again.err, "exists already"));
    CHECK(at.embed({"--data", at.dir / "x.jsonl", "--out", out, "--force"}).code == 0);
    CHECK(read_features(out).size() == 1);
}

TEST_CASE("every dataset of a group of features has named axes, whatever behaviours are called") {
    const test::EmbedFixture at;
    for (const char* name : {"dimension", "prompt_x"})
        std::filesystem::copy(at.dir / "y.jsonl", at.dir / (std::string(name) + ".jsonl"));
    const std::string out = at.dir / "e.h5";
    const auto got = at.embed({"--data", at.dir / "x.jsonl", at.dir / "dimension.jsonl",
                               at.dir / "prompt_x.jsonl", "--out", out});
    CHECK_MESSAGE(got.code == 0, got.err);
    const h5::Handle file(H5Fopen(out.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose);
    for (const char* name : {"x/features", "x/label", "x/line", "x/head", "dimension/features"}) {
        const h5::Handle set(H5Dopen(file.id(), name, H5P_DEFAULT), H5Dclose);
        const h5::Handle space(H5Dget_space(set.id()), H5Sclose);
        for (int axis = 0; axis < H5Sget_simple_extent_ndims(space.id()); ++axis)
            CHECK(H5DSget_num_scales(set.id(), static_cast<unsigned>(axis)) == 1);
    }
    const h5::Reader read(out);
    CHECK(read.numbers("prompt_x_") == std::vector<double>{0.0, 1.0, 2.0});
    CHECK(read.shape("dimension_") == h5::Shape{32});
    CHECK(read_features(out).size() == 3);
}

TEST_CASE("a finished embedding called again ends with 0 and says so, however it is spelt") {
    const test::EmbedFixture at;
    const std::string out = at.dir / "e.h5";
    const auto call = [&](const std::string& model, const std::vector<std::string>& more) {
        std::vector<std::string> all = {"embed", "--model", model, "--bos"};
        all.insert(all.end(), more.begin(), more.end());
        return test::command(all);
    };
    const std::string data = at.dir / "x.jsonl";
    REQUIRE(call(at.dir / "model", {"--data", data, "--out", out}).code == 0);
    const std::string bytes = text::read_file(out, 1 << 24);
    // What a kill between the result and the removal of the rows leaves.
    RowStore(out + ".rows").add(std::string(36, 'k'), std::vector<float>{1.0f});
    std::filesystem::create_directory_symlink(at.dir / "model", at.dir / "link");
    std::filesystem::create_directory(at.dir / "moved");
    std::filesystem::copy(data, at.dir / "moved/x.jsonl");
    const auto again = call(at.dir / "link", {"--data", at.dir / "moved/x.jsonl", "--threads", "1",
                                              "--out", at.dir / "./e.h5"});
    CHECK_MESSAGE(again.code == 0, again.err);
    CHECK(contains(again.out, "nothing to do: the same embedding is finished"));
    CHECK_FALSE(std::filesystem::exists(out + ".rows"));
    CHECK(text::read_file(out, 1 << 24) == bytes);
    for (const std::vector<std::string>& other :
         {std::vector<std::string>{"--data", at.dir / "y.jsonl"},
          {"--data", data, "--norm", "none"},
          {"--data", data, "--no-shared"}}) {
        auto more = other;
        more.insert(more.end(), {"--out", out});
        CHECK(call(at.dir / "model", more).code == 2);
    }
    test::write_bytes(data, test::data_line("one", false));
    CHECK(call(at.dir / "model", {"--data", data, "--out", out}).code == 2);
    CHECK(call(at.dir / "model", {"--data", data, "--out", out, "--force"}).code == 0);
    CHECK(h5::Reader(out).shape("x/features") == h5::Shape{1, 32});
}

TEST_CASE("embed: shared piece, norm, template and filter are as asked for") {
    const test::EmbedFixture at;
    const std::string out = at.dir / "e.h5";
    const auto got = at.embed({"--data", at.dir / "x.jsonl", "--no-shared", "--norm", "none",
                               "--template", "Q{prompt}", "--suffix", "\\n", "--out", out});
    CHECK(got.err.empty());
    const Transformer model(at.dir / "model");
    check_features(read_features(out).at(0), model,
                   {ids_of("Qone\n", false, false), ids_of("Qthree\n", false, false),
                    ids_of("Qtwo\n", false, false)},
                   transformer::FinalNorm::kNone);
    CHECK(text_attribute(out, "/", "append_shared") == "false");
    CHECK(text_attribute(out, "/", "suffix") == "\n");
}

TEST_CASE("embed keeps rows in --cache and takes them from there") {
    const test::EmbedFixture at;
    const std::string cache = at.dir / "cache";
    const auto run = [&](const std::string& data, const std::string& out) {
        return at.embed({"--data", at.dir / data, "--cache", cache, "--out", at.dir / out}).out;
    };
    CHECK(contains(run("x.jsonl", "1.h5"), "0 embedded before, 3 now"));
    CHECK(contains(run("y.jsonl", "2.h5"), "1 embedded before, 1 now"));
    CHECK(contains(run("y.jsonl", "3.h5"), "2 embedded before, 0 now"));
    const auto bits = [&](const std::string& name) { return read_features(at.dir / name)[0]; };
    CHECK(test::same_bits(bits("2.h5").features, bits("3.h5").features));
}

TEST_CASE("embed takes token files, and refuses what does not go with them") {
    const test::EmbedFixture at;
    const std::string tokens = at.dir / "t.h5", out = at.dir / "e.h5";
    {
        h5::Writer file(tokens);
        using Integers = std::vector<std::int64_t>;
        file.write("vocabulary", Integers{258}, {1});
        file.write("response", Integers{66, 65}, {2});
        file.write("ids", Integers{257, 7, 8, 9}, {4});
        file.write("offsets", Integers{0, 2, 4}, {3});
        file.write("label", Integers{-1, 1}, {2});
        file.close();
    }
    CHECK(at.embed({"--tokens", tokens, "--out", out}).err.empty());
    check_features(read_features(out).at(0), Transformer(at.dir / "model"), {{257, 7}, {8, 9}},
                   transformer::FinalNorm::kSingle);
    CHECK(integer_attribute(out, "t", "first_token") == 66);
    const auto wrong = [&](std::vector<std::string> more) {
        more.insert(more.end(), {"--out", at.dir / "w.h5"});
        const auto got = at.embed(more);
        CHECK(got.code == 2);
        return got.err;
    };
    CHECK(contains(wrong({"--tokens", tokens, "--bos"}), "--bos does not go with --tokens"));
    CHECK(contains(wrong({}), "nothing to embed"));
    test::write_bytes(at.dir / "long.jsonl",
                      test::data_line("short", true) + test::data_line(std::string(24, 'q'), true));
    CHECK(contains(wrong({"--data", at.dir / "long.jsonl"}),
                   "long line 2: has 25 tokens, the model's context is 24"));
    CHECK(contains(wrong({"--data", at.dir / "x.jsonl", at.dir / "x.jsonl"}),
                   "the behaviour 'x' comes from"));
    CHECK(
        at.embed({"--data", at.dir / "long.jsonl", "--truncate", "--out", at.dir / "w.h5"}).code ==
        0);
    CHECK(integer_attribute(at.dir / "w.h5", "long", "truncated_prompts") == 1);
}

TEST_CASE("a tokeniser larger than the model is refused") {
    const test::EmbedFixture at;
    test::SmallModel small;
    small.vocabulary = 100;
    test::write_checkpoint(at.dir / "model", small, test::random_weights(small, 5));
    const auto got = at.embed({"--data", at.dir / "x.jsonl", "--out", at.dir / "e.h5"});
    CHECK(got.code == 2);
    CHECK(contains(got.err, "100"));
}

TEST_CASE("SIGTERM ends embed with 130, and the same call goes on") {
    const test::EmbedFixture at;
    std::string many;
    for (int i = 0; i < 40000; ++i)
        many += test::data_line("prompt number " + std::to_string(i), i % 2 == 0);
    test::write_bytes(at.dir / "many.jsonl", many);
    const std::string out = at.dir / "e.h5", data = at.dir / "many.jsonl";
    const std::string model = at.dir / "model", rows = out + ".rows";
    const pid_t child = fork();
    if (child == 0) {
        const int nowhere = open("/dev/null", O_WRONLY);
        dup2(nowhere, 1);
        dup2(nowhere, 2);
        execl(PREFDYN_EXECUTABLE, "prefdyn", "embed", "--model", model.c_str(), "--data",
              data.c_str(), "--threads", "1", "--out", out.c_str(), nullptr);
        _exit(127);
    }
    REQUIRE(child > 0);
    std::error_code none;
    for (int tries = 0; tries < 60000; ++tries) {
        const auto size = std::filesystem::file_size(rows, none);
        if (!none && size > 1000) break;
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    kill(child, SIGTERM);
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    REQUIRE(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 130);
    CHECK_FALSE(std::filesystem::exists(out));
    CHECK(std::filesystem::exists(rows));
    const auto rest = at.embed({"--data", data, "--out", out});
    CHECK(rest.code == 0);
    CHECK(contains(rest.out, "40000 prompts, 40000 different"));
    CHECK_FALSE(contains(rest.out, " 0 embedded before"));
    CHECK_FALSE(contains(rest.out, " 0 now"));
    CHECK_FALSE(std::filesystem::exists(rows));
    CHECK(read_features(out).at(0).samples() == 40000);
}

TEST_CASE("inspect prints config, files, memory, tokeniser and a continuation") {
    const test::EmbedFixture at;
    const auto got = test::command(
        {"inspect", "--model", at.dir / "model", "--prompt", "ab", "--bos", "--tokens-out", "3"});
    CHECK(got.err.empty());
    CHECK(got.code == 0);
    for (const char* part :
         {"LlamaForCausalLM", "4 of 8, key and value heads 2", "V              258",
          "context        24", "default, theta 10000", "F32", "model.safetensors", "MiB",
          "byte-level BPE, 258 tokens, bos 257 '<s>'", "continuation   <s>ab"})
        CHECK_MESSAGE(contains(got.out, part), part);
    std::filesystem::remove(at.dir / "model/tokenizer.json");
    const auto bare = test::command({"inspect", "--model", at.dir / "model"});
    CHECK(bare.code == 0);
    CHECK(contains(bare.out, "none that is read"));
    CHECK(test::command({"inspect", "--model", at.dir / "model", "--prompt", "x"}).code == 2);
}

TEST_CASE("embed gives the embeddings of an independent program") {
    const auto model = test::data_dir() / "checkpoints" / "stories260K";
    const auto oracle = test::data_dir() / "embeddings" / "stories260K_persona.h5";
    const auto data = test::data_dir() / "persona" / "openness.jsonl";
    if (!test::available(model) || !test::available(oracle) || !test::available(data)) return;
    const test::TemporaryDirectory dir;
    const auto run = test::command({"embed", "--model", model.string(), "--data", data.string(),
                                    "--bos", "--no-shared", "--out", dir / "e.h5"});
    CHECK(run.err.empty());
    REQUIRE(run.code == 0);
    const auto got = read_features(dir / "e.h5");
    REQUIRE(got.size() == 1);
    for (const Dataset& want : read_features(oracle.string())) {
        if (want.name != "openness") continue;
        CHECK(test::relative_error(got[0].features, want.features) <= 1e-5);
        CHECK(got[0].label == want.label);
    }
    CHECK(integer_attribute(dir / "e.h5", "openness", "first_token") == 452);
    CHECK(integer_attribute(dir / "e.h5", "openness", "second_token") == 458);
    CHECK(text_attribute(dir / "e.h5", "openness", "shared_tokens") == "410");
}

TEST_CASE("embed: an embedding that is not finite is named by file and line") {
    const test::EmbedFixture at;
    test::SmallModel model;
    model.vocabulary = 258;
    model.context = 24;
    auto weights = test::random_weights(model, 5);
    for (double& w : weights.at("model.norm.weight").value) w = 3e38;
    test::write_checkpoint(at.dir / "model", model, weights);
    const auto got = at.embed({"--data", at.dir / "y.jsonl", "--out", at.dir / "no.h5"});
    CHECK(got.code == 2);
    CHECK_MESSAGE(contains(got.err, at.dir / "y.jsonl, y line 1: its embedding is not finite"),
                  got.err);
}
