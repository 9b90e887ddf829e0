#include "experiments/verify/verdict_fields.hpp"

#include <algorithm>
#include <cmath>

#include "experiments/results/columns.hpp"
#include "experiments/results/measures.hpp"
#include "sim/base/numerics.hpp"
#include "theory/formula/mathml.hpp"

namespace prefdyn {

namespace {

const std::vector<Measured<theory::Verdict>>& verdict_measures() {
    using V = const theory::Verdict&;
    static const std::vector<Measured<theory::Verdict>> all = {
        {"slack", [](V v) { return v.slack; }},
        {"tightness_min", [](V v) { return v.tightness.min; }},
        {"tightness_median", [](V v) { return v.tightness.median; }},
        {"tightness_max", [](V v) { return v.tightness.max; }},
    };
    return all;
}

const char* const kStatusWords = "holds, violated, undecided, vacuous, not_applicable or fitted";

void add_verdict_fields(std::vector<Field>& out, const std::string& prefix,
                        const std::vector<std::string>& axes) {
    for (const auto& m : verdict_measures())
        out.push_back(field_of(measure_as(prefix + m.measure.name, m.measure.name), axes));
}

const std::vector<TextColumn<CaseRow>>& case_texts() {
    using R = const CaseRow&;
    static const std::vector<TextColumn<CaseRow>> columns = {
        {"case_study", "study that judged it", [](R r) { return r.study; }},
        {"case_claim", "claim id", [](R r) { return r.claim; }},
        {"case_setting", "setting of the study", [](R r) { return r.setting; }},
        {"case_status", kStatusWords, [](R r) { return theory::status_name(r.verdict.status); }},
        {"case_reason", "which assumption is unmet or what is violated",
         [](R r) { return r.verdict.reason; }},
    };
    return columns;
}

bool is_fit(const CaseRow& row) { return row.verdict.status == theory::Status::kFitted; }

const std::vector<Column<CaseRow>>& case_columns() {
    using R = const CaseRow&;
    static const std::vector<Column<CaseRow>> columns = {
        {"case_delta", "", "allowed failure probability; NaN for claims without one",
         [](R r) { return r.delta; }},
        {"case_p_value", "",
         "exact binomial P(at least `failures` | the claim is true); 1 for claims without delta",
         [](R r) { return r.verdict.p_value; }},
        {"case_unmet_probability", "",
         "probability that a sample of the least size is not as the claim presupposes (T10c, T10e: "
         "Ford's condition), at most; NaN for claims that presuppose nothing random",
         [](R r) { return r.unmet_probability; }},
        {"case_power", "delta",
         "power of the test: the claim is called violated from this share of failures on, in units "
         "of delta; NaN for claims without one",
         [](R r) { return r.verdict.power; }},
        {"case_constant", "", "fitted constant (T5a: smallest C that covers a share 1 - delta)",
         [](R r) { return is_fit(r) ? r.verdict.fitted : std::nan(""); }},
    };
    return columns;
}

void add_claim_fields(std::vector<Field>& out, const std::string& runs) {
    for (const std::string name : {"title", "statement", "source", "origin", "status"})
        out.push_back(text_field("claim_" + name, {"claim"}, name + " of the claim"));
    out.push_back(
        text_field("claim_mathml", {"claim"}, "the statement as markup, its formulas as MathML"));
    for (const std::string name : {"holds", "violated", "undecided", "vacuous", "not_applicable",
                                   "fitted", "controls", "caught"})
        out.push_back(integer_field("claim_" + name, {"claim"}, "cases",
                                    name == "caught" ? "negative controls that came back violated"
                                                     : "number of cases: " + name));
    for (const std::string name : {"min", "median", "max"})
        out.push_back(real_field("claim_tightness_" + name, {"claim"}, "",
                                 name + " over the applicable cases (median: of their medians)"));
    out.push_back(real_field("kappa_time", {"kappa_time"}, "1 / kappa",
                             "times, in units of 1 / kappa, at which tightness is told"));
    out.push_back(
        real_field("claim_tightness_at", {"claim", "kappa_time"}, "",
                   "measured / bound (bound / measured for lower bounds) at the record nearest "
                   "to kappa t, no more than 1.5 times off; median over the runs"));
    out.push_back(real_field("claim_tightness_end", {"claim"}, "", "the same at the last record"));
    out.push_back(integer_field("verdict_status", {runs, "claim"}, "", measure("status").words));
    out.push_back(text_field("verdict_reason", {runs, "claim"},
                             "which assumption is unmet or what is violated"));
    for (const std::string name : {"comparisons", "vacuous"})
        out.push_back(integer_field("verdict_" + name, {runs, "claim"}, "comparisons",
                                    name == "vacuous" ? "of them with a bound that says nothing"
                                                      : "of the run's records with the claim"));
    out.push_back(real_field("verdict_witness_step", {runs, "claim"}, "updates",
                             "where the slack is smallest"));
    add_verdict_fields(out, "verdict_", {runs, "claim"});
}

void add_case_fields(std::vector<Field>& out) {
    for (const auto& c : case_texts()) out.push_back(text_field(c.name, {"case"}, c.description));
    out.push_back(integer_field("case_cases", {"case"}, "evidence",
                                "pieces of evidence (replicates, runs) held against the claim"));
    for (const std::string name : {"comparisons", "vacuous"})
        out.push_back(integer_field("case_" + name, {"case"}, "comparisons",
                                    name == "vacuous" ? "of them with a bound that says nothing"
                                                      : "over all evidence of the case"));
    out.push_back(integer_field("case_failures", {"case"}, "evidence",
                                "pieces of evidence beyond the bound; 0 for fits"));
    for (const auto& c : case_columns())
        out.push_back(real_field(c.name, {"case"}, c.unit, c.description));
    add_verdict_fields(out, "case_", {"case"});
}

void add_control_fields(std::vector<Field>& out) {
    for (const std::string name : {"claim", "name", "fault", "status"})
        out.push_back(
            text_field("control_" + name, {"control"}, name + " of the negative control"));
    out.push_back(text_field("control_data", {"control"},
                             "behaviour the fault was planted on; empty: synthetic features"));
    out.push_back(integer_field("control_caught", {"control"}, "", "1 if it came back violated"));
}

}  // namespace

std::vector<Field> claim_fields(const std::string& runs) {
    std::vector<Field> out = {text_field("claim", {"claim"}, "claim id")};
    add_claim_fields(out, runs);
    return out;
}

std::vector<Field> verdict_fields() {
    std::vector<Field> out = claim_fields("run");
    out.push_back(integer_field("case", {"case"}, "", "number of the study case"));
    out.push_back(integer_field("control", {"control"}, "", "number of the negative control"));
    add_case_fields(out);
    add_control_fields(out);
    return out;
}

namespace {

constexpr double kKappaTimes[] = {0.1, 1.0, 10.0, 100.0, 1000.0};

/// Tightness at the point nearest to kappa t; NaN where none is near.
double tightness_near(const std::vector<theory::CurvePoint>& curve, double kappa, double wanted) {
    double out = kNan, nearest = std::log(1.5);
    for (const theory::CurvePoint& point : curve) {
        const double off = std::fabs(std::log(kappa * point.time / wanted));
        if (!(off <= nearest)) continue;
        nearest = off;
        out = point.tightness;
    }
    return out;
}

double median_of(std::vector<double> values) {
    std::erase_if(values, [](double x) { return !std::isfinite(x); });
    if (values.empty()) return kNan;
    std::ranges::sort(values);
    return values[values.size() / 2];
}

/// What each bound says, and when.
void put_tightness_by_time(ResultWriter& writer, const Verification& v) {
    std::vector<double> at, end;
    for (std::size_t c = 0; c < v.claims.size(); ++c) {
        const auto over_runs = [&](auto get) {
            std::vector<double> values;
            for (std::size_t r = 0; r < v.verdicts.size(); ++r)
                if (!v.verdicts[r][c].curve.empty())
                    values.push_back(get(v.verdicts[r][c].curve, v.runs[r].kappa));
            return median_of(std::move(values));
        };
        for (const double wanted : kKappaTimes)
            at.push_back(over_runs([&](const auto& curve, double kappa) {
                return tightness_near(curve, kappa, wanted);
            }));
        end.push_back(over_runs([](const auto& curve, double) { return curve.back().tightness; }));
    }
    writer.put("kappa_time", std::vector<double>(std::begin(kKappaTimes), std::end(kKappaTimes)));
    writer.put("claim_tightness_at", at);
    writer.put("claim_tightness_end", end);
}

void put_claims(ResultWriter& writer, const Verification& v) {
    const auto& claims = v.claims;
    writer.put("claim", gather(claims, [](const auto& c) { return c.id; }));
    const auto rows = v.summaries();
    using S = const ClaimSummary&;
    writer.put("claim_title", gather(claims, [](const auto& c) { return c.title; }));
    writer.put("claim_statement", gather(claims, [](const auto& c) { return c.statement; }));
    put_tightness_by_time(writer, v);
    writer.put("claim_mathml", gather(claims, [](const auto& c) { return theory::mathml_of(c); }));
    writer.put("claim_source", gather(claims, [](const auto& c) { return c.source; }));
    writer.put("claim_origin",
               gather(claims, [](const auto& c) { return theory::origin_text(c.origin); }));
    writer.put("claim_status",
               gather(rows, [](S s) { return std::string(theory::status_name(s.status)); }));
    const auto counts = [&](const char* name, std::size_t ClaimSummary::*member) {
        writer.put(name, gather(rows, [&](S s) { return static_cast<std::int64_t>(s.*member); }));
    };
    for (std::size_t k = 0; k < theory::kStatuses; ++k)
        writer.put(std::string("claim_") + theory::status_name(static_cast<theory::Status>(k)),
                   gather(rows, [k](S s) { return static_cast<std::int64_t>(s.cases[k]); }));
    counts("claim_controls", &ClaimSummary::controls);
    counts("claim_caught", &ClaimSummary::caught);
    writer.put("claim_tightness_min", gather(rows, [](S s) { return s.tightness.min; }));
    writer.put("claim_tightness_median", gather(rows, [](S s) { return s.tightness.median; }));
    writer.put("claim_tightness_max", gather(rows, [](S s) { return s.tightness.max; }));
}

void put_run_verdicts(ResultWriter& writer, const Verification& v) {
    std::vector<theory::Verdict> flat;
    for (const auto& row : v.verdicts) flat.insert(flat.end(), row.begin(), row.end());
    using V = const theory::Verdict&;
    writer.put("verdict_status",
               gather(flat, [](V v) { return static_cast<std::int64_t>(v.status); }));
    writer.put("verdict_reason", gather(flat, [](V v) { return v.reason; }));
    writer.put("verdict_comparisons",
               gather(flat, [](V v) { return static_cast<std::int64_t>(v.comparisons); }));
    writer.put("verdict_vacuous",
               gather(flat, [](V v) { return static_cast<std::int64_t>(v.vacuous); }));
    writer.put("verdict_witness_step", gather(flat, [](V v) { return v.witness_step; }));
    for (const auto& m : verdict_measures())
        writer.put("verdict_" + m.measure.name, gather(flat, m.get));
}

void put_cases(ResultWriter& writer, const Verification& v) {
    if (v.cases.empty()) return;
    using R = const CaseRow&;
    writer.put("case", count_to(v.cases.size()));
    for (const auto& c : case_texts()) writer.put(c.name, gather(v.cases, c.get));
    writer.put("case_cases",
               gather(v.cases, [](R r) { return static_cast<std::int64_t>(r.verdict.cases); }));
    writer.put("case_comparisons", gather(v.cases, [](R r) {
                   return static_cast<std::int64_t>(r.verdict.comparisons);
               }));
    writer.put("case_vacuous",
               gather(v.cases, [](R r) { return static_cast<std::int64_t>(r.verdict.vacuous); }));
    writer.put("case_failures", gather(v.cases, [](R r) {
                   return is_fit(r) ? std::int64_t{0}
                                    : static_cast<std::int64_t>(r.verdict.failures);
               }));
    for (const auto& c : case_columns()) writer.put(c.name, gather(v.cases, c.get));
    for (const auto& m : verdict_measures())
        writer.put("case_" + m.measure.name,
                   gather(v.cases, [&](R r) { return m.get(r.verdict); }));
}

void put_controls(ResultWriter& writer, const Verification& v) {
    if (v.controls.empty()) return;
    using C = const ControlResult&;
    writer.put("control", count_to(v.controls.size()));
    writer.put("control_claim", gather(v.controls, [](C c) { return c.claim; }));
    writer.put("control_name", gather(v.controls, [](C c) { return c.name; }));
    writer.put("control_fault", gather(v.controls, [](C c) { return c.fault; }));
    writer.put("control_data", gather(v.controls, [](C c) { return c.data; }));
    writer.put("control_status", gather(v.controls, [](C c) {
                   return std::string(theory::status_name(c.verdict.status));
               }));
    writer.put("control_caught",
               gather(v.controls, [](C c) { return std::int64_t{c.caught() ? 1 : 0}; }));
}

}  // namespace

void put_claim_verdicts(ResultWriter& writer, const Verification& v) {
    put_claims(writer, v);
    put_run_verdicts(writer, v);
}

void put_verdicts(ResultWriter& writer, const Verification& v) {
    put_claim_verdicts(writer, v);
    put_cases(writer, v);
    put_controls(writer, v);
}

}  // namespace prefdyn
