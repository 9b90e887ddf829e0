#include "experiments/result_fields.hpp"

#include <algorithm>
#include <limits>
#include <map>
#include <sstream>

#include "experiments/provenance.hpp"
#include "theory/rates.hpp"
#include "theory/registry.hpp"

namespace prefdyn {

namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr std::int64_t kFormatVersion = 1;

/// A field and how to get its value from a row object.
template <class Row>
struct Column {
    std::string name, unit, description;
    std::function<double(const Row&)> get;
};

template <class Row>
struct TextColumn {
    std::string name, description;
    std::function<std::string(const Row&)> get;
};

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
        {"kappa", "1 / time", "smoothness of L: (beta^2 / 2) lambda_max for the DPO loss",
         [](R r) { return r.kappa; }},
        {"learning_rate", "time / step", "eta as used", [](R r) { return r.config.training.eta; }},
        {"initial_rate_predicted", "1 / time",
         "R(0) of T1: (beta / sqrt 2) ||zbar|| for the DPO loss",
         [](R r) { return theory::initial_rate(r.evidence()); }},
        {"initial_rate_measured", "1 / time", "||grad L||_F at t = 0",
         [](R r) {
             return r.trajectory.records.empty() ? kNan : r.trajectory.records[0].update_rate;
         }},
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
    };
    return columns;
}

const std::vector<Column<theory::Verdict>>& verdict_columns() {
    using V = const theory::Verdict&;
    static const std::vector<Column<theory::Verdict>> columns = {
        {"slack", "", "smallest relative distance to the bound, negative where violated",
         [](V v) { return v.slack; }},
        {"tightness_min", "", "least measured / bound (bound / measured for lower bounds)",
         [](V v) { return v.tightness.min; }},
        {"tightness_median", "", "median of the same", [](V v) { return v.tightness.median; }},
        {"tightness_max", "", "largest of the same; 1 is tight",
         [](V v) { return v.tightness.max; }},
    };
    return columns;
}

std::string column_name(std::string name) {
    std::replace(name.begin(), name.end(), '-', '_');
    return name;
}

const char* kStatusCodes = "0 holds, 1 violated, 2 not_applicable, 3 fitted";

/// Claims whose bound is a curve along a run.
bool has_curve(const theory::Claim& claim) {
    return claim.scope == theory::Scope::kRun && claim.id != "T1";
}

