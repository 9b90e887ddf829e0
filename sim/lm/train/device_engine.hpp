#pragma once
// A model in training on a Machine: the pass, theta and the optimiser's moments.

#include "sim/lm/train/device_pass.hpp"
#include "sim/lm/train/engine.hpp"

namespace prefdyn::finetune::device {

template <class Machine, class T>
class DeviceEngine final : public Engine {
  public:
    DeviceEngine(std::unique_ptr<Machine> machine, const ModelConfig& config,
                 const Parameters<float>& weights, const EngineSpec& spec, Index longest);

    Pass& pass() override { return pass_; }
    double update(double max_norm, double eta) override;
    Column<float> theta() const override { return values_of(theta_); }
    Vectors state() const override {
        Vectors out = {{"theta", theta()}};
        for (const auto& [name, array] : moments_of(update_.kind, mean_, square_))
            out.emplace_back(name, values_of(*array));
        return out;
    }
    void restore(const Vectors& vectors, std::int64_t steps) override {
        upload(named(vectors, "theta", trainable_.size()), theta_);
        for (const auto& [name, array] : moments_of(update_.kind, mean_, square_))
            upload(named(vectors, name, trainable_.size()), *array);
        steps_ = steps;
        apply();
    }

  private:
    template <class X>
    using Array = typename Machine::template Array<X>;

    Column<float> values_of(const Array<float>& array) const {
        Column<float> out(trainable_.size());
        array.download(out.data(), static_cast<std::size_t>(out.size()));
        m_.wait();
        return out;
    }
    void upload(const Column<float>& values, Array<float>& array) {
        array.upload(values.data(), static_cast<std::size_t>(values.size()));
        m_.wait();
    }
    Array<float> room(const char* purpose, bool wanted = true) {
        const auto size = wanted ? static_cast<std::size_t>(trainable_.size()) : 0;
        auto out = m_.template array<float>(size, purpose);
        out.clear();
        return out;
    }
    bool adapters() const { return trainable_.pieces().front().kind != Piece::Kind::kBlock; }
    float* theta(const Piece& piece) { return theta_.data() + piece.offset; }
    /// The gradient in theta: that of the blocks themselves, or of the adapters.
    const float* gradient();
    /// Writes the trained blocks from theta.
    void apply();

    Trainable<float> trainable_;
    UpdateSpec update_;
    std::vector<Stretch> stretches_;
    DevicePass<Machine, T> pass_;
    Machine& m_;
    Array<float> theta_, mean_, square_, gradient_;
    std::vector<Array<float>> base_;  ///< of adapted blocks, in the order of the pieces
    std::int64_t steps_ = 0;
};

template <class Machine, class T>
DeviceEngine<Machine, T>::DeviceEngine(std::unique_ptr<Machine> machine, const ModelConfig& config,
                                       const Parameters<float>& weights, const EngineSpec& spec,
                                       Index longest)
    : trainable_(weights.layout(), spec.trained, spec.seed),
      update_(spec.update),
      stretches_(trainable_.stretches(weights.layout(), spec.update)),
      pass_(std::move(machine), config, weights, trainable_.blocks(), longest),
      m_(pass_.machine()) {
    theta_ = room("the trained parameters");
    mean_ = room("the optimiser's moments", has_mean(update_.kind));
    square_ = room("the optimiser's moments", has_square(update_.kind));
    gradient_ = room("the gradient of the adapters", adapters());
    for (const Piece& piece : trainable_.pieces()) {
        if (piece.kind != Piece::Kind::kA) continue;
        const ConstRows<float> w = weights.matrix(piece.block);
        const auto count = static_cast<std::size_t>(w.size());
        base_.push_back(m_.template array<float>(count, "the weights beside adapters"));
        base_.back().upload(w.data(), count);
    }
    upload(trainable_.initial(weights), theta_);
    apply();
}

template <class Machine, class T>
void DeviceEngine<Machine, T>::apply() {
    std::size_t base = 0;
    const std::vector<Piece>& pieces = trainable_.pieces();
    const auto scale = static_cast<float>(trainable_.scale());
    for (std::size_t k = 0; k < pieces.size(); ++k) {
        const Piece& p = pieces[k];
        T* w = pass_.weights()[p.block];
        if (p.kind == Piece::Kind::kBlock) m_.each(p.rows * p.cols, Round<T>{theta(p), w});
        if (p.kind != Piece::Kind::kA) continue;
        const Piece& b = pieces[k + 1];
        m_.each(b.rows * p.cols,
                AddAdapter<T>{base_[base++].data(), theta(p), theta(b), p.rows, p.cols, scale, w});
    }
    m_.wait();
}

template <class Machine, class T>
const float* DeviceEngine<Machine, T>::gradient() {
    if (!adapters()) return pass_.weights().gradient();
    const std::vector<Piece>& pieces = trainable_.pieces();
    const auto scale = static_cast<float>(trainable_.scale());
    for (std::size_t k = 0; k < pieces.size(); k += 2) {
        const Piece &a = pieces[k], &b = pieces[k + 1];
        const float* dw = pass_.weights().gradient(a.block);
        m_.each(a.rows * a.cols, AdapterGradientA{theta(b), dw, a.rows, b.rows, a.cols, scale,
                                                  gradient_.data() + a.offset});
        m_.groups(
            b.rows * b.cols, 0,
            AdapterGradientB{theta(a), dw, b.cols, a.cols, scale, gradient_.data() + b.offset});
    }
    return gradient_.data();
}

template <class Machine, class T>
double DeviceEngine<Machine, T>::update(double max_norm, double eta) {
    const float* g = gradient();
    const double norm = std::sqrt(pass_.product(g, g, trainable_.size()));
    if (!std::isfinite(norm)) return norm;
    const float clip = clip_factor(norm, max_norm);
    ++steps_;
    for (const Stretch& s : stretches_)
        with_element(s.of(update_), steps_, [&]<class Element>(const Element& element) {
            const auto at = [&](Array<float>& array, bool there = true) {
                return there ? array.data() + s.begin : nullptr;
            };
            m_.each(s.count, Step<Element>{element, eta, clip, g + s.begin, at(theta_),
                                           at(mean_, has_mean(update_.kind)),
                                           at(square_, has_square(update_.kind))});
        });
    apply();
    return norm;
}

/// An engine on this machine, weights and values between products as the precision says.
template <class Machine>
std::unique_ptr<Engine> make_device_engine(std::unique_ptr<Machine> machine,
                                           const ModelConfig& config,
                                           const Parameters<float>& weights, const EngineSpec& spec,
                                           Index longest) {
    if (spec.arithmetic.precision == Precision::kBfloat16)
        return std::make_unique<DeviceEngine<Machine, Bfloat16>>(std::move(machine), config,
                                                                 weights, spec, longest);
    return std::make_unique<DeviceEngine<Machine, float>>(std::move(machine), config, weights, spec,
                                                          longest);
}

}  // namespace prefdyn::finetune::device
