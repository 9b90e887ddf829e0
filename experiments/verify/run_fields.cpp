#include "experiments/verify/run_fields.hpp"

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <map>

#include "experiments/results/columns.hpp"
#include "experiments/runs/run_measures.hpp"
#include "sim/base/numerics.hpp"
#include "theory/formula/formula_claim.hpp"
#include "theory/registry.hpp"

namespace prefdyn {

namespace {

const char* const kQuantiles = "margin_quantiles";

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

std::string column_name(std::string name) {
    std::replace(name.begin(), name.end(), '-', '_');
    return name;
}

/// Claims whose bound is a curve along a run.
bool has_curve(const theory::Claim& claim) {
    return claim.scope == theory::Scope::kRun && claim.checks.curve;
}

FieldType field_type(ParameterType type) {
    if (type == ParameterType::kReal) return FieldType::kReal;
    return type == ParameterType::kInteger ? FieldType::kInteger : FieldType::kText;
}

/// What says nothing of a run on a population of the user's own; D and p_plus are the population's.
std::vector<std::string> idle_on_populations() {
    std::vector<std::string> out = options_of_built_in();
    std::erase_if(out, [](const std::string& name) {
        return name == "distinguishability" || name == "balance";
    });
    return out;
}

void add_config_fields(std::vector<Field>& out) {
    RunConfig config;
    ParameterTable table;
    declare(table, config);
    const auto drawn = distribution_options(), built_in = idle_on_populations();
    for (const Parameter& p : table.parameters()) {
        const FieldType type = field_type(p.type);
        const bool idle = std::ranges::count(drawn, p.name) > 0 && type != FieldType::kInteger;
        const bool own = std::ranges::count(built_in, p.name) > 0;
        out.push_back({"config_" + column_name(p.name),
                       {"run"},
                       type,
                       p.unit,
                       "option --" + p.name + ": " + p.help +
                           (!idle                      ? ""
                            : type == FieldType::kReal ? "; NaN on given features"
                                                       : "; empty on given features") +
                           (idle && own ? " and of a population of one's own" : "") +
                           (p.name == "population" ? ", with the UUID of its numbers" : "")});
    }
}

void add_run_fields(std::vector<Field>& out, const std::vector<theory::Claim>& claims) {
    for (const auto& c : run_texts()) out.push_back(text_field(c.name, {"run"}, c.description));
    add_config_fields(out);
    for (const auto& m : run_measures()) out.push_back(field_of(m.measure, {"run"}));
    for (const auto& m : record_measures()) out.push_back(field_of(m.measure, {"run", "record"}));
    for (const Measure& m : {on_training_set(kQuantiles), on_held_out_set(kQuantiles)})
        out.push_back(field_of(m, {"run", "record", "quantile"}));
    const auto add_curve = [&](const std::string& what, const theory::Claim& claim) {
        out.push_back(real_field(
            what + "_" + claim.id, {"run", "record"}, "",
            what + (what == "bound" ? " of " : " side of ") + claim.id + " (" + claim.title +
                "), NaN where it does not apply; of several comparisons at a record the closest"));
    };
    for (const auto& claim : theory::claims())
        if (has_curve(claim)) add_curve("bound", claim);
    for (const auto& claim : claims)
        if (has_curve(claim) && theory::is_own(claim)) {
            add_curve("bound", claim);
            add_curve("measured", claim);
        }
}

}  // namespace

std::vector<Field> run_fields(const std::vector<theory::Claim>& claims) {
    std::vector<Field> out = {
        integer_field("run", {"run"}, "", "number of the run"),
        integer_field("record", {"record"}, "",
                      "number of the recorded point; runs with fewer points end in NaN"),
        real_field("quantile", {"quantile"}, "", "quantile level"),
        integer_field("fixed_step", {"fixed_step"}, "updates", "steps losses are compared at"),
    };
    add_run_fields(out, claims);
    out.push_back(real_field("loss_at_fixed_step", {"run", "fixed_step"}, "nats",
                             "training loss after that many steps"));
    out.push_back(real_field("spearman_loss_distinguishability", {"fixed_step"}, "",
                             "rank correlation of Dhat and loss over the runs"));
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
        for (const auto& m : run_measures()) writer_.put(m.measure.name, gather(v_.runs, m.get));
        configs();
        for (const auto& m : record_measures()) writer_.put(m.measure.name, curve(m.get));
        quantiles(on_training_set(kQuantiles).name, &Record::train);
        quantiles(on_held_out_set(kQuantiles).name, &Record::held_out);
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

    void quantiles(const std::string& name, SplitMetrics Record::*split) {
        std::vector<double> out(v_.runs.size() * length_ * kQuantileLevels.size(), kNan);
        for (std::size_t r = 0; r < v_.runs.size(); ++r)
            for (std::size_t k = 0; k < v_.runs[r].trajectory.records.size(); ++k) {
                const auto& levels = (v_.runs[r].trajectory.records[k].*split).margin_quantiles;
                std::copy(
                    levels.begin(), levels.end(),
                    out.begin() + static_cast<std::ptrdiff_t>((r * length_ + k) * levels.size()));
            }
        writer_.put(name, out);
    }

    void configs() {
        std::map<std::string, std::vector<double>> reals;
        std::map<std::string, std::vector<std::int64_t>> integers;
        std::map<std::string, std::vector<std::string>> texts;
        RunConfig any;
        ParameterTable declared;
        declare(declared, any);
        for (const Parameter& p : declared.parameters()) {  // columns, though there be no run
            const std::string name = "config_" + column_name(p.name);
            const FieldType type = field_type(p.type);
            if (type == FieldType::kReal) reals.try_emplace(name);
            if (type == FieldType::kInteger) integers.try_emplace(name);
            if (type == FieldType::kText) texts.try_emplace(name);
        }
        const auto drawn = distribution_options(), built_in = idle_on_populations();
        for (const RunResult& run : v_.runs) {
            RunConfig config = run.config;
            ParameterTable table;
            declare(table, config);
            for (const Parameter& p : table.parameters()) {
                const std::string name = "config_" + column_name(p.name);
                const bool own = !config.population.empty();
                const bool idle = (run.features_given && std::ranges::count(drawn, p.name) > 0) ||
                                  (own && std::ranges::count(built_in, p.name) > 0);
                switch (field_type(p.type)) {
                    case FieldType::kReal:
                        reals[name].push_back(idle ? kNan : std::strtod(p.get().c_str(), nullptr));
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
            if (!has_curve(v_.claims[c])) continue;
            writer_.put("bound_" + v_.claims[c].id, curve_of(c, &theory::CurvePoint::bound));
            if (theory::is_own(v_.claims[c]))
                writer_.put("measured_" + v_.claims[c].id,
                            curve_of(c, &theory::CurvePoint::measured));
        }
    }

    std::vector<double> curve_of(std::size_t claim, double theory::CurvePoint::*value) const {
        std::vector<double> out(v_.runs.size() * length_, kNan);
        for (std::size_t r = 0; r < v_.runs.size(); ++r) {
            const auto& records = v_.runs[r].trajectory.records;
            std::size_t k = 0;
            for (const theory::CurvePoint& point : v_.verdicts[r][claim].curve) {
                while (k < records.size() && records[k].time < point.time) ++k;
                out[r * length_ + k] = point.*value;
            }
        }
        return out;
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
