#include "sim/finetune/training.hpp"

#include <algorithm>
#include <cmath>

#include "sim/error.hpp"

namespace prefdyn::finetune {

namespace {

Parameters<float> copy_of(const Parameters<float>& weights, const std::vector<bool>& blocks) {
    Parameters<float> out(weights.layout(), blocks);
    for (int b = 0; b < weights.layout().count(); ++b)
        if (out.has(b)) out.matrix(b) = weights.matrix(b);
    return out;
}

std::vector<bool> adapted(const Trainable<float>& trainable) {
    std::vector<bool> out(trainable.held().size(), false);
    for (const Piece& piece : trainable.pieces())
        if (piece.kind != Piece::Kind::kBlock) out[static_cast<std::size_t>(piece.block)] = true;
    return out;
}

std::string at_update(Index step, const std::string& what) {
    std::string out = "update ";
    return out.append(std::to_string(step)).append(": ").append(what);
}

}  // namespace

Training::Training(const ModelConfig& config, Parameters<float> weights, TrainingSpec spec,
                   std::span<const PairTokens> pairs, std::vector<ReferenceLogps> reference)
    : spec_(std::move(spec)),
      pairs_(pairs),
      reference_(std::move(reference)),
      objective_(spec_.loss),
      trainable_(weights.layout(), spec_.trained, spec_.seed),
      weights_(std::move(weights)),
      base_(copy_of(weights_, adapted(trainable_))),
      gradient_(weights_.layout(), trainable_.held()),
      theta_(trainable_.initial(weights_)),
      rule_(make_update_rule(spec_.update, theta_.size())),
      model_(config, longest_read(pairs)),
      sampler_(static_cast<Index>(pairs.size()), spec_.batch, Sampling::kEpoch, spec_.seed) {
    for (const PairTokens& pair : pairs)
        tokens_per_pair_.push_back(static_cast<Index>(pair.chosen.size() + pair.rejected.size()));
    trainable_.apply(theta_, base_, weights_);
}

/// Names the tensor of the gradient that is not finite.
void Training::require_finite(double norm) const {
    if (std::isfinite(norm)) return;
    const Layout& layout = weights_.layout();
    for (int b = 0; b < layout.count(); ++b)
        if (gradient_.has(b) && !gradient_.matrix(b).allFinite())
            throw NonFinite(
                at_update(done_ + 1, "the gradient of " + layout.block(b).name + " is not finite"));
    throw NonFinite(at_update(done_ + 1, "the norm of the gradient is not finite"));
}

UpdateRecord Training::step() {
    const std::vector<Index>& drawn = sampler_.next();
    std::vector<std::size_t> rows(drawn.begin(), drawn.end());
    std::sort(rows.begin(), rows.end());  // what order a batch was drawn in changes no bit
    UpdateRecord out;
    gradient_.values().setZero();
    try {
        out.batch = add_mean_gradient<float>(model_, weights_, pairs_, rows, reference_, objective_,
                                             spec_.plan, gradient_);
    } catch (const NonFinite& error) {
        throw NonFinite(at_update(done_ + 1, error.what()));
    }
    Column<float> direction = trainable_.pull(theta_, gradient_);
    out.grad_norm = clip_gradient(direction, spec_.max_grad_norm);
    require_finite(out.grad_norm);
    out.learning_rate = spec_.learning_rate * multiplier(spec_.schedule, done_, spec_.steps);
    rule_->update(theta_, direction, out.learning_rate);
    trainable_.apply(theta_, base_, weights_);
    ++done_;
    for (const std::size_t row : rows) tokens_ += tokens_per_pair_[row];
    out.step = done_;
    out.num_tokens = static_cast<double>(tokens_);
    out.epoch =
        static_cast<double>(sampler_.rows_after(done_)) / static_cast<double>(pairs_.size());
    return out;
}

Training::State Training::state() const {
    State out{{{"theta", theta_}}, done_, tokens_};
    for (const auto& [name, vector] : rule_->state()) out.vectors.emplace_back(name, *vector);
    return out;
}

void Training::restore(const State& state) {
    const auto take = [&](const std::string& name, Column<float>& to) {
        for (const auto& [other, vector] : state.vectors)
            if (other == name && vector.size() == to.size()) {
                to = vector;
                return;
            }
        throw InputError("the saved state has no vector '" + name + "' of the size wanted");
    };
    take("theta", theta_);
    for (auto& [name, vector] : rule_->state()) take(name, *vector);
    rule_->set_steps(state.done);
    for (; done_ < state.done; ++done_) sampler_.next();
    tokens_ = state.tokens;
    trainable_.apply(theta_, base_, weights_);
}

}  // namespace prefdyn::finetune
