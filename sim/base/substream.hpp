#pragma once
// Who draws what where several experiments share a purpose: each has a range of its indices, and no
// two ranges meet, so that no two experiments see the same noise. (What an object draws for itself
// under a seed of its own, its features or its batches, is named by the purpose and an index.)

#include <stdexcept>

#include "sim/base/stream.hpp"

namespace prefdyn {

enum class Substream {
    kSuiteRuns,  ///< of verify; of scaled, which has no such runs, the Gaussian twins
    kCoverage,
    kProbabilityCases,
    kProbabilityCurves,
    kInfluence,
    kCrossedRuns,
    kFreshAccuracy,
    kLimitingAccuracy,
    kDynamics,
    kLosses,
    kNoiseFloor,
    kMinibatches,
    kPrioritySettings,
    kPriorityOrders,
    kMisalignmentFeatures,
    kMisalignmentSynthetic,
    kMoreMisalignmentFeatures,  ///< behind the first 1000
    kTabularWorlds,
    kBrokenWorlds,
    kTiedWorld,
    kTabularSamples,
    kBrokenSamples,
    kSearchFeatures,
    kSearchStart,
    kSearchBehaviours,
    kOrderIntervals,
    kScaledIntervals,
    kDesign,  ///< of a sweep, whose points are named by a hash and a replicate
    kClusters,
    kAnswers,
    kAnswerIntervals,
    kSamplers,
    kFiniteSteps,
    kDesigns,
    kUnseen,
    kNoisyLabels,
};

struct StreamRange {
    Substream name;
    Purpose purpose;
    std::uint64_t first, count;
};

/// In the order of the enumeration. The numbers are part of the file format: never renumber.
inline constexpr StreamRange kStreamRanges[] = {
    {Substream::kSuiteRuns, Purpose::kSuite, 0, 1000000},
    {Substream::kCoverage, Purpose::kSuite, 1000000, 100000},
    {Substream::kProbabilityCases, Purpose::kSuite, 1100000, 1},
    {Substream::kProbabilityCurves, Purpose::kSuite, 1200000, 100000},
    {Substream::kInfluence, Purpose::kSuite, 1300000, 1},
    {Substream::kCrossedRuns, Purpose::kSuite, 2000000, 1},
    {Substream::kFreshAccuracy, Purpose::kSuite, 3000000, 100000},
    {Substream::kLimitingAccuracy, Purpose::kSuite, 3100000, 100000},
    {Substream::kDynamics, Purpose::kSuite, 4000000, 1000000},
    {Substream::kLosses, Purpose::kSuite, 5000000, 1000000},
    {Substream::kNoiseFloor, Purpose::kSuite, 8000000, 1000000},
    {Substream::kMinibatches, Purpose::kSuite, 20000000, 1000000},
    {Substream::kPrioritySettings, Purpose::kBehaviours, 0, 1000000},
    {Substream::kPriorityOrders, Purpose::kBehaviours, 1000000, 1000000},
    {Substream::kMisalignmentFeatures, Purpose::kEmbedding, 0, 1000},
    {Substream::kMisalignmentSynthetic, Purpose::kEmbedding, 1000, 1000},
    {Substream::kMoreMisalignmentFeatures, Purpose::kEmbedding, 2000, 1000000},
    {Substream::kTabularWorlds, Purpose::kTabular, 0, 1000},
    {Substream::kBrokenWorlds, Purpose::kTabular, 1000, 1},
    {Substream::kTiedWorld, Purpose::kTabular, 1001, 1},
    {Substream::kTabularSamples, Purpose::kTabular, 2000, 1000},
    {Substream::kBrokenSamples, Purpose::kTabular, 3000, 1000},
    {Substream::kSearchFeatures, Purpose::kSearch, 0, 1},
    {Substream::kSearchStart, Purpose::kSearch, 1, 1},
    {Substream::kSearchBehaviours, Purpose::kSearch, 2, 1},
    {Substream::kOrderIntervals, Purpose::kBootstrap, 0, 1000000},
    {Substream::kScaledIntervals, Purpose::kBootstrap, 3000000, 1000000},
    {Substream::kDesign, Purpose::kSweep, std::uint64_t{1} << 62, std::uint64_t{1} << 61},
    {Substream::kClusters, Purpose::kSuite, 9000000, 1000000},
    {Substream::kAnswers, Purpose::kSuite, 10000000, 1000000},
    {Substream::kAnswerIntervals, Purpose::kBootstrap, 4000000, 1000},
    {Substream::kSamplers, Purpose::kTabular, 4000, 1000000},
    {Substream::kFiniteSteps, Purpose::kTabular, 2000000, 1000000},
    {Substream::kDesigns, Purpose::kTabular, 3000000, 1000000},
    {Substream::kUnseen, Purpose::kSuite, 11000000, 1000000},
    {Substream::kNoisyLabels, Purpose::kSuite, 12000000, 1000000},
};

/// Each name has its entry, and no two entries share an index of one purpose.
constexpr bool disjoint_stream_ranges() {
    std::size_t place = 0;
    for (const StreamRange& a : kStreamRanges) {
        if (static_cast<std::size_t>(a.name) != place++ || a.count == 0) return false;
        for (const StreamRange& b : kStreamRanges)
            if (&a != &b && a.purpose == b.purpose && a.first < b.first + b.count &&
                b.first < a.first + a.count)
                return false;
    }
    return true;
}
static_assert(disjoint_stream_ranges());

/// Throws std::logic_error for an index beyond the range.
inline Stream stream_of(std::uint64_t seed, Substream name, std::uint64_t index = 0) {
    const StreamRange& range = kStreamRanges[static_cast<std::size_t>(name)];
    if (index >= range.count) throw std::logic_error("random stream: index beyond its range");
    return Stream(seed, range.purpose, range.first + index);
}

/// A seed for an independent sub-experiment: the first word of its stream.
inline std::uint64_t derive_seed(std::uint64_t seed, Substream name, std::uint64_t index = 0) {
    return stream_of(seed, name, index)();
}

}  // namespace prefdyn
