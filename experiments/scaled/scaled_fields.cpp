#include <algorithm>
#include <limits>

#include "experiments/program/parallel.hpp"
#include "experiments/results/columns.hpp"
#include "experiments/scaled/scaled.hpp"
#include "sim/base/numerics.hpp"
#include "theory/principal_axes.hpp"

namespace prefdyn {

namespace {

constexpr Index kAxes = 2;

struct PairCurve {
    const char *name, *unit, *description;
    double BehaviourMetrics::*metric;
};

const PairCurve kPairCurves[] = {
    {"loss", "nats", "mean training loss", &BehaviourMetrics::loss},
    {"margin", "", "mean reward margin", &BehaviourMetrics::rewards_margins},
    {"rewards_accuracy", "", "reward accuracy", &BehaviourMetrics::rewards_accuracies},
    {"outputs_accuracy", "", "policy accuracy", &BehaviourMetrics::outputs_accuracies},
};

void add_pair_fields(std::vector<Field>& out) {
    const std::string p = "scaled_pair", r = "scaled_pair_record", m = "scaled_pair_member";
    out.push_back({p, {p}, FieldType::kText, "", "two behaviours trained together as published"});
    out.push_back({r, {r}, FieldType::kInteger, "", "number of the record"});
    out.push_back({m, {m}, FieldType::kText, "", "which of the two has the higher priority"});
    out.push_back({"scaled_pair_gap",
                   {p},
                   FieldType::kReal,
                   "",
                   "the authors' normalised priority gap, on the training rows"});
    out.push_back({"scaled_pair_step", {p, r}, FieldType::kReal, "updates", "parameter updates"});
    for (const PairCurve& c : kPairCurves)
        out.push_back({std::string("scaled_pair_") + c.name,
                       {p, r, m},
                       FieldType::kReal,
                       c.unit,
                       std::string(c.description) + " of each behaviour, all its training rows"});
}

}  // namespace

std::vector<Field> scaled_fields() {
    const std::string b = "scaled_behaviour", s = "scaled_sample", a = "scaled_axis",
                      c = "scaled_correlation";
    std::vector<Field> out = {
        {b, {b}, FieldType::kText, "", "behaviour of the scaled mode"},
        {s, {s}, FieldType::kInteger, "", "row of the behaviour's features"},
        {a, {a}, FieldType::kInteger, "", "number of the principal axis"},
        {"scaled_label", {b, s}, FieldType::kReal, "", "+1, -1; NaN beyond the behaviour's rows"},
        {"scaled_projection",
         {b, s, a},
         FieldType::kReal,
         "feature units",
         "feature minus mean along the behaviour's own principal axes, class +1 to the right"},
        {"scaled_axis_variance", {b, a}, FieldType::kReal, "", "share of the total variance"},
        {"scaled_cross_check",
         {b},
         FieldType::kReal,
         "",
         "largest relative difference between the exact reduction and the dense head; NaN: not "
         "checked"},
        {"scaled_source", {b}, FieldType::kText, "", "file the behaviour's prompts come from"},
        {"scaled_data_hash", {b}, FieldType::kText, "", "content hash of its lines"},
        {"scaled_tokens_hash", {b}, FieldType::kText, "", "content hash of its token ids"},
        {"scaled_shared_tokens",
         {b},
         FieldType::kText,
         "",
         "ids that both answers begin with; append_shared says whether they end the prompts"},
        {"scaled_filtered_lines",
         {b},
         FieldType::kInteger,
         "",
         "lines that --min-confidence dropped"},
        {"scaled_truncated_prompts",
         {b},
         FieldType::kInteger,
         "",
         "prompts that --truncate shortened"},
        {c, {c}, FieldType::kText, "", "what is correlated with Dhat over the behaviours"},
        {"scaled_rank_correlation", {c}, FieldType::kReal, "", "Spearman's rank correlation"},
        {"scaled_rank_correlation_low",
         {c},
         FieldType::kReal,
         "",
         "lower end of its 95 % bootstrap interval over behaviours"},
        {"scaled_rank_correlation_high", {c}, FieldType::kReal, "", "upper end of the same"},
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
    for (const PairCurve& c : kPairCurves) {
        std::vector<double> curve(pairs.size() * records * 2, kNan);
        for (std::size_t p = 0; p < pairs.size(); ++p)
            for (std::size_t r = 0; r < pairs[p].trajectory.records.size(); ++r)
                for (std::size_t k = 0; k < 2; ++k)
                    curve[(p * records + r) * 2 + k] =
                        pairs[p].trajectory.records[r].behaviours[k].*c.metric;
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