void add_config_fields(std::vector<Field>& out) {
    RunConfig config;
    ParameterTable table;
    declare(table, config);
    for (const Parameter& p : table.parameters())
        out.push_back({"config_" + column_name(p.name),
                       {"run"},
                       p.type == ParameterType::kReal ? FieldType::kReal : FieldType::kText,
                       p.unit,
                       "option --" + p.name + ": " + p.help});
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

void add_claim_fields(std::vector<Field>& out) {
    for (const std::string name : {"title", "statement", "source", "status"})
        out.push_back({"claim_" + name, {"claim"}, FieldType::kText, "", name + " of the claim"});
    for (const std::string name :
         {"holds", "violated", "not_applicable", "fitted", "controls", "caught"})
        out.push_back({"claim_" + name,
                       {"claim"},
                       FieldType::kInteger,
                       "cases",
                       name == "caught" ? "negative controls that came back violated"
                                        : "number of cases: " + name});
    for (const std::string name : {"min", "median", "max"})
        out.push_back({"claim_tightness_" + name,
                       {"claim"},
                       FieldType::kReal,
                       "",
                       name + " over the applicable cases (median: of their medians)"});
    out.push_back({"verdict_status", {"run", "claim"}, FieldType::kInteger, "", kStatusCodes});
    out.push_back({"verdict_reason",
                   {"run", "claim"},
                   FieldType::kText,
                   "",
                   "which assumption is unmet or what is violated"});
    out.push_back({"verdict_witness_step",
                   {"run", "claim"},
                   FieldType::kReal,
                   "updates",
                   "where the slack is smallest"});
    for (const auto& c : verdict_columns())
        out.push_back(
            {"verdict_" + c.name, {"run", "claim"}, FieldType::kReal, c.unit, c.description});
}

void add_row_fields(std::vector<Field>& out) {
    for (const std::string name : {"claim", "setting", "status", "reason"})
        out.push_back({"coverage_" + name,
                       {"coverage"},
                       FieldType::kText,
                       "",
                       name + " of the coverage test"});
    for (const std::string name : {"cases", "failures"})
        out.push_back({"coverage_" + name,
                       {"coverage"},
                       FieldType::kInteger,
                       "replicates",
                       name == "cases" ? "replicates drawn" : "replicates beyond the bound"});
    out.push_back(
        {"coverage_delta", {"coverage"}, FieldType::kReal, "", "allowed failure probability"});
    out.push_back({"coverage_p_value",
                   {"coverage"},
                   FieldType::kReal,
                   "",
                   "exact binomial P(at least `failures` | the claim is true)"});
    out.push_back({"coverage_constant",
                   {"coverage"},
                   FieldType::kReal,
                   "",
                   "T5a: smallest C that covers a share 1 - delta"});
    for (const auto& c : verdict_columns())
        out.push_back(
            {"coverage_" + c.name, {"coverage"}, FieldType::kReal, c.unit, c.description});
    for (const std::string name : {"claim", "name", "fault", "status"})
        out.push_back({"control_" + name,
                       {"control"},
                       FieldType::kText,
                       "",
                       name + " of the negative control"});
    out.push_back(
        {"control_caught", {"control"}, FieldType::kInteger, "", "1 if it came back violated"});
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
}

}  // namespace

std::vector<Field> result_fields() {
    std::vector<Field> out = {
        {"run", {"run"}, FieldType::kInteger, "", "number of the run"},
        {"record",
         {"record"},
         FieldType::kInteger,
         "",
         "number of the recorded point; runs with fewer points end in NaN"},
        {"quantile", {"quantile"}, FieldType::kReal, "", "quantile level"},
        {"claim", {"claim"}, FieldType::kText, "", "claim id"},
        {"coverage", {"coverage"}, FieldType::kInteger, "", "number of the coverage test"},
        {"control", {"control"}, FieldType::kInteger, "", "number of the negative control"},
        {"fixed_step",
         {"fixed_step"},
         FieldType::kInteger,
         "updates",
         "steps losses are compared at"},
    };
    add_run_fields(out);
    add_claim_fields(out);
    add_row_fields(out);
    return out;
}

namespace {

std::vector<std::int64_t> count_to(std::size_t n) {
    std::vector<std::int64_t> out(n);
    for (std::size_t i = 0; i < n; ++i) out[i] = static_cast<std::int64_t>(i);
    return out;
}

template <class Row, class Get>
auto gather(const std::vector<Row>& rows, Get get) {
    std::vector<decltype(get(rows.front()))> out;
    for (const Row& row : rows) out.push_back(get(row));
    return out;
}

class Filler {
  public:
    Filler(ResultWriter& writer, const Verification& v) : writer_(writer), v_(v) {
        for (const RunResult& run : v.runs)
            length_ = std::max(length_, run.trajectory.records.size());
    }

    void scales() {
        writer_.put("run", count_to(v_.runs.size()));
        writer_.put("record", count_to(length_));
        writer_.put("quantile",
                    std::vector<double>(kQuantileLevels.begin(), kQuantileLevels.end()));
        writer_.put("claim", gather(v_.claims, [](const auto& c) { return c.id; }));
    }

    void runs() {
        for (const auto& c : run_texts()) writer_.put(c.name, gather(v_.runs, c.get));
        for (const auto& c : run_columns()) writer_.put(c.name, gather(v_.runs, c.get));
        configs();
        for (const auto& c : record_columns()) writer_.put(c.name, curve(c.get));
        for (const bool held_out : {false, true}) splits(held_out);
        bounds();
    }

