#pragma once
// Clusters with response pairs of their own (Im & Li, arXiv 2408.03459): cluster k is a pair of
// Gaussians N(+-c_k + b, v^2 I), the c_k orthonormal, b orthogonal to them; a sample of class s
// prefers the first token of its cluster's pair where s = +1, the second where s = -1.

#include <vector>

#include "sim/base/types.hpp"

namespace prefdyn {

struct TokenPair {
    Index first, second;
};

/// Cluster k has tokens 2k and 2k + 1.
std::vector<TokenPair> own_pairs(Index clusters);
/// Cluster k has tokens k and k + 1: two clusters share one.
std::vector<TokenPair> chained_pairs(Index clusters);
/// Every cluster has tokens 0 and 1, as with Yes and No.
std::vector<TokenPair> one_pair(Index clusters);

struct ClusterSpec {
    Index samples = 50;                           ///< Q, a side: N = 2 K Q
    Index dimension = 64;                         ///< d > K
    double offset = 0.5;                          ///< l_b = ||b||
    double spread = 0.1;                          ///< v
    std::vector<TokenPair> pairs = own_pairs(8);  ///< (K)

    Index clusters() const { return static_cast<Index>(pairs.size()); }
    Index size() const { return 2 * clusters() * samples; }
};

/// Throws one InputError that lists everything wrong with the spec.
void validate(const ClusterSpec& spec);

/// Z: how often the commonest token occurs in all pairs.
Index most_common(const std::vector<TokenPair>& pairs);

/// <u_k, u_l>, u_k = e_first - e_second (K, K).
Matrix pair_gram(const std::vector<TokenPair>& pairs);

/// z_j = s_j g_j (N, d), cluster by cluster, class +1 first: what a margin needs of a sample. The
/// c_k and b lie along the axes. Row j depends on (seed, j) alone.
RowMatrix sample_clusters(const ClusterSpec& spec, std::uint64_t seed);

}  // namespace prefdyn
