#include <algorithm>

#include "sim/base/failure.hpp"
#include "sim/lm/model/device/card_places.hpp"
#include "sim/lm/model/device/number.hpp"
#include "sim/lm/model/layer.hpp"
#include "sim/lm/model/transformer.hpp"

namespace prefdyn::transformer {

MemoryPlan memory_plan(const ModelConfig& c, Index prompts, Index tokens, Index longest,
                       Index threads) {
    const Index batch = kBatchTokens + longest;  // a batch ends with the prompt that fills it
    // At the end of attention, with its input normalised and its output, or of the MLP; what a
    // layer has used it gives back.
    const Index row = std::max(
        columns_of<AttentionTape<float>>(c) + columns_of<AttentionWork<float>>(c) + c.hidden,
        columns_of<MlpTape<float>>(c) + columns_of<MlpWork<float>>(c) +
            (c.parallel ? c.hidden : 0));
    const Index head = (2 * c.head_size + 17) * (longest + 8);  // its keys, values and scores
    const auto bytes = [](Index floats) {
        return static_cast<std::size_t>(floats) * sizeof(float);
    };
    MemoryPlan plan;
    for (std::size_t p = 0; p < kParts; ++p)
        if (const auto shape = part_shape(c, static_cast<Part>(p)); shape.size() == 2)
            plan.layer += PackedMatrix::bytes(shape[0], shape[1]);
    plan.hidden = bytes(tokens * c.hidden);
    plan.work = bytes(threads * (batch * row + head) + longest * c.head_size);
    plan.result = bytes(prompts * c.hidden);
    return plan;
}

namespace {

constexpr std::size_t kMebibyte = std::size_t{1} << 20;

std::string mebibytes(std::size_t bytes) {
    return std::to_string((bytes + kMebibyte - 1) / kMebibyte) + " MiB";
}

/// Batches of `batch` tokens, prompts of up to `longest`, without the hidden states.
template <class T>
CardPlan fixed_part(const ModelConfig& c, Index longest, std::size_t budget, Index batch) {
    const std::size_t share = budget / 64 / 256 * 256;
    CardPlan plan;
    plan.batch_tokens = batch;
    plan.slot_bytes = std::clamp(share, std::size_t{4096}, 32 * kMebibyte);
    plan.workspace_bytes = std::clamp(share, std::size_t{65536}, 32 * kMebibyte);
    plan.layers = 2 * device::placed_bytes<device::StackedWeights<T>>(c);
    plan.staging = 2 * plan.slot_bytes + plan.workspace_bytes +
                   static_cast<std::size_t>(longest * c.head_size * 4);
    plan.work = device::placed_bytes<device::BatchValues<T>>(c, std::max(batch, longest));
    return plan;
}

}  // namespace

CardPlan plan_card(const ModelConfig& config, Precision precision, Index longest,
                   std::size_t budget) {
    constexpr Index kMostBatch = 16384, kLeastBatch = 32, kMostChunk = 65536;
    const auto row = static_cast<std::size_t>(config.hidden) * sizeof(float);
    CardPlan plan;
    for (Index batch = kMostBatch; batch >= kLeastBatch; batch /= 2) {
        plan = precision == Precision::kBfloat16
                   ? fixed_part<device::Bfloat16>(config, longest, budget, batch)
                   : fixed_part<float>(config, longest, budget, batch);
        const std::size_t rest = budget - std::min(budget, plan.total());
        // A chunk ends with the prompt that reaches its tokens.
        plan.chunk_tokens =
            std::min(kMostChunk, static_cast<Index>(rest / row) - std::max<Index>(longest, 1));
        if (plan.chunk_tokens < batch) continue;
        plan.hidden = static_cast<std::size_t>(plan.chunk_tokens + longest) * row;
        return plan;
    }
    throw InputError(
        "GPU memory: two layers of weights need " + mebibytes(plan.layers) +
            ", a batch of tokens at least " +
            mebibytes(plan.work + row * static_cast<std::size_t>(kLeastBatch + longest)) +
            ", buffers " + mebibytes(plan.staging) + "; " + mebibytes(budget) + " are free",
        precision == Precision::kBfloat16
            ? "--device cpu"
            : "--precision bfloat16 halves it; --device cpu needs none");
}

}  // namespace prefdyn::transformer
