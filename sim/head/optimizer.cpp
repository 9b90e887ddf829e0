#include "sim/head/optimizer.hpp"

#include <cmath>

namespace prefdyn {

namespace {

class Descent final : public Optimizer {
  public:
    explicit Descent(double eta) : eta_(eta) {}
    void step(Vector& theta, const Vector& direction) override { theta += eta_ * direction; }

  private:
    double eta_;
};

class Adam final : public Optimizer {
  public:
    explicit Adam(double eta) : eta_(eta) {}

    void step(Vector& theta, const Vector& direction) override {
        if (first_.size() == 0) first_ = second_ = Vector::Zero(theta.size());
        ++steps_;
        first_ = kBeta1 * first_ + (1.0 - kBeta1) * direction;
        second_ = kBeta2 * second_ + (1.0 - kBeta2) * direction.cwiseAbs2();
        const double correct1 = 1.0 - std::pow(kBeta1, steps_);
        const double correct2 = 1.0 - std::pow(kBeta2, steps_);
        theta.array() +=
            eta_ * (first_.array() / correct1) / ((second_.array() / correct2).sqrt() + kEpsilon);
    }

  private:
    static constexpr double kBeta1 = 0.9, kBeta2 = 0.999, kEpsilon = 1e-8;
    double eta_;
    double steps_ = 0.0;
    Vector first_, second_;
};

}  // namespace

std::unique_ptr<Optimizer> make_descent(double eta) { return std::make_unique<Descent>(eta); }
std::unique_ptr<Optimizer> make_adam(double eta) { return std::make_unique<Adam>(eta); }

}  // namespace prefdyn
