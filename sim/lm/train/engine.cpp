#include "sim/lm/train/engine.hpp"

#include <cmath>

#include "sim/base/failure.hpp"

namespace prefdyn::finetune {

namespace {

Parameters<float> copy_of(const Parameters<float>& weights, const std::vector<bool>& blocks) {
    Parameters<float> out(weights.layout(), blocks);
    for (int b = 0; b < weights.layout().count(); ++b)
        if (out.has(b)) out.matrix(b) = weights.matrix(b);
    return out;
}

/// The rule on one theta, which must outlive this.
class Optimiser {
  public:
    Optimiser(const UpdateSpec& spec, const Trainable<float>& trainable, const Layout& layout,
              Column<float>& theta)
        : theta_(theta), rule_(spec, theta.size(), trainable.stretches(layout, spec)) {}

    /// See Engine::update.
    double update(const Column<float>& gradient, double max_norm, double eta) {
        const double norm = norm_of(gradient);
        if (std::isfinite(norm)) rule_.update(theta_, gradient, clip_factor(norm, max_norm), eta);
        return norm;
    }

    Engine::Vectors state() const {
        Engine::Vectors out = {{"theta", theta_}};
        for (const auto& [name, vector] : rule_.state()) out.emplace_back(name, *vector);
        return out;
    }

    void restore(const Engine::Vectors& vectors, std::int64_t steps) {
        theta_ = named(vectors, "theta", theta_.size());
        for (auto& [name, vector] : rule_.state()) *vector = named(vectors, name, vector->size());
        rule_.set_steps(steps);
    }

  private:
    Column<float>& theta_;
    UpdateRule rule_;
};

/// theta in its own vector, beside the weights that are made of it.
class PartEngine final : public Engine {
  public:
    PartEngine(const ModelConfig& config, const Parameters<float>& weights, const EngineSpec& spec,
               Index longest)
        : trainable_(weights.layout(), spec.trained, spec.seed),
          weights_(weights),
          base_(copy_of(weights_, trainable_.adapted())),
          theta_(trainable_.initial(weights_)),
          optimiser_(spec.update, trainable_, weights.layout(), theta_),
          pass_(config, weights_, trainable_.blocks(), longest) {
        trainable_.apply(theta_, base_, weights_);
    }

    Pass& pass() override { return pass_; }

    double update(double max_norm, double eta) override {
        const double norm =
            optimiser_.update(trainable_.gradient(theta_, pass_.gradient()), max_norm, eta);
        trainable_.apply(theta_, base_, weights_);
        return norm;
    }

    Column<float> theta() const override { return theta_; }
    Vectors state() const override { return optimiser_.state(); }
    void restore(const Vectors& vectors, std::int64_t steps) override {
        optimiser_.restore(vectors, steps);
        trainable_.apply(theta_, base_, weights_);
    }

  private:
    Trainable<float> trainable_;
    Parameters<float> weights_, base_;  ///< base_: what adapters are added to
    Column<float> theta_;
    Optimiser optimiser_;
    ModelPass<float> pass_;
};

/// Every weight is trained: theta is the vector of the weights, its gradient that of the pass.
class WholeEngine final : public Engine {
  public:
    WholeEngine(const ModelConfig& config, const Parameters<float>& weights, const EngineSpec& spec,
                Index longest)
        : weights_(weights),
          optimiser_(spec.update, Trainable<float>(weights.layout(), spec.trained, spec.seed),
                     weights.layout(), weights_.values()),
          pass_(config, weights_, weights.layout().every_block(), longest) {}

    Pass& pass() override { return pass_; }
    double update(double max_norm, double eta) override {
        return optimiser_.update(pass_.gradient().values(), max_norm, eta);
    }
    Column<float> theta() const override { return weights_.values(); }
    Vectors state() const override { return optimiser_.state(); }
    void restore(const Vectors& vectors, std::int64_t steps) override {
        optimiser_.restore(vectors, steps);
    }

  private:
    Parameters<float> weights_;
    Optimiser optimiser_;
    ModelPass<float> pass_;
};

}  // namespace

const Column<float>& named(const Engine::Vectors& vectors, const std::string& name, Index size) {
    for (const auto& [other, vector] : vectors)
        if (other == name && vector.size() == size) return vector;
    throw InputError("the saved state has no vector '" + name + "' of the size wanted");
}

std::unique_ptr<Engine> make_cpu_engine(const ModelConfig& config, const Parameters<float>& weights,
                                        const EngineSpec& spec, Index longest) {
    if (spec.trained.part == TrainedPart::kFull)
        return std::make_unique<WholeEngine>(config, weights, spec, longest);
    return std::make_unique<PartEngine>(config, weights, spec, longest);
}

}  // namespace prefdyn::finetune
