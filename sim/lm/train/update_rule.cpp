#include "sim/lm/train/update_rule.hpp"

#include <algorithm>
#include <cmath>

#include "sim/lm/train/element.hpp"

namespace prefdyn::finetune {

namespace {

/// element(k) for all k, on the vector units where it can be.
template <class Element>
void for_each(Index size, Element element) {
#pragma omp parallel for simd schedule(static)
    for (Index k = 0; k < size; ++k) element(k);
}

class Sgd final : public UpdateRule {
  public:
    void update(Column<float>& theta, const Column<float>& gradient, float clip,
                double eta) override {
        ++steps_;
        float* const x = theta.data();
        const float* const g = gradient.data();
        for_each(theta.size(), [=](Index k) { SgdElement()(eta, g[k] * clip, x[k]); });
    }
};

class Rmsprop final : public UpdateRule {
  public:
    explicit Rmsprop(Index size) : square_(Column<float>::Zero(size)) {}

    void update(Column<float>& theta, const Column<float>& gradient, float clip,
                double eta) override {
        ++steps_;
        float *const x = theta.data(), *const v = square_.data();
        const float* const g = gradient.data();
        for_each(theta.size(), [=](Index k) { RmspropElement()(eta, g[k] * clip, x[k], v[k]); });
    }
    std::vector<std::pair<std::string, Column<float>*>> state() override {
        return {{"square", &square_}};
    }

  private:
    Column<float> square_;
};

class Adamw final : public UpdateRule {
  public:
    Adamw(Index size, double decay)
        : mean_(Column<float>::Zero(size)), square_(mean_), decay_(decay) {}

    void update(Column<float>& theta, const Column<float>& gradient, float clip,
                double eta) override {
        const AdamwElement element(static_cast<double>(++steps_), decay_);
        float *const x = theta.data(), *const m = mean_.data(), *const v = square_.data();
        const float* const g = gradient.data();
        for_each(theta.size(), [=](Index k) { element(eta, g[k] * clip, x[k], m[k], v[k]); });
    }
    std::vector<std::pair<std::string, Column<float>*>> state() override {
        return {{"mean", &mean_}, {"square", &square_}};
    }

  private:
    Column<float> mean_, square_;
    double decay_;
};

}  // namespace

std::unique_ptr<UpdateRule> make_update_rule(const UpdateSpec& spec, Index size) {
    switch (spec.kind) {
        case UpdateKind::kSgd:
            return std::make_unique<Sgd>();
        case UpdateKind::kRmsprop:
            return std::make_unique<Rmsprop>(size);
        case UpdateKind::kAdamw:
            return std::make_unique<Adamw>(size, spec.weight_decay);
    }
    throw std::logic_error("no such optimiser");
}

double norm_of(const Column<float>& x) {
    constexpr Index kPiece = 1 << 14;  // of a fixed length, which the threads share
    const Index pieces = (x.size() + kPiece - 1) / kPiece;
    Column<double> sums(pieces);
#pragma omp parallel for schedule(static)
    for (Index p = 0; p < pieces; ++p) {
        double sum = 0.0;
        for (Index k = p * kPiece; k < std::min(x.size(), (p + 1) * kPiece); ++k)
            sum += static_cast<double>(x(k)) * x(k);
        sums(p) = sum;
    }
    double total = 0.0;
    for (Index p = 0; p < pieces; ++p) total += sums(p);
    return std::sqrt(total);
}

float clip_factor(double norm, double max_norm) {
    return max_norm > 0.0 ? static_cast<float>(std::min(1.0, max_norm / (norm + 1e-6))) : 1.0f;
}

}  // namespace prefdyn::finetune
