#include "experiments/verify/run_fields.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "experiments/results/columns.hpp"
#include "sim/base/numerics.hpp"
#include "theory/rates.hpp"
#include "theory/registry.hpp"

namespace prefdyn {

namespace {

const std::vector<Column<RunResult>>& run_columns() {
    using R = const RunResult&;
    static const std::vector<Column<RunResult>> columns = {
        {"run_samples", "", "n", [](R r) { return static_cast<double>(r.statistics.n); }},
        {"run_dimension", "", "d",
         [](R r) { return static_cast<double>(r.statistics.zbar.size()); }},
        {"p_plus", "", "share of labels +1 in the sample", [](R r) { return r.statistics.p_plus; }},
        {"distinguishability_sample", "feature units", "Dhat = ||mu_+ - mu_-|| of the sample",
         [](R r) { return r.statistics.distinguishability; }},
        {"distinguishability_debiased", "feature units", "sqrt(max(0, Dhat^2 - noise_floor^2))",
         [](R r) { return r.statistics.distinguishability_debiased(); }},
        {"noise_floor", "feature units",
         "sqrt(tr Sigma_+ / n_+ + tr Sigma_- / n_-): what Dhat is without any signal",
         [](R r) { return std::sqrt(r.statistics.noise_floor_squared()); }},
        {"zbar_norm", "feature units", "||(1/n) sum s_i g_i||",
         [](R r) { return r.statistics.zbar_norm; }},
        {"concentration", "feature units^2", "max(||Sigma_+||_2, ||Sigma_-||_2), ddof = 1",
         [](R r) { return r.statistics.concentration(); }},
        {"trace", "feature units^2", "max(tr Sigma_+, tr Sigma_-), ddof = 1",
         [](R r) { return r.statistics.trace(); }},
        {"lambda_max", "feature units^2", "largest eigenvalue of M = (1/n) sum g g^T",
         [](R r) { return r.statistics.lambda_max; }},
        {"kappa", "1 / time",
         "smoothness of L: (beta^2 / 2) lambda_max for the DPO loss; infinite for a kink, NaN for "
         "a "
         "loss that is no function of the margin",
         [](R r) { return r.kappa; }},
        {"learning_rate", "time / step", "eta as used", [](R r) { return r.config.training.eta; }},
        {"initial_rate_predicted", "1 / time",
         "R(0) of T1: (beta / sqrt 2) ||zbar|| for the DPO loss",
         [](R r) { return theory::initial_rate(r.evidence()); }},
        {"initial_rate_measured", "1 / time", "||grad L||_F at t = 0",
         [](R r) { return r.trajectory.records.front().update_rate; }},
    };
    return columns;
}

const std::vector<TextColumn<RunResult>>& run_texts() {
    using R = const RunResult&;
    static const std::vector<TextColumn<RunResult>> columns = {
        {"run_id", "UUID of canonical config and dataset checksum", [](R r) { return r.id; }},
        {"run_name", "dataset: synthetic, or the behaviour's name", [](R r) { return r.name; }},
        {"run_suite", "the axis of the design this run belongs to", [](R r) { return r.suite; }},
        {"stop_reason", "completed, diverged or step_underflow",
         [](R r) { return stop_reason_name(r.trajectory.stop); }},
    };
    return columns;
}

const std::vector<Column<Record>>& record_columns() {
    using R = const Record&;
    static const std::vector<Column<Record>> columns = {
        {"step", "updates", "parameter updates so far; t / eta for the flow",
         [](R r) { return r.step; }},
        {"time", "time", "t = eta * step", [](R r) { return r.time; }},
        {"epoch", "epochs", "training samples seen / n (t / eta for the flow)",
         [](R r) { return r.epoch; }},
        {"head_change", "", "||W - W_0||_F", [](R r) { return r.head_change; }},
        {"head_change_spectral", "", "||W - W_0||_op", [](R r) { return r.head_change_spectral; }},
        {"update_rate", "1 / time", "R(t) = ||grad L||_F, full training set",
         [](R r) { return r.update_rate; }},
        {"linear_remainder", "", "||W - W_0 - t W'(0)||_F", [](R r) { return r.linear_remainder; }},
    };
    return columns;
}

const std::vector<Column<SplitMetrics>>& split_columns() {
    using M = const SplitMetrics&;
    static const std::vector<Column<SplitMetrics>> columns = {
        {"loss", "nats", "mean loss", [](M m) { return m.loss; }},
        {"rewards_margins", "", "TRL rewards/margins: mean reward margin m_i",
         [](M m) { return m.rewards_margins; }},
        {"rewards_accuracies", "", "TRL rewards/accuracies: share with m_i > 0, ties count 0",
         [](M m) { return m.rewards_accuracies; }},
        {"rewards_ties", "", "share with m_i = 0", [](M m) { return m.rewards_ties; }},
        {"outputs_accuracies", "",
         "policy accuracy: share with pi(y_w|x) > pi(y_l|x), ties count 0",
         [](M m) { return m.outputs_accuracies; }},
        {"outputs_ties", "", "share with pi(y_w|x) = pi(y_l|x)",
         [](M m) { return m.outputs_ties; }},
        {"logps_chosen", "nats", "TRL logps/chosen: mean log pi(y_w|x)",
         [](M m) { return m.logps_chosen; }},
        {"logps_rejected", "nats", "TRL logps/rejected: mean log pi(y_l|x)",
         [](M m) { return m.logps_rejected; }},
        {"rewards_chosen", "", "TRL rewards/chosen: mean r_w = beta log (pi / pi_ref)(y_w|x)",
         [](M m) { return m.rewards_chosen; }},
        {"rewards_rejected", "", "TRL rewards/rejected: mean r_l = beta log (pi / pi_ref)(y_l|x)",
         [](M m) { return m.rewards_rejected; }},
    };
    return columns;
}

std::string column_name(std::string name) {
    std::replace(name.begin(), name.end(), '-', '_');
    return name;
}

/// Claims whose bound is a curve along a run.
bool has_curve(const theory::Claim& claim) {
    return claim.scope == theory::Scope::kRun && claim.id != "T1";
}

FieldType field_type(ParameterType type) {
    if (type == ParameterType::kReal) return FieldType::kReal;
    return type == ParameterType::kInteger ? FieldType::kInteger : FieldType::kText;
}

void add_config_fields(std::vector<Field>& out) {
    RunConfig config;
    ParameterTable table;
    declare(table, config);
    const auto drawn = distribution_options();
    for (const Parameter& p : table.parameters()) {
        const FieldType type = field_type(p.type);
        const bool idle = std::ranges::count(drawn, p.name) > 0 && type != FieldType::kInteger;
        out.push_back({"config_" + column_name(p.name),
                       {"run"},
                       type,
                       p.unit,
                       "option --" + p.name + ": " + p.help +
                           (!idle                      ? ""
                            : type == FieldType::kReal ? "; NaN on given features"
                                                       : "; empty on given features")});
    }
}

void add_run_fields(std::vector<Field>& out) {
    for (const auto& c : run_texts())
        out.push_back({c.name, {"run"}, FieldType::kText, "", c.description});
    add_config_fields(out);
    for (const auto& c : run_columns())
        out.push_back({c.name, {"run"}, FieldType::kReal, c.unit, c.description});
    for (const auto& c : record_columns())
        out.push_back({c.name, {"run", "record"}, FieldType::kReal, c.unit, c.description});
    for (const std::string prefix : {"", "eval_"}) {
        const std::string split = prefix.empty() ? ", training set" : ", held-out set";
        for (const auto& c : split_columns())
            out.push_back({prefix + c.name,
                           {"run", "record"},
                           FieldType::kReal,
                           c.unit,
                           c.description + split});
        out.push_back({prefix + "margin_quantiles",
                       {"run", "record", "quantile"},
                       FieldType::kReal,
                       "",
                       "quantiles of the reward margins" + split});
    }
    for (const auto& claim : theory::claims())
        if (has_curve(claim))
            out.push_back(
                {"bound_" + claim.id,
                 {"run", "record"},
                 FieldType::kReal,
                 "",
                 "bound of " + claim.id + " (" + claim.title + "), NaN where it does not apply"});
}

}  // namespace

std::vector<Field> run_fields() {
    std::vector<Field> out = {
        {"run", {"run"}, FieldType::kInteger, "", "number of the run"},
        {"record",
         {"record"},
         FieldType::kInteger,
         "",
         "number of the recorded point; runs with fewer points end in NaN"},
        {"quantile", {"quantile"}, FieldType::kReal, "", "quantile level"},
        {"fixed_step",
         {"fixed_step"},
         FieldType::kInteger,
         "updates",
         "steps losses are compared at"},
    };
    add_run_fields(out);
    out.push_back({"loss_at_fixed_step",
                   {"run", "fixed_step"},
                   FieldType::kReal,
                   "nats",
                   "training loss after that many steps"});
    out.push_back({"spearman_loss_distinguishability",
                   {"fixed_step"},
                   FieldType::kReal,
                   "",
                   "rank correlation of Dhat and loss over the runs"});
    return out;
}

namespace {

class RunFiller {
  public:
    RunFiller(ResultWriter& writer, const Verification& v) : writer_(writer), v_(v) {
        for (const RunResult& run : v.runs)
            length_ = std::max(length_, run.trajectory.records.size());
    }

