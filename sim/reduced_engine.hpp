#pragma once
// The exact reduction (theory.md 1.1): W(t) - W_0 = (e_Y - e_N) v(t)^T, theta = v in R^d. Exact for
// full batch, minibatch, any step size, any loss of the margin (matched
// by rank or not), and for element-wise optimisers
// such as Adam, because the two moving rows see gradients that differ only in sign.

#include "sim/engine.hpp"

namespace prefdyn {

class ReducedEngine final : public PolicyEngine {
  public:
    explicit ReducedEngine(const PreferenceTask& task);

    Index size() const override { return task_.train.dimension(); }
    Vector initial() const override { return Vector::Zero(size()); }
    const Dataset& data(Split split) const override {
        return split == Split::kTrain ? task_.train : task_.held_out;
    }
    double descent(const Vector& theta, std::span<const Index> rows,
                   Vector& direction) const override;
    void evaluate(const Vector& theta, Split split, Responses& out,
                  Vector* direction) const override;
    double frobenius(const Vector& flat) const override;
    HeadNorms change(const Vector& theta) const override;

  private:
    Vector reference_differences(Split split, std::span<const Index> rows) const;
    double matched_descent(const Vector& theta, std::span<const Index> rows,
                           Vector& direction) const;
    void log_probabilities(Split split, Responses& out) const;

    const PreferenceTask& task_;
    const MarginLoss& loss_;
    const bool sorts_;  ///< margins are matched by rank
    ReferenceLogits reference_[2];
};

}  // namespace prefdyn
