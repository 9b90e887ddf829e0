#pragma once
// The exact reduction (theory.md 1.1): W(t) - W_0 = (e_Y - e_N) v(t)^T, theta = v in R^d. Exact for
// full batch, minibatch, any step size, any loss of the margin (matched by rank or not), and for
// optimisers that map each entry's gradients by an odd function and decay no weights, such as Adam:
// the two moving rows see gradients that differ only in sign, and all others see none.

#include "sim/head/engine.hpp"
#include "sim/head/head_device.hpp"
#include "sim/head/margin_kernel.hpp"

namespace prefdyn {

/// G (n, d) in single precision, half the bytes a step has to read. Throws InputError for an
/// entry beyond its range; `place` names where the features came from.
Rows<float> single_precision(const RowMatrix& features, const std::string& place);

/// Scalar is what G is stored in; every sum is in double. With float the engine trains, bit for
/// bit, on the features rounded to single precision, of which it keeps its own copy.
template <class Scalar>
class BasicReducedEngine final : public PolicyEngine {
  public:
    explicit BasicReducedEngine(const PreferenceTask& task);

    Index size() const override { return task_.train.dimension(); }
    Vector initial() const override { return Vector::Zero(size()); }
    const Dataset& data(Split split) const override {
        return split == Split::kTrain ? task_.train : task_.held_out;
    }
    double descent(const Vector& theta, std::span<const Index> rows,
                   Vector& direction) const override;
    void descend(const Vector& theta, std::span<const Index> rows,
                 Vector& direction) const override;
    void evaluate(const Vector& theta, Split split, Responses& out,
                  Vector* direction) const override;
    double frobenius(const Vector& flat) const override;
    Roundings roundings() const override;
    HeadNorms change(const Vector& theta) const override;
    const HeadDevice* device() const override { return device_[0].get(); }

  private:
    const Rows<Scalar>& features(Split split) const;
    bool worth_a_launch(Split split) const;
    void margins(Split split, const Vector& theta, double* out) const;
    Vector reference_differences(Split split, std::span<const Index> rows) const;
    double matched_descent(const Vector& theta, std::span<const Index> rows,
                           Vector& direction) const;
    void log_probabilities(Split split, Responses& out) const;

    const PreferenceTask& task_;
    const MarginLoss& loss_;
    const bool sorts_;  ///< margins are matched by rank
    std::array<ReferenceLogits, 2> reference_;
    Vector normaliser_[2];                   ///< log sum exp of a prompt's reference logits
    Vector sign_[2];                         ///< labels as numbers
    Rows<Scalar> copy_[2];                   ///< empty where the task's own features serve
    std::unique_ptr<HeadDevice> device_[2];  ///< null where the processor computes
};

using ReducedEngine = BasicReducedEngine<double>;
using ReducedEngineF32 = BasicReducedEngine<float>;

}  // namespace prefdyn
