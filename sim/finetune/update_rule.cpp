#include "sim/finetune/update_rule.hpp"

#include <cmath>

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
        for (Index k = 0; k < theta.size(); ++k)
            theta(k) = static_cast<float>(theta(k) - eta * gradient(k));
    }
};

class Rmsprop final : public UpdateRule {
  public:
    explicit Rmsprop(Index size) : square_(Column<float>::Zero(size)) {}

    void update(Column<float>& theta, const Column<float>& gradient, double eta) override {
        constexpr double kAlpha = 0.99, kEpsilon = 1e-8;
        ++steps_;
#pragma omp parallel for schedule(static)
        for (Index k = 0; k < theta.size(); ++k) {
            const double g = gradient(k);
            square_(k) = static_cast<float>(kAlpha * square_(k) + (1.0 - kAlpha) * g * g);
            const double root = std::sqrt(static_cast<double>(square_(k)));
            theta(k) = static_cast<float>(theta(k) - eta * g / (root + kEpsilon));
        }
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
        constexpr double kBeta1 = 0.9, kBeta2 = 0.999, kEpsilon = 1e-8;
        const auto steps = static_cast<double>(++steps_);
        const double correct1 = 1.0 - std::pow(kBeta1, steps);
        const double correct2 = 1.0 - std::pow(kBeta2, steps), keep = 1.0 - eta * decay_;
#pragma omp parallel for schedule(static)
        for (Index k = 0; k < theta.size(); ++k) {
            const double g = gradient(k);
            mean_(k) = static_cast<float>(kBeta1 * mean_(k) + (1.0 - kBeta1) * g);
            square_(k) = static_cast<float>(kBeta2 * square_(k) + (1.0 - kBeta2) * g * g);
            const double root = std::sqrt(static_cast<double>(square_(k)) / correct2);
            theta(k) = static_cast<float>(keep * theta(k) -
                                          eta * (mean_(k) / correct1) / (root + kEpsilon));
        }
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
