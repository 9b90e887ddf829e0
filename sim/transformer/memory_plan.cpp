#include "sim/transformer/transformer.hpp"

namespace prefdyn::transformer {

MemoryPlan memory_plan(const ModelConfig& c, Index prompts, Index tokens, Index longest,
                       Index threads) {
    constexpr Index kBatchTokens = 192;
    const Index q = c.heads * c.head_size, kv = c.kv_heads * c.head_size;
    const Index batch = kBatchTokens + longest;  // a batch ends with the prompt that fills it
    const Index row = c.hidden + (q + 2 * kv) + q + 3 * c.ffn;
    const Index head = 2 * (c.head_size + 8) * (longest + 8);  // keys and values of one head
    const auto bytes = [](Index floats) {
        return static_cast<std::size_t>(floats) * sizeof(float);
    };
    MemoryPlan plan;
    plan.layer = bytes(c.hidden * (2 * q + 2 * kv) + 3 * c.hidden * c.ffn);
    plan.hidden = bytes(tokens * c.hidden);
    plan.work = bytes(threads * (batch * row + head) + longest * c.head_size);
    plan.result = bytes(prompts * c.hidden);
    return plan;
}

}  // namespace prefdyn::transformer