    void fill() {
        writer_.put("run", count_to(v_.runs.size()));
        writer_.put("record", count_to(length_));
        writer_.put("quantile",
                    std::vector<double>(kQuantileLevels.begin(), kQuantileLevels.end()));
        for (const auto& c : run_texts()) writer_.put(c.name, gather(v_.runs, c.get));
        for (const auto& c : run_columns()) writer_.put(c.name, gather(v_.runs, c.get));
        configs();
        for (const auto& c : record_columns()) writer_.put(c.name, curve(c.get));
        for (const bool held_out : {false, true}) splits(held_out);
        bounds();
        fixed_steps();
    }

  private:
    template <class Get>
    std::vector<double> curve(Get get) const {
        std::vector<double> out(v_.runs.size() * length_, kNan);
        for (std::size_t r = 0; r < v_.runs.size(); ++r)
            for (std::size_t k = 0; k < v_.runs[r].trajectory.records.size(); ++k)
                out[r * length_ + k] = get(v_.runs[r].trajectory.records[k]);
        return out;
    }

    void splits(bool held_out) {
        const std::string prefix = held_out ? "eval_" : "";
        const auto metrics = [=](const Record& r) -> const SplitMetrics& {
            return held_out ? r.held_out : r.train;
        };
        for (const auto& c : split_columns())
            writer_.put(prefix + c.name, curve([&](const Record& r) { return c.get(metrics(r)); }));
        std::vector<double> quantiles(v_.runs.size() * length_ * kQuantileLevels.size(), kNan);
        for (std::size_t r = 0; r < v_.runs.size(); ++r)
            for (std::size_t k = 0; k < v_.runs[r].trajectory.records.size(); ++k) {
                const auto& levels = metrics(v_.runs[r].trajectory.records[k]).margin_quantiles;
                std::copy(levels.begin(), levels.end(),
                          quantiles.begin() +
                              static_cast<std::ptrdiff_t>((r * length_ + k) * levels.size()));
            }
        writer_.put(prefix + "margin_quantiles", quantiles);
    }

