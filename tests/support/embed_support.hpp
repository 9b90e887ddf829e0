#pragma once
// A folder with a small model, the bytes as its tokens, and data files to embed with it.

#include <hdf5_hl.h>

#include <sstream>

#include "experiments/commands/commands.hpp"
#include "sim/base/hdf5_file.hpp"
#include "tests/support/text_support.hpp"
#include "tests/support/transformer_support.hpp"

namespace prefdyn::test {

struct Outcome {
    int code;
    std::string out, err;
};

inline Outcome command(const std::vector<std::string>& arguments) {
    std::ostringstream out, err;
    const int code = run_command(arguments, out, err);
    return {code, out.str(), err.str()};
}

inline std::string text_attribute(const std::string& path, const std::string& object,
                                  const std::string& key) {
    const h5::Handle file(H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose);
    hsize_t extent = 0;
    H5T_class_t type{};
    std::size_t size = 0;
    if (H5LTget_attribute_info(file.id(), object.c_str(), key.c_str(), &extent, &type, &size) < 0)
        return "absent";
    std::string out(size, '\0');
    H5LTget_attribute_string(file.id(), object.c_str(), key.c_str(), out.data());
    return out.c_str();
}

/// Answers " A" and " B": they share the token 32 and part in 65 and 66.
inline std::string data_line(const std::string& prompt, bool first) {
    const std::string a = R"(" A")", b = R"(" B")";
    return R"({"prompt": ")" + prompt + R"(", "chosen": )" + (first ? a : b) + R"(, "rejected": )" +
           (first ? b : a) + "}\n";
}

/// DIR/model with 258 tokens (257 is bos) and a context of 24, DIR/x.jsonl, DIR/y.jsonl.
struct EmbedFixture {
    TemporaryDirectory dir;
    EmbedFixture() {
        SmallModel model;
        model.vocabulary = 258;
        model.context = 24;
        write_checkpoint(dir / "model", model, random_weights(model, 5));
        text::Json tokens = byte_level_json();
        tokens["added_tokens"] = {added_token("<pad>", 256), added_token("<s>", 257)};
        write_bytes(dir / "model/tokenizer.json", tokens.dump());
        write_bytes(dir / "model/tokenizer_config.json", R"({"bos_token": "<s>"})");
        write_bytes(dir / "x.jsonl",
                    data_line("one", true) + data_line("three", false) + data_line("two", true));
        write_bytes(dir / "y.jsonl", data_line("two", false) + data_line("a longer one", true));
    }
    Outcome embed(std::vector<std::string> more) const {
        more.insert(more.begin(), {"embed", "--model", dir / "model"});
        return command(more);
    }
};

}  // namespace prefdyn::test
