#pragma once
// A small model with the bytes as its tokens, pairs to train it on, and what training left.

#include <fstream>

#include "experiments/finetune/run_file.hpp"
#include "sim/base/cancel.hpp"
#include "tests/support/embed_support.hpp"

namespace prefdyn::test {

inline std::string read_text(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

/// DIR/model, DIR/d.jsonl and DIR/e.jsonl with 24 pairs each.
struct FinetuneFixture : EmbedFixture {
    FinetuneFixture() {
        for (const char* name : {"d", "e"}) {
            std::string lines;
            for (int i = 0; i < 24; ++i)
                lines +=
                    data_line(name + std::string(" number ") + std::to_string(i * i), i % 3 == 0);
            write_bytes(dir / (std::string(name) + ".jsonl"), lines);
        }
    }
    /// Calls without --out.
    std::vector<std::string> training(std::vector<std::string> more) const {
        const std::vector<std::string> all = {"--data", dir / "d.jsonl", "--bos", "--batch",
                                              "5",      "--lr",          "1e-3",  "--beta",
                                              "0.3",    "--threads",     "1"};
        more.insert(more.begin(), all.begin(), all.end());
        return more;
    }
    std::vector<std::string> finetune(const std::vector<std::string>& more) const {
        auto call = training(more);
        call.insert(call.begin(), {"finetune", "--model", dir / "model"});
        return call;
    }
    std::vector<std::string> misalign(const std::string& aligned,
                                      const std::vector<std::string>& more) const {
        auto call = training(more);
        call.insert(call.begin(), {"misalign", "--base", dir / "model", "--aligned", aligned});
        return call;
    }
    /// A model that finetune has aligned.
    std::string aligned(const std::vector<std::string>& more = {}) const {
        const std::string out = dir / "aligned";
        if (std::filesystem::exists(out)) return out;
        auto call = finetune(more);
        call.insert(call.end(), {"--steps", "20", "--out", out});
        REQUIRE(command(call).code == 0);
        return out;
    }
};

/// Every dataset of a file of training runs, bytes and strings.
inline std::string run_content(const std::string& path) {
    const h5::Reader file(path);
    std::string out;
    for (const Field& f : finetune_fields()) {
        out += f.name;
        if (f.type == FieldType::kText) {
            for (const std::string& s : file.strings(f.name)) out.append(s).append("\n");
        } else {
            const auto x = file.numbers(f.name);
            out.append(reinterpret_cast<const char*>(x.data()), x.size() * sizeof(double));
        }
    }
    return out;
}

/// The same files below both places, and the same in them; result files but for their attributes.
inline void check_same_files(const std::string& want, const std::string& got) {
    namespace fs = std::filesystem;
    if (!fs::is_directory(want)) {
        CHECK(run_content(want) == run_content(got));
        return;
    }
    std::size_t count = 0, there = 0;
    for (const auto& entry : fs::recursive_directory_iterator(got))
        there += entry.is_regular_file() ? 1 : 0;
    for (const auto& entry : fs::recursive_directory_iterator(want)) {
        if (!entry.is_regular_file()) continue;
        ++count;
        const std::string name = fs::relative(entry.path(), want).string();
        const std::string other = (fs::path(got) / name).string();
        REQUIRE_MESSAGE(fs::exists(other), name);
        const bool results = entry.path().extension() == ".h5";
        const auto read = [&](const std::string& path) {
            return results ? run_content(path) : read_text(path);
        };
        CHECK_MESSAGE(read(entry.path().string()) == read(other), name);
    }
    CHECK(count == there);
    CHECK(count >= 3);
}

}  // namespace prefdyn::test
