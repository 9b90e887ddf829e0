#include "experiments/results/measures.hpp"

namespace prefdyn {

namespace {

struct Declared {
    const char *name, *unit, *words;
};

/// Of data, training and verdicts of a run.
constexpr Declared kOfRuns[] = {
    {"run_samples", "", "n"},
    {"run_dimension", "", "d"},
    {"p_plus", "", "share of labels +1 in the sample"},
    {"distinguishability_sample", "feature units", "Dhat = ||mu_+ - mu_-|| of the sample"},
    {"distinguishability_debiased", "feature units", "sqrt(max(0, Dhat^2 - noise_floor^2))"},
    {"noise_floor", "feature units",
     "sqrt(tr Sigma_+ / n_+ + tr Sigma_- / n_-): what Dhat is without any signal"},
    {"zbar_norm", "feature units", "||zbar|| = ||(1/n) sum s_i g_i||"},
    {"concentration", "feature units^2", "max(||Sigma_+||_2, ||Sigma_-||_2), ddof = 1"},
    {"trace", "feature units^2", "max(tr Sigma_+, tr Sigma_-), ddof = 1"},
    {"lambda_max", "feature units^2", "largest eigenvalue of M = (1/n) sum g g^T"},
    {"kappa", "1 / time",
     "smoothness of L: (beta^2 / 2) lambda_max for the DPO loss; infinite for a kink, NaN for a "
     "loss that is no function of the margin"},
    {"learning_rate", "time / step", "eta as used"},
    {"initial_rate_predicted", "1 / time", "R(0) of T1: (beta / sqrt 2) ||zbar|| for the DPO loss"},
    {"initial_rate_measured", "1 / time", "||grad L||_F at t = 0"},
    {"stop_code", "", "0 completed, 1 diverged, 3 step underflow"},
    {"level", "feature units",
     "priority level P_k = bbar^T b_k / ||bbar||, b_k the mean of z in behaviour k"},
    {"gap", "",
     "the authors' normalised gap (P_1 - P_2) / max(||b_1||, ||b_2||), b the class-mean "
     "difference, mixed half and half; NaN where the two cancel"},
    {"lead_time", "time", "t* of T8b"},
    {"crossing", "time",
     "when a record first shows that the lower priority has caught up with the higher, NaN if "
     "none does"},
    {"status", "", "0 holds, 1 violated, 2 not_applicable, 3 fitted, 4 undecided, 5 vacuous"},
    {"slack", "",
     "smallest distance to the bound relative to it, the errors granted: negative if and only if "
     "violated; where failures are allowed and occur, how many more could, relative to the number "
     "that is too many"},
    {"tightness_min", "", "least measured / bound (bound / measured for lower bounds)"},
    {"tightness_median", "", "median of measured / bound (bound / measured for lower bounds)"},
    {"tightness_max", "",
     "largest measured / bound (bound / measured for lower bounds); 1 is tight"},
};

/// At a record; means over pairs bear TRL's names.
constexpr Declared kOfRecords[] = {
    {"step", "updates", "parameter updates so far; t / eta for the flow"},
    {"time", "time", "t = eta * step"},
    {"epoch", "epochs", "training samples seen / n (t / eta for the flow)"},
    {"head_change", "", "||W - W_0||_F"},
    {"head_change_spectral", "", "||W - W_0||_op"},
    {"weight_change", "", "||W - W_0||_F over all weights of the model"},
    {"update_rate", "1 / time", "R(t) = ||grad L||_F, full training set"},
    {"linear_remainder", "", "||W - W_0 - t W'(0)||_F"},
    {"error_loss", "nats", "error of `loss`: roundings of the pass that measured it"},
    {"error_update_rate", "1 / time", "error of `update_rate`, likewise"},
    {"error_head_change", "", "error of `head_change`, likewise"},
    {"error_linear_remainder", "", "error of `linear_remainder`, likewise"},
    {"error_accuracy", "",
     "error of `rewards_accuracies`: share of rows whose margin may have the other sign"},
    {"error_drift", "",
     "||.||_F: sum of the errors of all steps so far, roundings and the flow's integrator; "
     "infinite "
     "for minibatches and Adam"},
    {"distinguishability", "feature units",
     "Dhat = ||mu_+ - mu_-|| of the training prompts' final embeddings"},
    {"update_learning_rate", "", "learning rate of the update"},
    {"update_grad_norm", "", "norm of the minibatch's gradient before clipping"},
    {"update_num_tokens", "tokens", "of both sequences of all pairs seen"},
    {"loss", "nats", "mean loss"},
    {"rewards_margins", "", "TRL rewards/margins: mean reward margin m_i = r_w - r_l"},
    {"rewards_accuracies", "", "TRL rewards/accuracies: share with r_w > r_l, ties count 0"},
    {"rewards_ties", "", "share with r_w = r_l"},
    {"outputs_accuracies", "", "policy accuracy: share with pi(y_w|x) > pi(y_l|x), ties count 0"},
    {"outputs_ties", "", "share with pi(y_w|x) = pi(y_l|x)"},
    {"logps_chosen", "nats", "TRL logps/chosen: mean log pi(y_w|x), y_w the whole answer"},
    {"logps_rejected", "nats", "TRL logps/rejected: mean log pi(y_l|x), y_l the whole answer"},
    {"rewards_chosen", "", "TRL rewards/chosen: mean r_w = beta log (pi / pi_ref)(y_w|x)"},
    {"rewards_rejected", "", "TRL rewards/rejected: mean r_l = beta log (pi / pi_ref)(y_l|x)"},
    {"margin_quantiles", "", "quantiles of the reward margins"},
    {"logits_chosen", "", "TRL logits/chosen: mean logit over vocabulary and answers' tokens"},
    {"logits_rejected", "", "TRL logits/rejected: the same of rejected answers"},
    {"entropy", "nats", "TRL entropy: of the next token, mean over tokens of both answers"},
    {"mean_token_accuracy", "",
     "TRL mean_token_accuracy: share of chosen answers' tokens that are the likeliest"},
};

}  // namespace

const std::vector<Measure>& measures() {
    static const auto all = [] {
        std::vector<Measure> out;
        for (const auto& [name, unit, words] : kOfRuns)
            out.push_back({name, unit, words, MeasureAxis::kRun});
        for (const auto& [name, unit, words] : kOfRecords)
            out.push_back({name, unit, words, MeasureAxis::kRecord});
        return out;
    }();
    return all;
}

const Measure& measure(const std::string& name) {
    const auto found = std::ranges::find(measures(), name, &Measure::name);
    if (found == measures().end()) throw std::logic_error("undeclared measure " + name);
    return *found;
}

Measure measure_as(const std::string& name, const std::string& of, const std::string& where) {
    Measure out = measure(of);
    out.name = name;
    if (!where.empty()) out.words += "; " + where;
    return out;
}

Measure on_training_set(const std::string& of) { return measure_as(of, of, "training set"); }

Measure on_held_out_set(const std::string& of) {
    return measure_as("eval_" + of, of, "held-out set");
}

Field field_of(const Measure& m, std::vector<std::string> axes) {
    return real_field(m.name, std::move(axes), m.unit, m.words);
}

}  // namespace prefdyn
