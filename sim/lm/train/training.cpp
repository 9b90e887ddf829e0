#include "sim/lm/train/training.hpp"

#include <algorithm>
#include <cmath>

namespace prefdyn::finetune {

namespace {

std::string at_update(Index step, const std::string& what) {
    std::string out = "update ";
    return out.append(std::to_string(step)).append(": ").append(what);
}

}  // namespace

Training::Training(std::unique_ptr<Engine> engine, const Layout& layout, TrainingSpec spec,
                   std::span<const PairTokens> pairs, std::vector<ReferenceLogps> reference)
    : engine_(std::move(engine)),
      layout_(layout),
      spec_(std::move(spec)),
      pairs_(pairs),
      reference_(std::move(reference)),
      objective_(spec_.loss, spec_.divergence),
      sampler_(static_cast<Index>(pairs.size()), spec_.batch, Sampling::kEpoch, spec_.seed) {
    for (const PairTokens& pair : pairs)
        tokens_per_pair_.push_back(static_cast<Index>(pair.chosen.size() + pair.rejected.size()));
}

/// Names the tensor of the gradient that is not finite.
void Training::require_finite(double norm) {
    if (std::isfinite(norm)) return;
    const std::vector<double> squares = engine_->pass().gradient_squares();
    for (int b = 0; b < layout_.count(); ++b)
        if (!std::isfinite(squares[static_cast<std::size_t>(b)]))
            throw NonFinite(at_update(
                done_ + 1, "the gradient of " + layout_.block(b).name + " is not finite"));
    throw NonFinite(at_update(done_ + 1, "the norm of the gradient is not finite"));
}

UpdateRecord Training::step() {
    const std::vector<Index>& drawn = sampler_.next();
    std::vector<std::size_t> rows(drawn.begin(), drawn.end());
    std::sort(rows.begin(), rows.end());  // what order a batch was drawn in changes no bit
    UpdateRecord out;
    engine_->pass().clear_gradient();
    try {
        out.batch =
            add_mean_gradient(engine_->pass(), pairs_, rows, reference_, objective_, spec_.plan);
    } catch (const NonFinite& error) {
        throw NonFinite(at_update(done_ + 1, error.what()));
    }
    out.learning_rate = spec_.learning_rate * multiplier(spec_.schedule, done_, spec_.steps);
    out.grad_norm = engine_->update(spec_.max_grad_norm, out.learning_rate);
    require_finite(out.grad_norm);
    ++done_;
    for (const std::size_t row : rows) tokens_ += tokens_per_pair_[row];
    out.step = done_;
    out.num_tokens = static_cast<double>(tokens_);
    out.epoch =
        static_cast<double>(sampler_.rows_after(done_)) / static_cast<double>(pairs_.size());
    return out;
}

Training::State Training::state() const { return {engine_->state(), done_, tokens_}; }

void Training::restore(const State& state) {
    engine_->restore(state.vectors, state.done);
    for (; done_ < state.done; ++done_) sampler_.next();
    tokens_ = state.tokens;
}

}  // namespace prefdyn::finetune
