#include <algorithm>
#include <iterator>

#include "experiments/program/parallel.hpp"
#include "experiments/runs/run_measures.hpp"
#include "experiments/scaled/scaled.hpp"
#include "theory/principal_axes.hpp"

namespace prefdyn {

namespace {

constexpr Index kAxes = 2;

/// Every behaviour's rows along its principal axes, NaN behind its last row, and where they come
/// from.
struct Behaviours {
    std::vector<std::string> names;
    std::size_t longest = 0;                       ///< rows
    std::vector<double> label, projection, share;  ///< (b, row), (b, row, axis), (b, axis)
    std::vector<double> cross_check;
    std::vector<BehaviourOrigin> origins;
};

Behaviours project(const std::vector<Dataset>& behaviours) {
    Behaviours out;
    out.names = gather(behaviours, &Dataset::name);
    for (const Dataset& d : behaviours) out.longest = std::max(out.longest, d.label.size());
    out.label.assign(behaviours.size() * out.longest, kNan);
    out.projection.assign(out.label.size() * kAxes, kNan);
    out.share.assign(behaviours.size() * kAxes, kNan);
    parallel_for("principal axes", behaviours.size(), [&](std::size_t k) {
        const theory::PrincipalAxes axes = theory::principal_axes(behaviours[k], kAxes);
        const std::size_t first = k * out.longest;
        std::ranges::copy(behaviours[k].label, out.label.data() + first);
        for (Index i = 0; i < axes.projection.rows(); ++i)
            std::ranges::copy(
                axes.projection.row(i),
                out.projection.data() + (first + static_cast<std::size_t>(i)) * kAxes);
        std::ranges::copy(axes.share, out.share.data() + k * kAxes);
    });
    return out;
}

std::vector<Filled<Behaviours>> behaviour_fields() {
    using B = const Behaviours&;
    using O = BehaviourOrigin;
    const auto origin = [](auto O::*part) {
        return [part](B b) { return gather(b.origins, part); };
    };
    const std::string b = "scaled_behaviour", s = "scaled_sample", a = "scaled_axis";
    const std::vector<std::string> one = {b};
    return {
        {b, "", "behaviour of the scaled mode", &Behaviours::names},
        {s, "", "row of the behaviour's features", [](B of) { return count_to(of.longest); }},
        {a, "", "number of the principal axis", [](B) { return count_to(kAxes); }},
        {"scaled_label", {b, s}, "", "+1, -1; NaN beyond the behaviour's rows", &Behaviours::label},
        {"scaled_projection",
         {b, s, a},
         "feature units",
         "feature minus mean along the behaviour's own principal axes, class +1 to the right",
         &Behaviours::projection},
        {"scaled_axis_variance", {b, a}, "", "share of the total variance", &Behaviours::share},
        {"scaled_cross_check", one, "",
         "largest relative difference between the exact reduction and the dense head; NaN: not "
         "checked",
         &Behaviours::cross_check},
        {"scaled_source", one, "", "file the behaviour's prompts come from", origin(&O::source)},
        {"scaled_data_hash", one, "", "content hash of its lines", origin(&O::data_hash)},
        {"scaled_tokens_hash", one, "", "content hash of its token ids", origin(&O::tokens_hash)},
        {"scaled_shared_tokens", one, "",
         "ids that both answers begin with; append_shared says whether they end the prompts",
         origin(&O::shared_tokens)},
        {"scaled_filtered_lines", one, "", "lines that --min-confidence dropped",
         origin(&O::filtered)},
        {"scaled_truncated_prompts", one, "", "prompts that --truncate shortened",
         origin(&O::truncated)},
    };
}

using Correlations = std::vector<RankCorrelation>;

std::vector<Filled<Correlations>> correlation_fields() {
    using C = const RankCorrelation&;
    const std::string c = "scaled_correlation";
    const std::vector<std::string> one = {c};
    return {
        {c, "", "what is correlated with Dhat over the behaviours", &RankCorrelation::what},
        {"scaled_rank_correlation", one, "", "Spearman's rank correlation",
         [](C of) { return of.value.estimate; }},
        {"scaled_rank_correlation_low", one, "",
         "lower end of its 95 % bootstrap interval over behaviours; NaN for fewer than 8",
         [](C of) { return of.value.low; }},
        {"scaled_rank_correlation_high", one, "", "upper end of the same",
         [](C of) { return of.value.high; }},
        {"scaled_rank_correlation_p", one, "",
         "two-sided p-value over all orders of the behaviours; NaN for more than 9",
         [](C of) { return of.p; }},
    };
}

constexpr BehaviourCurve kPairCurves[] = {
    {"loss", "loss", &BehaviourMetrics::loss},
    {"margin", "rewards_margins", &BehaviourMetrics::rewards_margins},
    {"rewards_accuracy", "rewards_accuracies", &BehaviourMetrics::rewards_accuracies},
    {"outputs_accuracy", "outputs_accuracies", &BehaviourMetrics::outputs_accuracies},
};

struct Pairs {
    std::vector<std::string> names;
    std::vector<double> gaps;
    RecordCurves curves;
};

std::vector<Filled<Pairs>> pair_fields() {
    using P = const Pairs&;
    const std::string p = "scaled_pair", r = "scaled_pair_record", m = "scaled_pair_member";
    std::vector<Filled<Pairs>> out = {
        {p, "", "two behaviours trained together as published", &Pairs::names},
        {r, "", "number of the record", [](P of) { return count_to(of.curves.length()); }},
        {m, "", "which of the two has the higher priority",
         [](P) {
             return std::vector<std::string>{"higher", "lower"};
         }},
        {field_of(measure_as("scaled_pair_gap", "gap", "training rows"), {p}), &Pairs::gaps},
        {field_of(measure_as("scaled_pair_step", "step"), {p, r}),
         [](P of) { return of.curves.of(&Record::step); }},
    };
    for (const BehaviourCurve& c : kPairCurves)
        out.push_back({field_of(measure_as(std::string("scaled_pair_") + c.name, c.measure,
                                           "all training rows of each behaviour"),
                                {p, r, m}),
                       [value = c.value](P of) { return of.curves.of_behaviours(2, value); }});
    return out;
}

const char* const kPairHead = "scaled_pair_head";

Field pair_head_field() {
    return real_field(kPairHead, {"scaled_pair", "scaled_pair_record", "dimension"}, "",
                      "v at the record, as data_head (--keep-data); the rows are those of both "
                      "behaviours' last layers");
}

/// (pair, record, dimension); empty unless heads were kept.
std::vector<double> pair_heads(const std::vector<ScaledPair>& pairs, std::size_t length) {
    std::vector<double> out;
    for (const ScaledPair& pair : pairs) {
        const auto& records = pair.trajectory.records;
        const auto d = static_cast<std::size_t>(records.front().theta.size());
        for (const Record& record : records)
            out.insert(out.end(), record.theta.begin(), record.theta.end());
        out.resize(out.size() + (length - records.size()) * d, kNan);
    }
    return out;
}

}  // namespace

std::vector<Field> scaled_fields() {
    auto out = fields_of(behaviour_fields(), correlation_fields(), pair_fields());
    out.push_back(pair_head_field());
    return out;
}

void put_scaled(ScaledFindings& findings, const ScaledInput& input) {
    Behaviours behaviours = project(input.behaviours);
    behaviours.cross_check = findings.cross_check;
    behaviours.origins = input.origins;
    behaviours.origins.resize(input.behaviours.size());
    StudyOutcome out;
    out.put(behaviour_fields(), behaviours);
    out.put(correlation_fields(), findings.correlations);
    const auto name = [&](const ScaledPair& p) {
        return behaviours.names[p.high] + " + " + behaviours.names[p.low];
    };
    const auto trajectory = [](const ScaledPair& p) { return &p.trajectory; };
    const RecordCurves curves(gather(findings.pairs, trajectory));
    out.put(pair_fields(),
            {gather(findings.pairs, name), gather(findings.pairs, &ScaledPair::gap), curves});
    if (auto heads = pair_heads(findings.pairs, curves.length()); !heads.empty())
        out.values.emplace_back(kPairHead, std::move(heads));
    std::ranges::move(out.values, std::back_inserter(findings.verification.study_values));
}

}  // namespace prefdyn
