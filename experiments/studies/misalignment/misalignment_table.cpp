#include "experiments/studies/misalignment/misalignment_table.hpp"

#include <algorithm>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>

#include "sim/base/numerics.hpp"

namespace prefdyn {

namespace {

void tabulate_ratios(MisalignmentTable& t, const std::vector<Misalignment>& replicates,
                     double target) {
    const auto values = [&](std::size_t what, std::size_t start) {
        return gather(replicates, [&](const Misalignment& m) {
            const TwoLayerRun& run = m.runs[start];
            return what == 0 ? run.slope() : run.steps_to_loss(target);
        });
    };
    for (std::size_t what = 0; what < 2; ++what)
        for (std::size_t start = 0; start < kMisalignmentStarts; ++start) {
            // Frozen starts are held against the frozen base.
            const bool frozen = start == kFromFrozenBase || start == kFromFrozenAligned;
            const Ratio r =
                ratio_of(values(what, start), values(what, frozen ? kFromFrozenBase : kFromBase));
            t.ratio[what][0].push_back(r.mean);
            t.ratio[what][1].push_back(r.low);
            t.ratio[what][2].push_back(r.high);
        }
}

/// Recorded steps, evenly spread on a logarithmic axis: every one at first, then 15 % apart.
std::vector<double> curve_steps(const std::vector<Record>& records) {
    std::vector<double> out;
    for (const Record& r : records)
        if (out.empty() || r.step >= 1.15 * out.back() || &r == &records.back())
            out.push_back(r.step);
    return out;
}

double loss_at(const TwoLayerRun& run, double step) {
    for (const Record& r : run.trajectory.records)
        if (r.step == step) return r.train.loss;
    return kNan;
}

void tabulate_curves(MisalignmentTable& t, const std::vector<Misalignment>& replicates) {
    if (t.curve_step.empty())
        t.curve_step = curve_steps(replicates[0].runs[kFromFrozenBase].trajectory.records);
    for (std::size_t start = 0; start < kMisalignmentStarts; ++start)
        for (const double step : t.curve_step) {
            const auto values = gather(
                replicates, [&](const Misalignment& m) { return loss_at(m.runs[start], step); });
            for (std::size_t k = 0; k < std::size(kLossLevels); ++k)
                t.loss[k].push_back(quantile_of(values, kLossLevels[k]));
        }
}

}  // namespace

double quantile_of(std::vector<double> values, double level) {
    for (const double v : values)
        if (std::isnan(v)) return kNan;
    std::sort(values.begin(), values.end());
    const double place = level * static_cast<double>(values.size() - 1);
    const auto low = static_cast<std::size_t>(place);
    const std::size_t high = std::min(low + 1, values.size() - 1);
    return values[low] + (place - static_cast<double>(low)) * (values[high] - values[low]);
}

Ratio ratio_of(const std::vector<double>& value, const std::vector<double>& base) {
    using Numbers = Eigen::Map<const Eigen::ArrayXd>;
    const auto n = static_cast<Index>(value.size());
    const Vector logs =
        (Numbers(value.data(), n) / Numbers(base.data(), n)).unaryExpr([](double x) {
            return std::log(x);
        });
    Ratio out{kNan, kNan, kNan};
    if (!logs.allFinite()) return out;
    out.mean = std::exp(logs.mean());
    if (n < 2) return out;
    const double spread = (logs.array() - logs.mean()).matrix().norm() /
                          std::sqrt(static_cast<double>(n - 1) * static_cast<double>(n));
    const boost::math::students_t_distribution<double> law(static_cast<double>(n - 1));
    const double half = quantile(law, 0.975) * spread;
    out.low = out.mean * std::exp(-half);
    out.high = out.mean * std::exp(half);
    return out;
}

void tabulate(MisalignmentTable& t, const std::string& setting,
              const std::vector<std::string>& replicate_names, double target,
              const std::vector<Misalignment>& replicates) {
    t.setting.push_back(setting);
    t.replicate = replicate_names;
    t.target.push_back(target);
    for (const Misalignment& m : replicates) {
        for (const TwoLayerRun& run : m.runs) {
            t.slope.push_back(run.slope());
            t.steps_to_loss.push_back(run.steps_to_loss(target));
            t.steps_to_policy.push_back(run.steps_to_policy());
            t.distinguishability.push_back(run.facts.distinguishability);
            t.debiased.push_back(run.facts.distinguishability_debiased);
            t.head.push_back(run.facts.head_norm);
            t.embedding.push_back(run.facts.embedding_norm);
            t.balance.push_back(run.facts.balance.back());
        }
        t.share_distinguishability.push_back(m.share_of_distinguishability());
        t.share_head.push_back(m.share_of_head());
    }
    tabulate_ratios(t, replicates, target);
    tabulate_curves(t, replicates);
}

std::vector<MisalignmentField> misalignment_fields() {
    using T = MisalignmentTable;
    const std::string setting = "misalignment_setting", replicate = "misalignment_replicate",
                      start = "misalignment_start", step = "misalignment_step";
    const std::vector<std::string> each = {setting, replicate, start}, pair = {setting, replicate},
                                   one = {setting}, starts = {setting, start};
    std::vector<MisalignmentField> out = {
        {setting, "", "activation, size of the base head, beta; or the user's features",
         &T::setting},
        {replicate, "", "seed or behaviour", &T::replicate},
        {start, "",
         "model that is trained on flipped labels, its own reference unless the name says so",
         [](const T&) { return misalignment_start_names(); }},
        {step, "updates", "step of misalignment", &T::curve_step},
        {"misalignment_slope", each, "1/time", "-L'(0) = R(0)^2, initial slope of the loss",
         &T::slope},
        {"misalignment_steps_to_loss", each, "updates",
         "first step with loss <= misalignment_target", &T::steps_to_loss},
        {"misalignment_steps_to_policy", each, "updates",
         "first step at which the flipped answer is the likelier one, mean log ratio; NaN if never",
         &T::steps_to_policy},
        {"misalignment_distinguishability", each, "embedding",
         "|| mu_+ - mu_- || of g(x) at the start", &T::distinguishability},
        {"misalignment_distinguishability_debiased", each, "embedding",
         "the same without its noise floor", &T::debiased},
        {"misalignment_head_norm", each, "1/embedding", "|| a || at the start", &T::head},
        {"misalignment_embedding_norm", each, "", "|| E ||_F at the start", &T::embedding},
        {"misalignment_balance_drift", each, "",
         "|| B - B_0 ||_F at the end, B = E E^T - a a^T / 2, which the flow conserves if the "
         "embedding is linear and trained",
         &T::balance},
        {"misalignment_share_distinguishability", pair, "",
         "growth of the slope with aligned E and base a, over that of the aligned model",
         &T::share_distinguishability},
        {"misalignment_share_head", pair, "", "the same with base E and aligned a", &T::share_head},
        {"misalignment_target", one, "", "loss of misalignment_steps_to_loss", &T::target},
    };
    const std::string suffix[] = {"", "_low", "_high"};
    const char* losses[] = {"loss under misalignment, median over replicates",
                            "10 % quantile of the same", "90 % quantile of the same"};
    for (std::size_t k = 0; k < std::size(kLossLevels); ++k)
        out.push_back({"misalignment_loss" + suffix[k],
                       {setting, start, step},
                       "nats",
                       losses[k],
                       [k](const T& t) { return t.loss[k]; }});
    const std::string of[] = {"slope", "steps"};
    const std::string ratios[] = {"slope over that of the base model (frozen: frozen base)",
                                  "steps to the target loss over those of the base model"};
    for (std::size_t what = 0; what < 2; ++what) {
        const std::string words[] = {ratios[what] + ", geometric mean over replicates",
                                     "lower end of its 95 % Student t interval",
                                     "upper end of its 95 % Student t interval"};
        for (std::size_t k = 0; k < 3; ++k)
            out.push_back({"misalignment_" + of[what] + "_ratio" + suffix[k], starts, "", words[k],
                           [=](const T& t) { return t.ratio[what][k]; }});
    }
    return out;
}

}  // namespace prefdyn
