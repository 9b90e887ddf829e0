#include "sim/head/optimizer.hpp"

#include "sim/base/adam.hpp"

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
        const AdamUpdate adam(++steps_);
        for (Index j = 0; j < theta.size(); ++j)
            theta(j) += adam(eta_, direction(j), first_(j), second_(j));
    }

  private:
    double eta_;
    double steps_ = 0.0;
    Vector first_, second_;
};

}  // namespace

std::unique_ptr<Optimizer> make_descent(double eta) { return std::make_unique<Descent>(eta); }
std::unique_ptr<Optimizer> make_adam(double eta) { return std::make_unique<Adam>(eta); }

}  // namespace prefdyn
