#pragma once
// Both layers trained (theory.md section 6). x is (n, d), E is (h, d), g(x) = act(E x), and the
// head moves by Delta W = (e_Y - e_N) w^T, so a = a_0 + 2 w:
//   m_i = beta s_i [ a^T g_E(x_i) - a_ref^T g_ref(x_i) ],
//   E' = beta (1/n) sum (-phi'(m_i)) s_i [ act'(E x_i) o a ] x_i^T,
//   w' = beta (1/n) sum (-phi'(m_i)) s_i g(x_i).
// theta = (E row-major, w), ||theta||^2 = ||E||_F^2 + 2 ||w||^2, so -dL/dt = ||E'||^2 + 2 ||w'||^2.

#include <array>
#include <optional>

#include "sim/head/engine.hpp"
#include "sim/head/layer_device.hpp"
#include "sim/head/two_layer.hpp"

namespace prefdyn {

struct TwoLayerSpec {
    TwoLayerModel start;
    std::optional<TwoLayerModel> reference = {};  ///< the start unless given; own width h allowed
    bool train_embedding = true;                  ///< false: E' = 0, only the head learns
    bool keep_parameters = false;                 ///< observe() ends with E (row-major) and a
};

/// Order of TwoLayerEngine::observe.
enum Observed : std::size_t {
    kObservedD,              ///< || mu_+ - mu_- || of g(x)
    kObservedDebiased,       ///< the same without the noise floor, see theory/statistics.hpp
    kObservedZbar,           ///< || (1/n) sum s_i g(x_i) ||
    kObservedHead,           ///< || a ||
    kObservedEmbedding,      ///< || E ||_F
    kObservedChange,         ///< || E - E_0 ||_F
    kObservedBalance,        ///< || B - B_0 ||_F, B = E E^T - a a^T / 2: 0 along the flow if linear
    kObservedUnitBalance,    ///< || diag(B - B_0) ||: 0 along the flow for identity and relu
    kObservedCondition,      ///< (mean (-phi') s x)^T delta * a^T E delta, delta = mu_+ - mu_- of x
    kObservedConditionZbar,  ///< the same with zbar_x = mean s x; both NaN unless identity
    kObservedCount
};

/// For losses of the margin. Only the response pair is modelled (V = 2, W_Y = -W_N = a / 2): other
/// logits would move with E.
class TwoLayerEngine : public PolicyEngine {
  public:
    TwoLayerEngine(const PreferenceTask& task, TwoLayerSpec spec);

    Index size() const override { return hidden_ * dimension_ + hidden_; }
    Vector initial() const override;
    const Dataset& data(Split split) const override {
        return split == Split::kTrain ? task_.train : task_.held_out;
    }
    double descent(const Vector& theta, std::span<const Index> rows,
                   Vector& direction) const override;
    void evaluate(const Vector& theta, Split split, Responses& out,
                  Vector* direction) const override;
    double frobenius(const Vector& flat) const override;
    HeadNorms change(const Vector& theta) const override;  ///< of the head alone
    std::vector<double> observe(const Vector& theta) const override;

    TwoLayerModel model(const Vector& theta) const;

  private:
    struct Block;
    struct ClassMeans;
    double pass(const TwoLayerModel& model, Split split, std::span<const Index> rows,
                Responses* out, Vector* direction) const;
    double device_pass(const TwoLayerModel& model, Split split, std::span<const Index> rows,
                       Responses* out, Vector* direction) const;
    void forward(const TwoLayerModel& model, Split split, Block& block) const;
    double weigh(Split split, Block& block, double* margins) const;
    void backward(const TwoLayerModel& model, Block& block, Vector& sum) const;
    void store_responses(Split split, const Block& block, Index first, Responses& out) const;
    ClassMeans class_means(const TwoLayerModel& model) const;
    std::array<double, 2> sign_conditions(const TwoLayerModel& model) const;

    const PreferenceTask& task_;
    const MarginLoss& loss_;
    TwoLayerSpec spec_;
    Index hidden_, dimension_;
    std::unique_ptr<LayerDevice> device_;  ///< null where the processor computes
    Vector reference_[2];                  ///< (n) a_ref^T g_ref(x_i) of each split
    RowMatrix class_mean_;                 ///< (2, d) mu_+, mu_- of x
    RowMatrix noise_of_mean_;  ///< (d, d) Sigma_+ / n_+ + Sigma_- / n_- of x, for the identity
};

/// The model that `observed` of a run with keep_parameters ends with; `like` gives the shapes.
TwoLayerModel kept_model(const std::vector<double>& observed, const TwoLayerModel& like);

}  // namespace prefdyn
