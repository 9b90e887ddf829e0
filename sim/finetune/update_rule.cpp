#include "sim/finetune/update_rule.hpp"

#include <cmath>

#include "sim/finetune/element.hpp"

namespace prefdyn::finetune {

const std::vector<std::string>& update_names() {
    static const std::vector<std::string> names = {"sgd", "rmsprop", "adamw"};
    return names;
}

namespace {

class Sgd final : public UpdateRule {
  public:
    void update(Column<float>& theta, const Column<float>& gradient, double eta) override {
        ++steps_;
#pragma omp parallel for schedule(static)
        for (Index k = 0; k < theta.size(); ++k) SgdElement()(eta, gradient(k), theta(k));
    }
};

class Rmsprop final : public UpdateRule {
  public:
    explicit Rmsprop(Index size) : square_(Column<float>::Zero(size)) {}

    void update(Column<float>& theta, const Column<float>& gradient, double eta) override {
        ++steps_;
#pragma omp parallel for schedule(static)
        for (Index k = 0; k < theta.size(); ++k)
            RmspropElement()(eta, gradient(k), theta(k), square_(k));
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

    void update(Column<float>& theta, const Column<float>& gradient, double eta) override {
        const AdamwElement element(static_cast<double>(++steps_), decay_);
#pragma omp parallel for schedule(static)
        for (Index k = 0; k < theta.size(); ++k)
            element(eta, gradient(k), theta(k), mean_(k), square_(k));
    }
    std::vector<std::pair<std::string, Column<float>*>> state() override {
        return {{"mean", &mean_}, {"square", &square_}};
    }

  private:
    Column<float> mean_, square_;
    double decay_;
};

/// In pieces of a fixed length, which the threads share.
double squared_norm(const Column<float>& x) {
    constexpr Index kPiece = 1 << 14;
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
    return total;
}

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

double clip_gradient(Column<float>& gradient, double max_norm) {
    const double norm = std::sqrt(squared_norm(gradient));
    if (max_norm > 0.0 && std::isfinite(norm)) {
        const auto scale = static_cast<float>(std::min(1.0, max_norm / (norm + 1e-6)));
        gradient *= scale;
    }
    return norm;
}

}  // namespace prefdyn::finetune
