#include "sim/base/levels/level.hpp"

#include <Eigen/Core>
#include <atomic>
#include <cstdlib>

#include "sim/base/failure.hpp"

namespace prefdyn {

namespace {

/// Eigen cuts a product's sums by the size of the first cache, which processors have different ones
/// of: everywhere as if it were this one.
[[maybe_unused]] const bool kCutsAlike = [] {
    Eigen::setCpuCacheSizes(32 << 10, 1 << 20, 32 << 20);
    return true;
}();

Level level_at_start() {
    const std::vector<Level> all = runnable_levels();
    const char* text = std::getenv("PREFDYN_LEVEL");
    if (!text || !*text) return all.back();
    std::string known;
    for (const Level at : all) {
        const std::string name = level_names()[static_cast<std::size_t>(at)];
        if (name == text) return at;
        known += (known.empty() ? "" : ", ") + name;
    }
    throw InputError("PREFDYN_LEVEL: '" + std::string(text) + "' is not one of " + known,
                     "unset it to take the highest that this processor has");
}

std::atomic<Level>& current() {
    static std::atomic<Level> level{level_at_start()};
    return level;
}

}  // namespace

std::vector<Level> runnable_levels() {
    std::vector<Level> out = {Level::kPortable};
#if defined(PREFDYN_X86_LEVELS)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2")) out.push_back(Level::kAvx2);
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw"))
        out.push_back(Level::kAvx512);
#endif
    return out;
}

Level level() { return current().load(std::memory_order_relaxed); }

void use_level(Level chosen) { current().store(chosen); }

}  // namespace prefdyn
