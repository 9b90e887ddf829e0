#pragma once
// What the misalignment study writes to a result file.

#include "experiments/studies/misalignment/misalignment.hpp"

namespace prefdyn {

/// Levels of the loss over replicates that are written.
constexpr double kLossLevels[] = {0.5, 0.1, 0.9};

/// What the study writes, setting after setting.
struct MisalignmentTable {
    std::vector<std::string> setting, replicate;
    std::vector<double> target, curve_step;
    /// (setting, replicate, start)
    std::vector<double> slope, steps_to_loss, steps_to_policy, distinguishability, debiased, head,
        embedding, balance;
    std::vector<double> share_distinguishability, share_head;  ///< (setting, replicate)
    /// (setting, start): of slopes and of steps, the mean and both ends of its interval.
    std::vector<double> ratio[2][3];
    std::vector<double> loss[3];  ///< (setting, start, step), quantiles of kLossLevels
};

/// Appends a setting; `target` is the loss to reach, one replicate a seed or behaviour.
void tabulate(MisalignmentTable& table, const std::string& setting,
              const std::vector<std::string>& replicate_names, double target,
              const std::vector<Misalignment>& replicates);

using MisalignmentField = Filled<MisalignmentTable>;

/// Dimension scales first.
std::vector<MisalignmentField> misalignment_fields();

/// Quantile of the n > 0 values, linear interpolation (type 7); NaN if one is NaN.
double quantile_of(std::vector<double> values, double level);

/// Geometric mean of value / base and its 95 % interval by Student's t on the logarithms; NaN where
/// a replicate has no ratio.
struct Ratio {
    double mean, low, high;
};
Ratio ratio_of(const std::vector<double>& value, const std::vector<double>& base);

}  // namespace prefdyn
