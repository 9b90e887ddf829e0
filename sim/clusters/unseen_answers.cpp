#include "sim/clusters/unseen_answers.hpp"

#include <cmath>
#include <string>

#include "sim/base/failure.hpp"
#include "sim/base/stream.hpp"
#include "sim/data/noise.hpp"

namespace prefdyn {

namespace {

RowMatrix gaussian(Stream& stream, Index rows, Index columns) {
    RowMatrix out(rows, columns);
    fill_noise(NoiseSpec{}, stream, out.data(), out.size());
    return out;
}

/// Rows s times their topic's direction, s = +1 for the first half, and noise.
RowMatrix prompts_about(const UnseenSpec& spec, const RowMatrix& direction, Stream& stream) {
    const double scale = spec.spread / std::sqrt(static_cast<double>(spec.dimension));
    RowMatrix out = scale * gaussian(stream, spec.topics * spec.prompts, spec.dimension);
    for (Index i = 0; i < out.rows(); ++i) {
        const bool first = i % spec.prompts < spec.prompts / 2;
        out.row(i) += (first ? 1.0 : -1.0) * direction.row(i / spec.prompts);
    }
    return out;
}

}  // namespace

void validate(const UnseenSpec& spec) {
    std::string problems;
    const auto require = [&](bool met, const std::string& what) {
        if (!met)
            problems.append(problems.empty() ? "" : "\n").append("unseen answers: ").append(what);
    };
    require(spec.topics > 0, "topics = " + std::to_string(spec.topics) + ", must be at least 1");
    require(spec.prompts >= 2 && spec.prompts % 2 == 0,
            "prompts a topic = " + std::to_string(spec.prompts) + ", must be even");
    require(spec.dimension > 0,
            "dimension = " + std::to_string(spec.dimension) + ", must be at least 1");
    require(spec.spread >= 0.0 && std::isfinite(spec.spread),
            "spread = " + std::to_string(spec.spread) + ", must not be negative");
    require(spec.paraphrase >= 0.0 && std::isfinite(spec.paraphrase),
            "paraphrase = " + std::to_string(spec.paraphrase) + ", must not be negative");
    if (!problems.empty()) throw InputError(problems);
}

UnseenData sample_unseen(const UnseenSpec& spec, std::uint64_t seed) {
    validate(spec);
    Stream stream(seed, Purpose::kFeatures);
    const double unit = 1.0 / std::sqrt(static_cast<double>(spec.dimension));
    const RowMatrix direction = unit * gaussian(stream, spec.topics, spec.dimension);
    UnseenData out;
    out.token = gaussian(stream, 4 * spec.topics, spec.dimension);
    for (Index topic = 0; topic < spec.topics; ++topic) {
        auto paraphrases = out.token.middleRows(4 * topic + 2, 2);
        paraphrases = out.token.middleRows(4 * topic, 2) + spec.paraphrase * paraphrases;
    }
    out.prompt = prompts_about(spec, direction, stream);
    out.fresh = prompts_about(spec, direction, stream);
    for (Index i = 0; i < out.prompt.rows(); ++i) {
        const Index token = 4 * (i / spec.prompts);
        const Index chosen = i % spec.prompts < spec.prompts / 2 ? 0 : 1;
        out.trained.push_back({token + chosen, token + 1 - chosen});
        out.unseen.push_back({token + 2 + chosen, token + 3 - chosen});
    }
    return out;
}

RowMatrix feature_gaps(const UnseenData& data, const RowMatrix& prompt,
                       const std::vector<TokenPair>& pairs) {
    RowMatrix out(prompt.rows(), prompt.cols());
    for (Index i = 0; i < out.rows(); ++i) {
        const TokenPair pair = pairs[static_cast<std::size_t>(i)];
        out.row(i) =
            prompt.row(i).cwiseProduct(data.token.row(pair.first) - data.token.row(pair.second));
    }
    return out;
}

}  // namespace prefdyn
