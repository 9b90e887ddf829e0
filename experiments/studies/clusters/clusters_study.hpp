#pragma once
// Clusters with response pairs of their own (theory.md T14): margins between two lines, the risk,
// and how many samples a cluster needs as clusters are added.

#include "experiments/studies/study.hpp"
#include "theory/clusters/cluster_facts.hpp"

namespace prefdyn {

/// Trained by gradient flow to tau_1, `records` times evenly spread.
theory::ClusterFacts train_clusters(const ClusterSpec& spec, int records, std::uint64_t seed);

/// T14a to T14d over K, Q, v, l_b and the way pairs share tokens.
Study clusters_study();

}  // namespace prefdyn
