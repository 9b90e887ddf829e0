#include <algorithm>
#include <limits>

#include "experiments/program/parallel.hpp"
#include "experiments/results/columns.hpp"
#include "experiments/runs/run_measures.hpp"
#include "experiments/scaled/scaled.hpp"
#include "sim/base/numerics.hpp"
#include "theory/principal_axes.hpp"

namespace prefdyn {

namespace {

constexpr Index kAxes = 2;

constexpr BehaviourCurve kPairCurves[] = {
    {"loss", "loss", &BehaviourMetrics::loss},
    {"margin", "rewards_margins", &BehaviourMetrics::rewards_margins},
    {"rewards_accuracy", "rewards_accuracies", &BehaviourMetrics::rewards_accuracies},
    {"outputs_accuracy", "outputs_accuracies", &BehaviourMetrics::outputs_accuracies},
};

void add_pair_fields(std::vector<Field>& out) {
    const std::string p = "scaled_pair", r = "scaled_pair_record", m = "scaled_pair_member";
    out.push_back(text_field(p, {p}, "two behaviours trained together as published"));
    out.push_back(integer_field(r, {r}, "", "number of the record"));
    out.push_back(text_field(m, {m}, "which of the two has the higher priority"));
    out.push_back(field_of(measure_as("scaled_pair_gap", "gap", "training rows"), {p}));
    out.push_back(field_of(measure_as("scaled_pair_step", "step"), {p, r}));
    for (const BehaviourCurve& c : kPairCurves)
        out.push_back(field_of(measure_as(std::string("scaled_pair_") + c.name, c.measure,
                                          "all training rows of each behaviour"),
                               {p, r, m}));
}

}  // namespace

std::vector<Field> scaled_fields() {
    const std::string b = "scaled_behaviour", s = "scaled_sample", a = "scaled_axis",
                      c = "scaled_correlation";
    std::vector<Field> out = {
        text_field(b, {b}, "behaviour of the scaled mode"),
        integer_field(s, {s}, "", "row of the behaviour's features"),
        integer_field(a, {a}, "", "number of the principal axis"),
        real_field("scaled_label", {b, s}, "", "+1, -1; NaN beyond the behaviour's rows"),
        real_field(
            "scaled_projection", {b, s, a}, "feature units",
            "feature minus mean along the behaviour's own principal axes, class +1 to the right"),
        real_field("scaled_axis_variance", {b, a}, "", "share of the total variance"),
        real_field(
            "scaled_cross_check", {b}, "",
            "largest relative difference between the exact reduction and the dense head; NaN: not "
            "checked"),
        text_field("scaled_source", {b}, "file the behaviour's prompts come from"),
        text_field("scaled_data_hash", {b}, "content hash of its lines"),
        text_field("scaled_tokens_hash", {b}, "content hash of its token ids"),
        text_field(
            "scaled_shared_tokens", {b},
            "ids that both answers begin with; append_shared says whether they end the prompts"),
        integer_field("scaled_filtered_lines", {b}, "", "lines that --min-confidence dropped"),
        integer_field("scaled_truncated_prompts", {b}, "", "prompts that --truncate shortened"),
        text_field(c, {c}, "what is correlated with Dhat over the behaviours"),
        real_field("scaled_rank_correlation", {c}, "", "Spearman's rank correlation"),
        real_field("scaled_rank_correlation_low", {c}, "",
                   "lower end of its 95 % bootstrap interval over behaviours"),
        real_field("scaled_rank_correlation_high", {c}, "", "upper end of the same"),
    };
    add_pair_fields(out);
    return out;
}

namespace {

using Values = std::vector<std::pair<std::string, ResultWriter::Values>>;

void put_projections(Values& out, const std::vector<Dataset>& behaviours) {
    std::size_t longest = 0;
    for (const Dataset& d : behaviours) longest = std::max(longest, d.label.size());
    std::vector<double> label(behaviours.size() * longest, kNan),
        projection(label.size() * kAxes, kNan), share(behaviours.size() * kAxes, kNan);
    parallel_for("principal axes", behaviours.size(), [&](std::size_t k) {
        const Dataset& d = behaviours[k];
        const theory::PrincipalAxes axes = theory::principal_axes(d, kAxes);
        const auto columns = static_cast<std::size_t>(axes.share.size());
        for (std::size_t i = 0; i < d.label.size(); ++i) {
            label[k * longest + i] = d.label[i];
            for (std::size_t j = 0; j < columns; ++j)
                projection[(k * longest + i) * kAxes + j] =
                    axes.projection(static_cast<Index>(i), static_cast<Index>(j));
        }
        std::copy(axes.share.begin(), axes.share.end(),
                  share.begin() + static_cast<std::ptrdiff_t>(k * kAxes));
    });
    out.emplace_back("scaled_behaviour", gather(behaviours, [](const auto& d) { return d.name; }));
    out.emplace_back("scaled_sample", count_to(longest));
    out.emplace_back("scaled_axis", count_to(kAxes));
    out.emplace_back("scaled_label", label);
    out.emplace_back("scaled_projection", projection);
    out.emplace_back("scaled_axis_variance", share);
}

void put_origins(Values& out, std::vector<BehaviourOrigin> origins, std::size_t behaviours) {
    origins.resize(behaviours);
    using O = const BehaviourOrigin&;
    out.emplace_back("scaled_source", gather(origins, [](O o) { return o.source; }));
    out.emplace_back("scaled_data_hash", gather(origins, [](O o) { return o.data_hash; }));
    out.emplace_back("scaled_tokens_hash", gather(origins, [](O o) { return o.tokens_hash; }));
    out.emplace_back("scaled_shared_tokens", gather(origins, [](O o) { return o.shared_tokens; }));
    out.emplace_back("scaled_filtered_lines", gather(origins, [](O o) { return o.filtered; }));
    out.emplace_back("scaled_truncated_prompts", gather(origins, [](O o) { return o.truncated; }));
}

void put_correlations(Values& out, const std::vector<RankCorrelation>& correlations) {
    using C = const RankCorrelation&;
    out.emplace_back("scaled_correlation", gather(correlations, [](C c) { return c.what; }));
    out.emplace_back("scaled_rank_correlation",
                     gather(correlations, [](C c) { return c.value.estimate; }));
    out.emplace_back("scaled_rank_correlation_low",
                     gather(correlations, [](C c) { return c.value.low; }));
    out.emplace_back("scaled_rank_correlation_high",
                     gather(correlations, [](C c) { return c.value.high; }));
}

void put_pairs(Values& out, const std::vector<ScaledPair>& pairs,
               const std::vector<Dataset>& behaviours) {
    std::size_t records = 0;
    for (const ScaledPair& p : pairs) records = std::max(records, p.trajectory.records.size());
    out.emplace_back("scaled_pair", gather(pairs, [&](const auto& p) {
                         return behaviours[p.high].name + " + " + behaviours[p.low].name;
                     }));
    out.emplace_back("scaled_pair_record", count_to(records));
    out.emplace_back("scaled_pair_member", std::vector<std::string>{"higher", "lower"});
    out.emplace_back("scaled_pair_gap", gather(pairs, [](const auto& p) { return p.gap; }));
    std::vector<double> step(pairs.size() * records, kNan);
    for (std::size_t p = 0; p < pairs.size(); ++p)
        for (std::size_t r = 0; r < pairs[p].trajectory.records.size(); ++r)
            step[p * records + r] = pairs[p].trajectory.records[r].step;
    out.emplace_back("scaled_pair_step", step);
    for (const BehaviourCurve& c : kPairCurves) {
        std::vector<double> curve(pairs.size() * records * 2, kNan);
        for (std::size_t p = 0; p < pairs.size(); ++p)
            for (std::size_t r = 0; r < pairs[p].trajectory.records.size(); ++r)
                for (std::size_t k = 0; k < 2; ++k)
                    curve[(p * records + r) * 2 + k] =
                        pairs[p].trajectory.records[r].behaviours[k].*c.value;
        out.emplace_back(std::string("scaled_pair_") + c.name, curve);
    }
}

}  // namespace

void put_scaled(ScaledFindings& findings, const ScaledInput& input) {
    Values& out = findings.verification.study_values;
    put_projections(out, input.behaviours);
    put_origins(out, input.origins, input.behaviours.size());
    out.emplace_back("scaled_cross_check", findings.cross_check);
    put_correlations(out, findings.correlations);
    put_pairs(out, findings.pairs, input.behaviours);
}

}  // namespace prefdyn
