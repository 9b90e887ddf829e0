// A trained model against embeddings an independent float64 program computed; skipped where the
// files are absent. The ids come from a small encoder of its own, so that only the transformer is
// on trial.
#include <doctest/doctest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "sim/data/feature_file.hpp"
#include "sim/lm/model/transformer.hpp"
#include "tests/support/support.hpp"

using namespace prefdyn;
using namespace prefdyn::transformer;

namespace {

/// Pieces and scores of a SentencePiece model: field 1 of the file holds messages whose field 1 is
/// the piece and field 2 its score.
struct Pieces {
    std::vector<std::string> text;
    std::vector<float> score;
    std::unordered_map<std::string, std::int32_t> id;

    explicit Pieces(const std::string& path) {
        std::ifstream in(path, std::ios::binary);
        const std::string bytes{std::istreambuf_iterator<char>(in), {}};
        for (std::size_t at = 0; at < bytes.size() && bytes[at] == 0x0a;) {
            const std::size_t length = varint(bytes, ++at), end = at + length;
            add(bytes.substr(at, length));
            at = end;
        }
    }
    static std::size_t varint(const std::string& bytes, std::size_t& at) {
        std::size_t value = 0;
        for (int shift = 0;; shift += 7) {
            const auto byte = static_cast<unsigned char>(bytes.at(at++));
            value |= static_cast<std::size_t>(byte & 127) << shift;
            if (byte < 128) return value;
        }
    }
    void add(const std::string& message) {
        REQUIRE(message.at(0) == 0x0a);
        std::size_t at = 1;
        const std::size_t length = varint(message, at);
        text.push_back(message.substr(at, length));
        float value = 0.0f;
        if (message.size() >= at + length + 5)
            std::memcpy(&value, message.data() + at + length + 1, sizeof value);
        score.push_back(value);
        id.emplace(text.back(), static_cast<std::int32_t>(text.size() - 1));
    }
    /// BOS, then ASCII characters merged by the best score, the leftmost of equal ones.
    TokenIds encode(const std::string& sentence) const {
        std::vector<std::string> parts;
        for (const char c : " " + sentence)
            parts.push_back(c == ' ' ? "\xe2\x96\x81" : std::string(1, c));
        while (merge(parts)) {
        }
        TokenIds ids = {1};
        for (const std::string& part : parts) {
            const auto found = id.find(part);
            if (found != id.end())
                ids.push_back(found->second);
            else
                for (const char c : part)  // bytes follow the three special pieces
                    ids.push_back(3 + static_cast<unsigned char>(c));
        }
        return ids;
    }
    bool merge(std::vector<std::string>& parts) const {
        std::size_t best = parts.size();
        float most = -std::numeric_limits<float>::infinity();
        for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
            const auto found = id.find(parts[i] + parts[i + 1]);
            if (found == id.end()) continue;
            const float value = score[static_cast<std::size_t>(found->second)];
            if (value > most) most = value, best = i;
        }
        if (best == parts.size()) return false;
        parts[best] += parts[best + 1];
        parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(best) + 1);
        return true;
    }
    std::string decode(const TokenIds& ids) const {
        std::string out;
        for (const auto token : ids) out += text[static_cast<std::size_t>(token)];
        for (std::size_t at; (at = out.find("\xe2\x96\x81")) != out.npos;)
            out.replace(at, 3, 1, ' ');
        return out;
    }
};

/// The first `count` lines that are ASCII, with their row in the file.
std::vector<std::pair<Index, std::string>> questions(const std::filesystem::path& path,
                                                     std::size_t count) {
    std::vector<std::pair<Index, std::string>> out;
    std::ifstream in(path);
    Index row = 0;
    for (std::string line; out.size() < count && std::getline(in, line); ++row) {
        const std::string question = nlohmann::json::parse(line).at("question");
        if (std::all_of(question.begin(), question.end(), [](char c) { return c > 0; }))
            out.emplace_back(row, question);
    }
    return out;
}

std::filesystem::path stories() { return test::data_dir() / "checkpoints" / "stories260K"; }

}  // namespace

TEST_CASE("embeddings of stories260K are those of an independent program") {
    const auto oracle = test::data_dir() / "embeddings" / "stories260K_persona.h5";
    if (!test::available(stories()) || !test::available(oracle)) return;
    const Transformer model(stories().string());
    const Pieces pieces((stories() / "tokenizer.model").string());
    const auto want = read_features(oracle.string());
    REQUIRE(want.size() == 24);
    double worst = 0.0;
    for (const auto& persona : want) {
        const auto asked = questions(test::data_dir() / "persona" / (persona.name + ".jsonl"), 25);
        REQUIRE(asked.size() == 25);
        std::vector<TokenIds> prompts;
        for (const auto& [row, question] : asked) prompts.push_back(pieces.encode(question));
        const RowsF got = model.embed(prompts);
        for (std::size_t i = 0; i < asked.size(); ++i) {
            const double error = test::relative_error(got.row(Index(i)).cast<double>(),
                                                      persona.features.row(asked[i].first));
            if (!(error <= worst)) worst = error;
        }
    }
    CHECK(worst <= 1e-5);
}

TEST_CASE("stories260K goes on as it should") {
    if (!test::available(stories())) return;
    const Transformer model(stories().string());
    const Pieces pieces((stories() / "tokenizer.model").string());
    const TokenIds start = pieces.encode("Once upon a time");
    CHECK(start == TokenIds{1, 403, 407, 261, 378});
    const std::string text = pieces.decode(model.greedy(start, 30));
    CHECK(text.starts_with(
        ", there was a little girl named Lily. She loved to play outside in the park."));
}
