#pragma once
// What a loss looks at of an answer's log-ratio x = log pi - log pi_ref, under TRL's names
// (`f_divergence_type`): f'(e^x) up to a constant, for the f-divergence D_f(pi, pi_ref) in place of
// the reverse KL divergence (Wang et al. 2023, "Beyond Reverse KL").

#include <string>
#include <vector>

namespace prefdyn::finetune {

enum class DivergenceKind {
    kReverseKl,  ///< x
    kForwardKl,  ///< 1 - e^-x
    kJs,         ///< log 2 + log sigma(x)
    kAlpha,      ///< (e^((alpha - 1) x) - 1) / (alpha - 1), the exponent at most 80; x at alpha = 1
};
inline std::vector<std::string> divergence_names() {
    return {"reverse_kl", "forward_kl", "js_divergence", "alpha_divergence"};
}

struct Divergence {
    DivergenceKind kind = DivergenceKind::kReverseKl;
    double alpha = 0.5;  ///< of kAlpha alone

    struct Score {
        double value, slope;  ///< slope: d value / d x
    };
    Score at(double log_ratio) const;
};

}  // namespace prefdyn::finetune
