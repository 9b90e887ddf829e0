#pragma once
// How far the numbers of a record may be off: running error analysis of the passes that made them
// (docs/verdicts.md). In the notation of theory.md, s = sqrt(2) beta, H = ||W - W_0||_F, and g_i
// the features: |m_i| <= s H ||g_i||, ||grad L|| <= s mean |phi'_i| ||g_i||.

#include "sim/head/engine.hpp"
#include "sim/head/trajectory.hpp"

namespace prefdyn {

/// What happened since the last record.
struct Passage {
    double updates = 0.0;            ///< of the head: updates, or steps of the integrator
    double roundings = 1.0;          ///< of the head in each
    double integration_error = 0.0;  ///< sum of the integrator's estimates, ||.||_F of heads
    bool follows_gradient = true;    ///< each update adds a multiple of the gradient
};

/// Roundings of phi or phi' as sim/loss computes them, relative to the size of their terms:
/// |phi_i| + |phi'_i m_i| + |phi(0)|, and |phi'_i| + sup phi'' |m_i| + |phi'(0)|. A test holds
/// every loss against higher precision.
inline constexpr double kLossRoundings = 16.0;

/// Follows a run from record to record.
class ErrorModel {
  public:
    ErrorModel(const PolicyEngine& engine, const PreferenceLoss& loss);

    /// Of a record whose measured numbers and step are filled in, and what it was measured of.
    /// `fresh`: of the held-out rows, empty if there are none.
    MeasuredErrors at(const Record& record, const Responses& responses, const Responses& fresh,
                      const Passage& since);

    /// ||.||_F of the gradient's error at a head this far from its start.
    double gradient_error(double head_change) const;
    /// The same at the reference head; 0 where the engine's roundings are not known.
    double rounding_at_start() const;

  private:
    struct Margin {
        double slope, floor;  ///< |error of m_i| <= slope ||g_i|| + floor
    };
    Margin margin_error(double head_change) const;
    double curvature(double head_change) const;
    double mean_slope(double head_change) const;
    double loss_error(double head_change, double loss) const;
    double drift_since(const Record& record, const Passage& since) const;
    /// `floor` (n): of each row, beside slope ||g_i||.
    template <class Numbers, class Floor>
    static ShareError positive(const Numbers& x, const Vector& row_norm, double slope,
                               const Floor& floor);
    void log_probability_errors(const Responses& responses, const Margin& margin,
                                MeasuredErrors& out) const;
    SplitErrors held_out_errors(const Record& record, const Responses& fresh, const Margin& margin,
                                double drift) const;

    LossFacts loss_;
    const MarginLoss* phi_;
    Roundings roundings_;
    double beta_, scale_, size_;  ///< scale_: sqrt(2) beta; size_: entries of theta
    Vector row_norm_;             ///< ||g_i|| (n)
    Vector fresh_norm_;           ///< of the held-out rows
    double mean_norm_, mean_square_, largest_norm_;  ///< of ||g_i||
    double start_error_ = 0.0;                       ///< of the gradient at the first record
    double drift_ = 0.0, start_rate_ = 0.0;
    bool started_ = false;
    double time_ = 0.0, head_change_ = 0.0, rate_ = 0.0;  ///< at the last record
};

}  // namespace prefdyn
