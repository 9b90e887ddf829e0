// libFuzzer target of the readers of texts; FUZZ_TARGET says which. Anything but success or
// an InputError is a finding.
#include <cstdint>
#include <cstdlib>
#include <sstream>
#include <string>

#include "experiments/sweep/spec.hpp"
#include "sim/base/failure.hpp"
#include "sim/lm/model/adapter_config.hpp"
#include "sim/lm/text/dialogues.hpp"
#include "sim/lm/text/prompts.hpp"
#include "sim/lm/text/tokenizer/json_tokenizer.hpp"
#include "sim/lm/text/tokenizer/sentencepiece_tokenizer.hpp"
#include "tests/fuzz/fuzz_folder.hpp"
#include "theory/formula/claim_file.hpp"

namespace {

using namespace prefdyn;

/// What must hold for every tokeniser that loads.
void exercise(const text::Tokenizer& tokenizer) {
    for (const char* line : {"Is it? Yes", " <s>e\xCC\x81\r\n 123's", "\xF0\x9F\x98\x80 No"}) try {
            for (const text::Token id : tokenizer.encode(line))
                if (tokenizer.piece(id).empty() && tokenizer.kind() != "SentencePiece") continue;
            tokenizer.decode(tokenizer.encode(line));
        } catch (const InputError&) {
        }
}

/// The reader of preferences takes what the converter makes.
void convert(const std::string& input) {
    std::istringstream in(input);
    std::ostringstream out;
    const auto count = text::convert_dialogues(in, "fuzz.jsonl", out, {true, {}});
    std::istringstream made(out.str());
    try {
        const auto data = text::parse_preferences(made, "made.jsonl");
        if (data.lines.size() == count.written) return;
    } catch (const InputError&) {
    }
    std::abort();
}

/// What the canonical form says is the same again.
template <class Canonical>
void require_same_again(const std::string& input, Canonical canonical) {
    const std::string text = canonical(input);
    try {
        if (canonical(text) == text) return;
    } catch (const InputError& error) {
        std::fputs(error.what(), stderr);
    }
    std::abort();
}

void parse_spec(const std::string& input) {
    require_same_again(input, [](const std::string& text) {
        return sweep::parse_spec(text, "fuzz.ini").canonical();
    });
}

void parse_claims(const std::string& input) {
    require_same_again(input, [](const std::string& text) {
        return theory::parse_claims(text, "fuzz.claim").canonical;
    });
}

void read_adapter(const std::string& input) {
    using namespace transformer;
    const auto config = read_adapter_config(fuzz::file_with("adapter_config.json", input));
    for (const char* key : {"target_modules", "exclude_modules"})
        if (config.contains(key)) names_module(config[key], "model.layers.0.self_attn.q_proj", key);
    for (const char* key : {"rank_pattern", "alpha_pattern"})
        if (config.contains(key)) pattern_value(config[key], "model.layers.0.mlp.down_proj", key);
}

void read(const std::string& target, const std::string& input) {
    if (target == "json") {
        text::parse_json(input, "fuzz");
    } else if (target == "jsonl") {
        std::istringstream in(input);
        text::parse_preferences(in, "fuzz.jsonl");
    } else if (target == "dialogues") {
        convert(input);
    } else if (target == "tokenizer") {
        exercise(*text::json_tokenizer(text::parse_json(input, "fuzz"), {}, "fuzz", "hash"));
    } else if (target == "sentencepiece") {
        exercise(*text::sentencepiece_tokenizer(input, {}, "fuzz"));
    } else if (target == "spec") {
        parse_spec(input);
    } else if (target == "claims") {
        parse_claims(input);
    } else if (target == "adapter") {
        read_adapter(input);
    } else {
        std::abort();
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const std::string target = std::getenv("FUZZ_TARGET") ? std::getenv("FUZZ_TARGET") : "";
    try {
        read(target, std::string(reinterpret_cast<const char*>(data), size));
    } catch (const prefdyn::InputError&) {
    }
    return 0;
}