    void claims() {
        const auto& claims = v_.claims;
        const auto rows = v_.summaries();
        using S = const ClaimSummary&;
        writer_.put("claim_title", gather(claims, [](const auto& c) { return c.title; }));
        writer_.put("claim_statement", gather(claims, [](const auto& c) { return c.statement; }));
        writer_.put("claim_source", gather(claims, [](const auto& c) { return c.source; }));
        writer_.put("claim_status",
                    gather(rows, [](S s) { return std::string(theory::status_name(s.status)); }));
        const auto counts = [&](const char* name, std::size_t ClaimSummary::*member) {
            writer_.put(name,
                        gather(rows, [&](S s) { return static_cast<std::int64_t>(s.*member); }));
        };
        counts("claim_holds", &ClaimSummary::holds);
        counts("claim_violated", &ClaimSummary::violated);
        counts("claim_not_applicable", &ClaimSummary::not_applicable);
        counts("claim_fitted", &ClaimSummary::fitted);
        counts("claim_controls", &ClaimSummary::controls);
        counts("claim_caught", &ClaimSummary::caught);
        writer_.put("claim_tightness_min", gather(rows, [](S s) { return s.tightness.min; }));
        writer_.put("claim_tightness_median", gather(rows, [](S s) { return s.tightness.median; }));
        writer_.put("claim_tightness_max", gather(rows, [](S s) { return s.tightness.max; }));
    }

    void verdicts() {
        std::vector<theory::Verdict> flat;
        for (const auto& row : v_.verdicts) flat.insert(flat.end(), row.begin(), row.end());
        using V = const theory::Verdict&;
        writer_.put("verdict_status",
                    gather(flat, [](V v) { return static_cast<std::int64_t>(v.status); }));
        writer_.put("verdict_reason", gather(flat, [](V v) { return v.reason; }));
        writer_.put("verdict_witness_step", gather(flat, [](V v) { return v.witness_step; }));
        for (const auto& c : verdict_columns())
            writer_.put("verdict_" + c.name, gather(flat, c.get));
    }

    void coverage() {
        if (v_.coverage.empty()) return;
        using R = const CoverageRow&;
        const auto& rows = v_.coverage;
        writer_.put("coverage", count_to(rows.size()));
        writer_.put("coverage_claim", gather(rows, [](R r) { return r.claim; }));
        writer_.put("coverage_setting", gather(rows, [](R r) { return r.setting; }));
        writer_.put("coverage_status", gather(rows, [](R r) {
                        return std::string(theory::status_name(r.verdict.status));
                    }));
        writer_.put("coverage_reason", gather(rows, [](R r) { return r.verdict.reason; }));
        writer_.put("coverage_cases",
                    gather(rows, [](R r) { return static_cast<std::int64_t>(r.verdict.cases); }));
        writer_.put("coverage_failures", gather(rows, [](R r) {
                        const bool fit = r.verdict.status == theory::Status::kFitted;
                        return fit ? std::int64_t{0}
                                   : static_cast<std::int64_t>(r.verdict.failures);
                    }));
        writer_.put("coverage_delta", gather(rows, [](R r) { return r.delta; }));
        writer_.put("coverage_p_value", gather(rows, [](R r) { return r.verdict.p_value; }));
        writer_.put("coverage_constant", gather(rows, [](R r) {
                        return r.verdict.status == theory::Status::kFitted ? r.verdict.fitted
                                                                           : kNan;
                    }));
        for (const auto& c : verdict_columns())
            writer_.put("coverage_" + c.name, gather(rows, [&](R r) { return c.get(r.verdict); }));
    }

    void controls() {
        if (v_.controls.empty()) return;
        using C = const ControlResult&;
        writer_.put("control", count_to(v_.controls.size()));
        writer_.put("control_claim", gather(v_.controls, [](C c) { return c.claim; }));
        writer_.put("control_name", gather(v_.controls, [](C c) { return c.name; }));
        writer_.put("control_fault", gather(v_.controls, [](C c) { return c.fault; }));
        writer_.put("control_status", gather(v_.controls, [](C c) {
                        return std::string(theory::status_name(c.verdict.status));
                    }));
        writer_.put("control_caught",
                    gather(v_.controls, [](C c) { return std::int64_t{c.caught() ? 1 : 0}; }));
    }

