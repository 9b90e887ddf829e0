#include "sim/head/engine.hpp"

#include "sim/head/dense_engine.hpp"
#include "sim/head/reduced_engine.hpp"

namespace prefdyn {

std::unique_ptr<PolicyEngine> make_engine(EngineKind kind, const PreferenceTask& task) {
    if (kind == EngineKind::kReduced) return std::make_unique<ReducedEngine>(task);
    if (kind == EngineKind::kReducedF32) return std::make_unique<ReducedEngineF32>(task);
    return std::make_unique<DenseEngine>(task);
}

}  // namespace prefdyn
