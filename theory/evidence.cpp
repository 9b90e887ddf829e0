#include "theory/evidence.hpp"

#include <type_traits>

namespace prefdyn::theory {

namespace {

template <class Part>
struct Finder {
    const Part* operator()(std::monostate) const { return nullptr; }
    template <class... Others>
    const Part* operator()(const std::tuple<const Others*...>& parts) const {
        const Part* found = nullptr;
        const auto take = [&](const auto* part) {
            if constexpr (std::is_convertible_v<decltype(part), const Part*>) found = part;
        };
        std::apply([&](const auto*... part) { (take(part), ...); }, parts);
        return found;
    }
};

}  // namespace

template <class Part>
const Part* Evidence::find() const {
    return std::visit(Finder<Part>{}, of);
}

template const MeanStatistics* Evidence::find() const;
template const DatasetStatistics* Evidence::find() const;
template const Trajectory* Evidence::find() const;
template const NoiseFloor* Evidence::find() const;
template const FreshAccuracy* Evidence::find() const;
template const Convergence* Evidence::find() const;
template const BehaviourStatistics* Evidence::find() const;
template const TwoLayerFacts* Evidence::find() const;
template const TabularFacts* Evidence::find() const;
template const InfluenceFacts* Evidence::find() const;
template const InitialUpdates* Evidence::find() const;
template const ClusterFacts* Evidence::find() const;
template const AnswerFacts* Evidence::find() const;
template const UnseenFacts* Evidence::find() const;
template const SamplerFacts* Evidence::find() const;
template const NoisyFacts* Evidence::find() const;
template const RecursionFacts* Evidence::find() const;
template const DesignFacts* Evidence::find() const;
template const StepFacts* Evidence::find() const;

}  // namespace prefdyn::theory
