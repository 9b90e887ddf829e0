#include "experiments/finetune/measure.hpp"

#include <limits>

#include "sim/base/numerics.hpp"

namespace prefdyn {

namespace {

using finetune::MetricSums;

double per_pair(const MetricSums& s, double sum) { return s.pairs > 0.0 ? sum / s.pairs : kNan; }
double per_token(double sum, double tokens) { return tokens > 0.0 ? sum / tokens : kNan; }

}  // namespace

const std::vector<PairMetric>& pair_metrics() {
    using S = const MetricSums&;
    static const std::vector<PairMetric> metrics = {
        {"loss", "nats", "mean loss", [](S s) { return per_pair(s, s.loss); }},
        {"rewards_chosen", "", "TRL rewards/chosen: mean r_w = beta log (pi / pi_ref)(y_w|x)",
         [](S s) { return per_pair(s, s.reward[0]); }},
        {"rewards_rejected", "", "TRL rewards/rejected: mean r_l = beta log (pi / pi_ref)(y_l|x)",
         [](S s) { return per_pair(s, s.reward[1]); }},
        {"rewards_margins", "", "TRL rewards/margins: mean r_w - r_l",
         [](S s) { return per_pair(s, s.reward[0] - s.reward[1]); }},
        {"rewards_accuracies", "", "TRL rewards/accuracies: share with r_w > r_l, ties count 0",
         [](S s) { return per_pair(s, s.reward_wins); }},
        {"rewards_ties", "", "share with r_w = r_l",
         [](S s) { return per_pair(s, s.reward_ties); }},
        {"outputs_accuracies", "", "policy accuracy: share with pi(y_w|x) > pi(y_l|x), ties 0",
         [](S s) { return per_pair(s, s.policy_wins); }},
        {"logps_chosen", "nats", "TRL logps/chosen: mean log pi(y_w|x), summed over the answer",
         [](S s) { return per_pair(s, s.logp[0]); }},
        {"logps_rejected", "nats", "TRL logps/rejected: mean log pi(y_l|x), summed over the answer",
         [](S s) { return per_pair(s, s.logp[1]); }},
        {"logits_chosen", "", "TRL logits/chosen: mean logit over vocabulary and answers' tokens",
         [](S s) { return per_token(s.logit[0], s.length[0]); }},
        {"logits_rejected", "", "TRL logits/rejected: the same of rejected answers",
         [](S s) { return per_token(s.logit[1], s.length[1]); }},
        {"entropy", "nats", "TRL entropy: of the next token, mean over tokens of both answers",
         [](S s) { return per_token(s.entropy, s.length[0] + s.length[1]); }},
        {"mean_token_accuracy", "",
         "TRL mean_token_accuracy: share of chosen answers' tokens that are the likeliest",
         [](S s) { return per_token(s.correct, s.length[0]); }},
    };
    return metrics;
}

namespace {

std::vector<Column<BehaviourMeasure>> make_columns() {
    using M = const BehaviourMeasure&;
    std::vector<Column<BehaviourMeasure>> out;
    for (const PairMetric& m : pair_metrics())
        out.push_back({m.name, m.unit, m.description + "; training pairs",
                       [get = m.get](M x) { return get(x.train); }});
    for (const PairMetric& m : pair_metrics())
        out.push_back({"eval_" + m.name, m.unit, m.description + "; held-out pairs",
                       [get = m.get](M x) { return get(x.held_out); }});
    const auto geometry = [&](const char* name, const char* unit, const char* description,
                              double (*get)(const theory::DatasetStatistics&)) {
        out.push_back(
            {name, unit, description, [get](M x) { return x.classes ? get(x.geometry) : kNan; }});
    };
    using G = const theory::DatasetStatistics&;
    geometry("distinguishability", "feature units",
             "Dhat = ||mu_+ - mu_-|| of the training prompts' final embeddings",
             [](G g) { return g.distinguishability; });
    geometry("distinguishability_debiased", "feature units", "sqrt(max(0, Dhat^2 - noise_floor^2))",
             [](G g) { return g.distinguishability_debiased(); });
    geometry("noise_floor", "feature units", "sqrt(tr Sigma_+ / n_+ + tr Sigma_- / n_-)",
             [](G g) { return std::sqrt(g.noise_floor_squared()); });
    geometry("concentration", "feature units^2", "max(||Sigma_+||_2, ||Sigma_-||_2), ddof = 1",
             [](G g) { return g.concentration(); });
    geometry("trace", "feature units^2", "max(tr Sigma_+, tr Sigma_-), ddof = 1",
             [](G g) { return g.trace(); });
    geometry("zbar_norm", "feature units", "||zbar|| = ||(1/n) sum s_i g_i||",
             [](G g) { return g.zbar_norm; });
    return out;
}

}  // namespace

const std::vector<Column<BehaviourMeasure>>& measure_columns() {
    static const auto columns = make_columns();
    return columns;
}

std::vector<double> measure_row(const BehaviourMeasure& measure) {
    std::vector<double> out;
    for (const auto& column : measure_columns()) out.push_back(column.get(measure));
    return out;
}

theory::DatasetStatistics geometry_of(const transformer::RowsF& embeddings,
                                      const std::vector<std::int8_t>& label) {
    Dataset data;
    data.name = "embeddings";
    data.features = embeddings.cast<double>();
    data.label = label;
    return theory::dataset_statistics(data);
}

}  // namespace prefdyn