    void fixed_steps() {
        if (v_.fixed_steps.empty()) return;
        writer_.put("fixed_step",
                    std::vector<std::int64_t>(v_.fixed_steps.begin(), v_.fixed_steps.end()));
        writer_.put("loss_at_fixed_step", v_.loss_at);
        writer_.put("spearman_loss_distinguishability", v_.spearman);
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
        std::map<std::string, std::vector<std::string>> texts;
        for (const RunResult& run : v_.runs) {
            RunConfig config = run.config;
            ParameterTable table;
            declare(table, config);
            for (const Parameter& p : table.parameters())
                if (p.type == ParameterType::kReal)
                    reals["config_" + column_name(p.name)].push_back(std::stod(p.get()));
                else
                    texts["config_" + column_name(p.name)].push_back(p.get());
        }
        for (const auto& [name, values] : reals) writer_.put(name, values);
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

    ResultWriter& writer_;
    const Verification& v_;
    std::size_t length_ = 0;
};

}  // namespace

void write_results(const std::string& path, const Verification& v, const std::string& command,
                   const ParameterTable& options, double wall_seconds) {
    ResultWriter writer(result_fields());
    Filler fill(writer, v);
    fill.scales();
    fill.runs();
    fill.claims();
    fill.verdicts();
    fill.coverage();
    fill.controls();
    fill.fixed_steps();
    std::string text;
    for (const Parameter& p : options.parameters())
        text += p.name + " = " + p.get() + "  # " + p.origin + "\n";
    writer.attribute("title", "prefdyn " + command);
    writer.attribute("format_version", kFormatVersion);
    writer.attribute("options", text);
    for (const auto& [key, value] : provenance()) writer.attribute(key, value);
    writer.attribute("wall_seconds", wall_seconds);
    writer.publish(path);
}

std::string file_format_page() {
    std::ostringstream out;
    out << "# Result files\n\n"
           "Printed by `prefdyn docs file-format`; a test compares the two.\n\n"
           "`simulate` and `verify` write the same flat layout: one HDF5 file, every axis a "
           "dimension "
           "scale,\nso that xarray (`xarray.open_dataset(path, engine=\"h5netcdf\")`) and h5py "
           "read it "
           "alike. Missing\npoints are NaN. Each dataset carries `description` and `units`; the "
           "file "
           "carries `format_version` ("
        << kFormatVersion
        << "),\n`options` (every option with its value and origin), `wall_seconds` and the "
           "provenance: "
           "version, commit,\n`commit_dirty`, compiler, build type, flags, library versions, host, "
           "device, threads and time of writing.\nA file is written under `NAME.partial`, closed, "
           "reopened and checked, then renamed.\nThe same options give the same bytes in every "
           "dataset; "
           "only host, time and the like differ.\n\n"
           "```python\nimport h5py\n\nwith h5py.File(\"results/verify.h5\") as f:\n"
           "    claims = f[\"claim\"].asstr()[:]\n"
           "    for name, verdict in zip(claims, f[\"claim_status\"].asstr()[:]):\n"
           "        print(name, verdict)\n"
           "    t, change = f[\"time\"][0], f[\"head_change\"][0]\n"
           "    print(f[\"head_change\"].attrs[\"description\"], t[-1], change[-1])\n"
           "    print(f[\"head_change\"].dims[0][0].name, f.attrs[\"options\"])\n```\n\n"
           "Features to be read by `verify --embeddings` are groups with `features` (n, d) and "
           "`label` "
           "(n) in\n{-1, +1}, or a pair of `.npy` files with the same content.\n\n"
        << describe(result_fields());
    return out.str();
}

}  // namespace prefdyn
