#include "theory/formula/quantity.hpp"

#include <algorithm>

#include "sim/base/numerics.hpp"

namespace prefdyn::theory {

const char* topic_title(Topic topic) {
    switch (topic) {
        case Topic::kData:
            return "of the data";
        case Topic::kSetting:
            return "of the setting";
        case Topic::kStart:
            return "of the start";
        case Topic::kRecord:
            return "of a record, as measured";
        case Topic::kClock:
            return "of a record's time";
        case Topic::kSample:
            return "of a sample";
        case Topic::kBehaviour:
            return "of a behaviour (experiment = priority)";
    }
    return "";
}

const std::vector<Quantity>& quantities() {
    constexpr double inf = kInfinity;
    constexpr Over one = Over::kNothing, sample = Over::kSamples, behaviour = Over::kBehaviours;
    using enum Topic;
    static const std::vector<Quantity> all = {
        {"n", kData, one, false, 0, 1, inf, "n", "training samples", "run_samples"},
        {"d", kData, one, false, 0, 1, inf, "d", "feature dimension", "run_dimension"},
        {"n_plus", kData, one, false, 0, 0, inf, "n_+", "samples with label +1"},
        {"n_minus", kData, one, false, 0, 0, inf, "n_-", "samples with label -1"},
        {"p_plus", kData, one, false, 0, 0, 1, "p_+", "share of labels +1"},
        {"D", kData, one, false, 1, 0, inf, "D",
         "preference distinguishability ||mu_+ - mu_-|| of the sample; in experiment = priority "
         "that of each behaviour",
         "distinguishability_sample"},
        {"D_debiased", kData, one, false, 1, 0, inf, "D_debiased",
         "sqrt(max(0, D^2 - noise_floor^2))", "distinguishability_debiased"},
        {"noise_floor", kData, one, false, 1, 0, inf, "noise floor",
         "sqrt(tr Sigma_+ / n_+ + tr Sigma_- / n_-): what D is without any signal"},
        {"zbar", kData, one, false, 1, 0, inf, "||zbar||",
         "||zbar||, zbar = (1/n) sum s_i g_i; in experiment = priority ||bbar||", "zbar_norm"},
        {"trace", kData, one, false, 2, 0, inf, "tr Sigma",
         "max(tr Sigma_+, tr Sigma_-), ddof = 1"},
        {"concentration", kData, one, false, 2, 0, inf, "||Sigma||_2",
         "max(||Sigma_+||_2, ||Sigma_-||_2), ddof = 1"},
        {"mean_square", kData, one, false, 2, 0, inf, "tr M", "tr M = (1/n) sum ||g_i||^2"},
        {"lambda_max", kData, one, false, 2, 0, inf, "lambda_max(M)",
         "largest eigenvalue of M = (1/n) sum g_i g_i^T"},
        {"kappa", kData, one, false, 2, 0, inf, "kappa",
         "smoothness of L: 2 beta^2 sup(phi'') lambda_max, for DPO (beta^2 / 2) lambda_max"},
        {"kappa_zbar", kData, one, false, 2, 0, inf, "q",
         "curvature along zbar at most: 2 beta^2 sup(phi'') zbar^T M zbar / ||zbar||^2"},
        {"beta", kSetting, one, false, 0, 0, inf, "beta", "strength of the reference"},
        {"eta", kSetting, one, false, -2, 0, inf, "eta", "step size: t = eta step",
         "learning_rate"},
        {"delta", kSetting, one, false, 0, 0, 1, "delta",
         "allowed failure probability of claims about samples"},
        {"K", kSetting, one, false, 0, 1, inf, "K", "behaviours"},
        {"phi0", kSetting, one, false, 0, -inf, inf, "phi(0)",
         "the loss at margin 0; log 2 for DPO"},
        {"phi_inf", kSetting, one, false, 0, -inf, inf, "inf phi",
         "infimum of the loss; 0 for DPO"},
        {"most_fall", kSetting, one, false, 0, 0, inf, "(phi(0) - inf phi)",
         "phi(0) - inf phi, the most the loss can fall; log 2 for DPO, infinite for a loss without "
         "a floor"},
        {"slope0", kSetting, one, false, 0, 0, inf, "|phi'(0)|",
         "size of the loss's slope at margin 0; 1/2 for DPO"},
        {"falls0", kSetting, one, false, 0, -inf, inf, "(-phi'(0))",
         "minus the loss's slope at margin 0; 1/2 for DPO"},
        {"curvature", kSetting, one, false, 0, 0, inf, "sup phi''",
         "largest curvature of the loss; 1/4 for DPO"},
        {"R0", kStart, one, false, 1, 0, inf, "R(0)",
         "sqrt(2) beta |phi'(0)| ||zbar||: the update rate that T1 gives the start",
         "initial_rate_predicted"},
        {"L0", kStart, one, false, 0, -inf, inf, "L(0)", "loss at the start, as measured"},
        {"norm_dv0", kStart, one, false, 1, 0, inf, "||v'(0)||", "R(0) / sqrt 2", "dv0"},
        {"step", kClock, one, true, 0, 0, inf, "k", "parameter updates so far"},
        {"t", kClock, one, true, -2, 0, inf, "t", "time: eta step", "time"},
        {"epoch", kClock, one, true, 0, 0, inf, "epoch", "samples seen / n"},
        {"loss", kRecord, one, true, 0, -inf, inf, "L(t)", "mean loss of the training set"},
        {"rate", kRecord, one, true, 1, 0, inf, "R(t)", "||grad L||_F, full training set",
         "update_rate"},
        {"head_change", kRecord, one, true, -1, 0, inf, "||Delta W(t)||_F", "||W - W_0||_F"},
        {"head_change_spectral", kRecord, one, true, -1, 0, inf, "||Delta W(t)||_op",
         "||W - W_0||_op"},
        {"linear_remainder", kRecord, one, true, -1, 0, inf, "||Delta W(t) - t W'(0)||_F",
         "||W - W_0 - t W'(0)||_F"},
        {"accuracy", kRecord, one, true, 0, 0, 1, "A(t)", "share of samples with m_i > 0",
         "rewards_accuracies"},
        {"policy_accuracy", kRecord, one, true, 0, 0, 1, "policy accuracy",
         "share of samples with pi(y_w|x) > pi(y_l|x)", "outputs_accuracies"},
        {"margin", kRecord, one, true, 0, -inf, inf, "mean m_i(t)", "mean reward margin",
         "rewards_margins"},
        {"margin_min", kRecord, one, true, 0, -inf, inf, "min m_i(t)", "smallest reward margin"},
        {"margin_q05", kRecord, one, true, 0, -inf, inf, "5 % quantile of m_i(t)",
         "5 % quantile of the reward margins"},
        {"margin_q25", kRecord, one, true, 0, -inf, inf, "25 % quantile of m_i(t)",
         "25 % quantile of the reward margins"},
        {"margin_median", kRecord, one, true, 0, -inf, inf, "median m_i(t)",
         "median of the reward margins"},
        {"margin_q75", kRecord, one, true, 0, -inf, inf, "75 % quantile of m_i(t)",
         "75 % quantile of the reward margins"},
        {"margin_q95", kRecord, one, true, 0, -inf, inf, "95 % quantile of m_i(t)",
         "95 % quantile of the reward margins"},
        {"margin_max", kRecord, one, true, 0, -inf, inf, "max m_i(t)", "largest reward margin"},
        {"logp_chosen", kRecord, one, true, 0, -inf, 0, "mean log pi(y_w|x)",
         "mean log-probability of the chosen responses", "logps_chosen"},
        {"logp_rejected", kRecord, one, true, 0, -inf, 0, "mean log pi(y_l|x)",
         "mean log-probability of the rejected responses", "logps_rejected"},
        {"reward_chosen", kRecord, one, true, 0, -inf, inf, "mean r_w",
         "mean reward beta log(pi / pi_ref) of the chosen responses", "rewards_chosen"},
        {"reward_rejected", kRecord, one, true, 0, -inf, inf, "mean r_l",
         "mean reward of the rejected responses", "rewards_rejected"},
        {"held_out.loss", kRecord, one, true, 0, -inf, inf, "held-out L(t)",
         "mean loss of the held-out set", "eval_loss"},
        {"held_out.margin", kRecord, one, true, 0, -inf, inf, "held-out mean m(t)",
         "mean reward margin of the held-out set", "eval_rewards_margins"},
        {"held_out.accuracy", kRecord, one, true, 0, 0, 1, "held-out A(t)",
         "share of the held-out set with m > 0", "eval_rewards_accuracies"},
        {"held_out.policy_accuracy", kRecord, one, true, 0, 0, 1, "held-out policy accuracy",
         "share of the held-out set with pi(y_w|x) > pi(y_l|x)", "eval_outputs_accuracies"},
        {"held_out.logp_chosen", kRecord, one, true, 0, -inf, 0, "held-out mean log pi(y_w|x)",
         "mean log-probability of the held-out chosen responses", "eval_logps_chosen"},
        {"held_out.logp_rejected", kRecord, one, true, 0, -inf, 0, "held-out mean log pi(y_l|x)",
         "mean log-probability of the held-out rejected responses", "eval_logps_rejected"},
        {"decay", kClock, one, true, 0, 0, 1, "decay(t)",
         "the most kappa lets the rate fall: exp(-kappa t) along the flow, (1 - eta kappa)^step "
         "along gradient descent with eta kappa <= 1"},
        {"decayed_time", kClock, one, true, -2, 0, inf, "(1 - decay(t)^2) / (2 kappa)",
         "(1 - decay^2) / (2 kappa); t where kappa = 0"},
        {"energy_time", kClock, one, true, -2, 0, inf, "(t / c)",
         "t / c of the energy inequality ||Delta W||^2 <= (t / c) (L(0) - L(t)): c = 1 along the "
         "flow, 1 - eta kappa / 2 along gradient descent, infinite where c is not positive"},
        {"curved_time", kClock, one, true, -2, 0, inf, "t - eta",
         "t along the flow, max(0, t - eta) along gradient descent: ||Delta W - t W'(0)|| <= "
         "(kappa t / 2) R(0) times it"},
        {"bend", kClock, one, true, 0, 0, inf, "bend(t)",
         "how far from its tangent the head may be: ||Delta W - t W'(0)|| <= bend t R(0), the "
         "least of "
         "kappa curved_time / 2, sqrt(q / kappa) (e^x - 1 - x) / x with x = kappa t, and "
         "(2/3) sqrt(kappa energy_time / 2)"},
        {"held_time", kClock, one, true, -2, 0, inf, "held time(t)",
         "max over s of (1 - e^(-2 kappa s)) / (2 kappa) + (t - s) / (1 + 2 kappa (t - s)), with "
         "gradient "
         "descent's powers in place of e: ||Delta W|| >= R(0) times it"},
        {"loss_decay", kClock, one, true, 0, 0, 1, "e^(-2 beta^2 max||g||^2 int L)",
         "exp(-2 beta^2 max ||g_i||^2 times the sum over the records so far of L times the time to "
         "the "
         "next), for gradient descent the product of its steps"},
        {"q_share", kData, one, false, 0, 0, 1, "(q / kappa)",
         "kappa_zbar / kappa; 0 where kappa is"},
        {"sin_zbar", kRecord, one, true, 0, 0, 1, "sin angle(v(t), zbar)",
         "sine of the angle between v and zbar, W - W_0 = (e_Y - e_N) v^T"},
        {"largest_rate", kSetting, one, false, 1, 0, inf, "G",
         "sqrt(2) beta sup|phi'| sqrt(tr M), which no rate exceeds; infinite where phi' has no "
         "bound"},
        {"m", kSample, sample, true, 0, -inf, inf, "m_i(t)", "reward margin"},
        {"dm0", kSample, sample, false, 2, -inf, inf, "m_i'(0)",
         "slope of the margin at the start: -2 beta^2 phi'(0) z_i . zbar"},
        {"norm_z", kSample, sample, false, 1, 0, inf, "||z_i||", "||z_i|| = ||g_i||"},
        {"cos_z", kSample, sample, false, 0, -1, 1, "cos(z_i, zbar)",
         "cosine of z_i = s_i g_i and zbar; 0 where either vanishes"},
        {"proj_z", kSample, sample, false, 1, -inf, inf, "(w . z_i)",
         "z_i . zbar / ||zbar||; 0 where zbar vanishes"},
        {"label", kSample, sample, false, 0, -1, 1, "s_i", "label, +1 or -1"},
        {"logp_w", kSample, sample, true, 0, -inf, 0, "log pi(y_w|x_i)",
         "log-probability of the chosen response"},
        {"logp_l", kSample, sample, true, 0, -inf, 0, "log pi(y_l|x_i)",
         "log-probability of the rejected response"},
        {"ref_gap", kSample, sample, false, 0, -inf, inf, "c_i",
         "log pi_ref(y_l|x_i) - log pi_ref(y_w|x_i)"},
        {"P", kBehaviour, behaviour, false, 1, -inf, inf, "P_k",
         "priority level bbar^T b_k / ||bbar||, b_k the mean of z in behaviour k"},
        {"M", kBehaviour, behaviour, true, 0, -inf, inf, "M_k(t)",
         "mean reward margin of the behaviour"},
        {"q", kBehaviour, behaviour, false, 0, 0, 1, "q_k", "share of the samples"},
        {"L", kBehaviour, behaviour, true, 0, -inf, inf, "L_k(t)", "mean loss of the behaviour"},
        {"A", kBehaviour, behaviour, true, 0, 0, 1, "A_k(t)",
         "share of the behaviour's samples with m_i > 0"},
        {"norm_b", kBehaviour, behaviour, false, 1, 0, inf, "||b_k||", "||b_k||"},
        {"dM0", kBehaviour, behaviour, false, 2, -inf, inf, "M_k'(0)",
         "slope of M_k at the start, as measured on the trainer"},
        {"dL0", kBehaviour, behaviour, false, 2, -inf, inf, "L_k'(0)",
         "slope of L_k at the start, as measured on the trainer"},
        {"alignment", kBehaviour, behaviour, false, 2, -inf, inf, "bbar^T b_k",
         "bbar^T b_k = ||bbar|| P_k"},
        {"apart", kBehaviour, behaviour, false, 1, 0, inf, "||b_k - b_j||",
         "||b_k - b_j||, in a claim `for j:`"},
        {"alignment_apart", kBehaviour, behaviour, false, 2, -inf, inf, "bbar^T (b_k - b_j)",
         "bbar^T (b_k - b_j), in a claim `for j:`"},
    };
    return all;
}

bool known_in_transformers(const Quantity& q) {
    static constexpr const char* kOfHeads[] = {"kappa",
                                               "kappa_zbar",
                                               "q_share",
                                               "R0",
                                               "norm_dv0",
                                               "rate",
                                               "head_change",
                                               "head_change_spectral",
                                               "linear_remainder",
                                               "decay",
                                               "decayed_time",
                                               "energy_time",
                                               "curved_time",
                                               "bend",
                                               "held_time",
                                               "loss_decay",
                                               "sin_zbar",
                                               "largest_rate",
                                               "dm0"};
    return q.over != Over::kBehaviours && std::ranges::none_of(kOfHeads, [&](const char* name) {
               return name == std::string(q.name);
           });
}

const Quantity* find_quantity(const std::string& name) {
    const auto found = std::ranges::find_if(quantities(), [&](const Quantity& q) {
        return name == q.name || (q.column[0] != '\0' && name == q.column);
    });
    return found == quantities().end() ? nullptr : &*found;
}

}  // namespace prefdyn::theory
