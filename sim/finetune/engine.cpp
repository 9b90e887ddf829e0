#include "sim/finetune/engine.hpp"

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

class CpuEngine final : public Engine {
  public:
    CpuEngine(const ModelConfig& config, const Parameters<float>& weights, const EngineSpec& spec,
              Index longest)
        : trainable_(weights.layout(), spec.trained, spec.seed),
          weights_(weights),
          base_(copy_of(weights_, trainable_.adapted())),
          theta_(trainable_.initial(weights_)),
          rule_(make_update_rule(spec.update, theta_.size())),
          pass_(config, weights_, trainable_.held(), longest) {
        trainable_.apply(theta_, base_, weights_);
    }

    Pass& pass() override { return pass_; }

    double update(double max_norm, double eta) override {
        Column<float> direction = trainable_.pull(theta_, pass_.gradient());
        const double norm = clip_gradient(direction, max_norm);
        if (!std::isfinite(norm)) return norm;
        rule_->update(theta_, direction, eta);
        trainable_.apply(theta_, base_, weights_);
        return norm;
    }

    Column<float> theta() const override { return theta_; }

    Vectors state() const override {
        Vectors out = {{"theta", theta_}};
        for (const auto& [name, vector] : rule_->state()) out.emplace_back(name, *vector);
        return out;
    }

    void restore(const Vectors& vectors, std::int64_t steps) override {
        theta_ = named(vectors, "theta", theta_.size());
        for (auto& [name, vector] : rule_->state()) *vector = named(vectors, name, vector->size());
        rule_->set_steps(steps);
        trainable_.apply(theta_, base_, weights_);
    }

  private:
    Trainable<float> trainable_;
    Parameters<float> weights_, base_;  ///< base_: what adapters are added to
    Column<float> theta_;
    std::unique_ptr<UpdateRule> rule_;
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
    return std::make_unique<CpuEngine>(config, weights, spec, longest);
}

}  // namespace prefdyn::finetune
