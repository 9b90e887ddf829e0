#pragma once
// What a run leaves behind. Plain data: claims read it without seeing a trainer.

#include <Eigen/Core>
#include <array>
#include <optional>
#include <vector>

namespace prefdyn {

inline constexpr std::array<double, 7> kQuantileLevels = {0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0};

/// Means over one split. Accuracies are strict; the share of exact ties is kept beside them.
struct SplitMetrics {
    double loss;
    double rewards_margins;  ///< mean m_i
    std::array<double, kQuantileLevels.size()> margin_quantiles;
    double rewards_accuracies;  ///< share with m_i > 0
    double rewards_ties;        ///< share with m_i = 0
    double outputs_accuracies;  ///< share with pi(y_w | x) > pi(y_l | x)
    double outputs_ties;
    double logps_chosen, logps_rejected;
    double rewards_chosen, rewards_rejected;  ///< mean r_w, r_l
};

/// Means over the training rows of one behaviour.
struct BehaviourMetrics {
    double loss, rewards_margins;
    double rewards_accuracies, outputs_accuracies;  ///< strict, as in SplitMetrics
};

/// How much smaller or larger a share of rows may be.
struct ShareError {
    double below, above;
};

/// What is kept at every record beside the numbers.
struct Kept {
    bool heads = false;    ///< the parameters
    bool margins = false;  ///< of every row
    bool log_probabilities = false;
    bool rows = false;  ///< of the run: what it was trained on

    /// What --keep-data asks for.
    static Kept data(bool asked) { return {asked, asked, false, asked}; }
    Kept operator|(const Kept& other) const {
        return {heads || other.heads, margins || other.margins,
                log_probabilities || other.log_probabilities, rows || other.rows};
    }
};

/// The same of a split's means.
struct SplitErrors {
    double loss = 0.0, margin = 0.0, logp = 0.0, reward = 0.0;
    ShareError accuracy{}, policy_accuracy{};
};

/// How far what is measured at a record may be off (sim/head/error_model.hpp): by the roundings of
/// the pass that measured it, at the parameters as they are; and how far those are from the exact
/// ones. Infinite where nothing is known.
struct MeasuredErrors {
    double margin, margin_floor;  ///< of m_i: margin * ||g_i|| + margin_floor
    double loss, update_rate, head_change, linear_remainder;
    ShareError accuracy;  ///< of rewards_accuracies, margins off by their errors
    /// Sum of the errors of the steps so far, as ||.||_F of heads: of their rounding, and of the
    /// flow's integrator. Steps that bring any two heads no further apart (L convex, eta kappa <=
    /// 2) leave the trained head within it of the exact one.
    double drift;
    ShareError path_accuracy;  ///< the same with the drift's part of a margin's error
    double logp, logp_floor;   ///< of log pi(y | x_i): logp ||g_i|| + logp_floor (1 + |log pi|)
    ShareError policy_accuracy, path_policy_accuracy;  ///< of outputs_accuracies, likewise
    SplitErrors held_out, path_held_out;               ///< without and with the drift's part
    std::optional<SplitErrors> means;  ///< of the training rows, where they are known apart
};

/// The state at time t, before any further update. t = eta * step for discrete methods.
struct Record {
    double step, time, epoch;
    double head_change;                        ///< ||W - W_0||_F
    double head_change_spectral;               ///< ||W - W_0||_op
    double update_rate;                        ///< R = ||grad L||_F, full training batch
    double linear_remainder;                   ///< ||W - W_0 - t W'(0)||_F
    SplitMetrics train, held_out;              ///< held_out is NaN if there is none
    std::vector<BehaviourMetrics> behaviours;  ///< (K) if the training rows name behaviours
    std::vector<double> observed;              ///< PolicyEngine::observe
    MeasuredErrors error{};
    /// Where Kept asks for them: parameters, m_i (n), log pi(y_w | x_i) and log pi(y_l | x_i) (n).
    Eigen::VectorXd theta, margin, logp_chosen, logp_rejected;
};

enum class StopReason { kCompleted, kDiverged, kInterrupted, kStepUnderflow };

inline const char* stop_reason_name(StopReason reason) {
    constexpr const char* kNames[] = {"completed", "diverged", "interrupted", "step_underflow"};
    return kNames[static_cast<std::size_t>(reason)];
}

struct Trajectory {
    std::vector<Record> records;  ///< t increasing, records[0] at t = 0
    StopReason stop = StopReason::kCompleted;
    Eigen::VectorXd parameters;  ///< theta when training stopped
};

}  // namespace prefdyn
