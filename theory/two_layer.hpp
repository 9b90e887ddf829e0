#pragma once
// A model with a trainable embedding, as data and matrices show it (theory.md T9): computed
// here from x, labels, E and a, never with the simulator's code.

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "sim/head/two_layer.hpp"
#include "theory/claim.hpp"
#include "theory/embedding/embedding_growth.hpp"

namespace prefdyn::theory {

/// One update of gradient descent, as the parameters before it say it must go.
struct TwoLayerStep {
    double step;
    double distinguishability;  ///< D = || E delta ||, delta = mu_+ - mu_- of x
    double condition;           ///< S = (mean sigma(-m_i) s_i x_i)^T delta * (a^T E delta)
    /// ||.||_F, and that of the diagonal, of the sum over the updates before this step of
    /// ||q||^2 a a^T - 2 (E q)(E q)^T, q = mean sigma(-m_i) s_i x_i.
    double drift, unit_drift;
    double parameters;  ///< the same sum of (||E||_F + ||a||)^2 (1 + |margins|): what rounds
    double terms;       ///< the size of what S sums: mean ||x|| ||delta|| ||a|| ||E|| ||delta||
};

struct TwoLayerFacts {
    Activation activation = Activation::kIdentity;
    bool embedding_trained = true;
    double distinguishability = 0.0;           ///< of g(x): || mu_+ - mu_- ||
    double distinguishability_debiased = 0.0;  ///< without the noise floor (theory/statistics.hpp)
    double signed_mean_squared = 0.0;          ///< || mean s g(x) ||^2; identity: || E zbar_x ||^2
    double jacobian_squared = 0.0;  ///< || mean s (act'(E x) o a) x^T ||_F^2; ||a||^2 ||zbar_x||^2
    double mean_square_embedding = 0.0;  ///< mean || g(x) ||^2
    double mean_square_jacobian = 0.0;   ///< mean || act'(E x) o a ||^2 ||x||^2
    double mean_square_score = 0.0;      ///< mean (a^T g(x))^2
    double zbar_x_norm = 0.0, head_norm = 0.0, embedding_norm = 0.0;
    std::optional<double> loss_slope;  ///< -L'(0) from losses beside the start; none: not measured
    double loss_slope_error = 0.0;  ///< of it: the losses' rounding, and what its order leaves out
    double roundings = 0.0;         ///< of the longest sum: n + d + h and a few
    double x_size = 0.0;            ///< square root of mean ||x||^2
    EmbeddingGrowth growth;         ///< identity alone
    std::vector<TwoLayerStep> steps;  ///< of the recorded run, if its parameters were kept
    /// Measured, one a record: ||B - B_0||_F and ||diag(B - B_0)||, B = E E^T - a a^T / 2.
    std::vector<double> balance, unit_balance;
    std::shared_ptr<const Trajectory> counterpart;  ///< T9c: the same training from the base model
};

TwoLayerFacts two_layer_facts(const Dataset& data, const TwoLayerModel& start);

/// (beta^2 / 4) ( 2 lambda_max(mean g g^T) + max |act'|^2 ||a||^2 lambda_max(mean x x^T) ): bounds
/// the Gauss-Newton part of the curvature in (E, W) at this model. A scale for eta, not a theorem.
double gauss_newton_scale(const Dataset& data, const TwoLayerModel& model, double beta);

/// Identity activation, DPO loss: D, S and the drift of B at each of the models that a run went
/// through.
std::vector<TwoLayerStep> two_layer_steps(const Dataset& data, const TwoLayerModel& reference,
                                          std::span<const TwoLayerModel> models, double beta);

}  // namespace prefdyn::theory
