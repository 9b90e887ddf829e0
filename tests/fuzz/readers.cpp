// libFuzzer target of the readers of sim/lm/text; FUZZ_TARGET says which. Anything but success or
// an InputError is a finding.
#include <cstdint>
#include <cstdlib>
#include <sstream>
#include <string>

#include "sim/base/failure.hpp"
#include "sim/lm/text/dialogues.hpp"
#include "sim/lm/text/prompts.hpp"
#include "sim/lm/text/tokenizer/json_tokenizer.hpp"
#include "sim/lm/text/tokenizer/sentencepiece_tokenizer.hpp"

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