    void configs() {
        std::map<std::string, std::vector<double>> reals;
        std::map<std::string, std::vector<std::int64_t>> integers;
        std::map<std::string, std::vector<std::string>> texts;
        const auto drawn = distribution_options();
        for (const RunResult& run : v_.runs) {
            RunConfig config = run.config;
            ParameterTable table;
            declare(table, config);
            for (const Parameter& p : table.parameters()) {
                const std::string name = "config_" + column_name(p.name);
                const bool idle = run.features_given && std::ranges::count(drawn, p.name) > 0;
                switch (field_type(p.type)) {
                    case FieldType::kReal:
                        reals[name].push_back(idle ? kNan : std::stod(p.get()));
                        break;
                    case FieldType::kInteger:
                        integers[name].push_back(std::stoll(p.get()));
                        break;
                    case FieldType::kText:
                        texts[name].push_back(idle ? "" : p.get());
                }
            }
        }
        for (const auto& [name, values] : reals) writer_.put(name, values);
        for (const auto& [name, values] : integers) writer_.put(name, values);
        for (const auto& [name, values] : texts) writer_.put(name, values);
    }

    void bounds() {
        for (std::size_t c = 0; c < v_.claims.size(); ++c) {
            const theory::Claim& claim = v_.claims[c];
            if (!has_curve(claim)) continue;
            std::vector<double> out(v_.runs.size() * length_, kNan);
            for (std::size_t r = 0; r < v_.runs.size(); ++r) {
                if (v_.verdicts[r][c].status == theory::Status::kNotApplicable) continue;
                const auto& records = v_.runs[r].trajectory.records;
                std::size_t k = 0;
                for (const auto& comparison : claim.compare(v_.runs[r].evidence())) {
                    while (k < records.size() && records[k].time < comparison.time) ++k;
                    out[r * length_ + k] = comparison.bound;
                }
            }
            writer_.put("bound_" + claim.id, out);
        }
    }

    void fixed_steps() {
        if (v_.fixed_steps.empty()) return;
        writer_.put("fixed_step",
                    std::vector<std::int64_t>(v_.fixed_steps.begin(), v_.fixed_steps.end()));
        writer_.put("loss_at_fixed_step", v_.loss_at);
        writer_.put("spearman_loss_distinguishability", v_.spearman);
    }

    ResultWriter& writer_;
    const Verification& v_;
    std::size_t length_ = 0;
};

}  // namespace

void put_runs(ResultWriter& writer, const Verification& verification) {
    RunFiller(writer, verification).fill();
}

}  // namespace prefdyn
