#include "sim/clusters/clusters.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <string>

#include "sim/base/failure.hpp"
#include "sim/base/stream.hpp"
#include "sim/data/noise.hpp"

namespace prefdyn {

namespace {

std::vector<TokenPair> pairs_of(Index clusters, TokenPair (*pair)(Index)) {
    std::vector<TokenPair> out;
    for (Index k = 0; k < clusters; ++k) out.push_back(pair(k));
    return out;
}

Index shared(Index a, Index b) { return a == b ? 1 : 0; }

}  // namespace

std::vector<TokenPair> own_pairs(Index clusters) {
    return pairs_of(clusters, [](Index k) { return TokenPair{2 * k, 2 * k + 1}; });
}

std::vector<TokenPair> chained_pairs(Index clusters) {
    return pairs_of(clusters, [](Index k) { return TokenPair{k, k + 1}; });
}

std::vector<TokenPair> one_pair(Index clusters) {
    return pairs_of(clusters, [](Index) { return TokenPair{0, 1}; });
}

void validate(const ClusterSpec& spec) {
    std::string problems;
    const auto require = [&](bool met, const std::string& what) {
        if (!met) problems.append(problems.empty() ? "" : "\n").append("clusters: ").append(what);
    };
    const Index K = spec.clusters();
    require(K > 0, "there is no response pair, and so no cluster");
    require(spec.samples > 0,
            "samples a side = " + std::to_string(spec.samples) + ", must be at least 1");
    require(spec.dimension > K, "dimension = " + std::to_string(spec.dimension) + ", " +
                                    std::to_string(K) +
                                    " orthonormal centres and a common mean orthogonal to them "
                                    "need at least " +
                                    std::to_string(K + 1));
    require(spec.offset >= 0.0 && std::isfinite(spec.offset),
            "offset = " + std::to_string(spec.offset) + ", a length is not negative");
    require(spec.spread > 0.0 && std::isfinite(spec.spread),
            "spread = " + std::to_string(spec.spread) + ", must be positive");
    for (Index k = 0; k < K; ++k) {
        const auto [first, second] = spec.pairs[static_cast<std::size_t>(k)];
        require(first != second && first >= 0 && second >= 0,
                "pair " + std::to_string(k) + " = (" + std::to_string(first) + ", " +
                    std::to_string(second) + "), two different tokens are needed");
    }
    if (!problems.empty()) throw InputError(problems);
}

Index most_common(const std::vector<TokenPair>& pairs) {
    std::map<Index, Index> count;
    Index most = 0;
    for (const TokenPair& p : pairs)
        for (const Index token : {p.first, p.second}) most = std::max(most, ++count[token]);
    return most;
}

Matrix pair_gram(const std::vector<TokenPair>& pairs) {
    const auto K = static_cast<Index>(pairs.size());
    Matrix out(K, K);
    for (Index k = 0; k < K; ++k)
        for (Index l = 0; l < K; ++l) {
            const TokenPair &a = pairs[static_cast<std::size_t>(k)],
                            &b = pairs[static_cast<std::size_t>(l)];
            out(k, l) = static_cast<double>(shared(a.first, b.first) + shared(a.second, b.second) -
                                            shared(a.first, b.second) - shared(a.second, b.first));
        }
    return out;
}

RowMatrix sample_clusters(const ClusterSpec& spec, std::uint64_t seed) {
    validate(spec);
    RowMatrix z(spec.size(), spec.dimension);
#pragma omp parallel for schedule(static)
    for (Index j = 0; j < z.rows(); ++j) {
        Stream stream(seed, Purpose::kFeatures, static_cast<std::uint64_t>(j));
        fill_noise(NoiseSpec{}, stream, z.row(j).data(), spec.dimension);
        z.row(j) *= spec.spread;
        const Index cluster = j / (2 * spec.samples);
        const bool plus = j % (2 * spec.samples) < spec.samples;
        z(j, cluster) += 1.0;
        z(j, spec.clusters()) += plus ? spec.offset : -spec.offset;
    }
    return z;
}

}  // namespace prefdyn
