#include "theory/origin.hpp"

namespace prefdyn::theory {

std::string origin_text(const Origin& origin) {
    if (origin.paper.empty()) return "own";
    return origin.paper + " (" + origin.reference + ")" +
           (origin.number.empty() ? "" : ", " + origin.number) + ": " + origin.relation;
}

Origin im_li(std::string number, std::string relation) {
    return {"Im & Li, Understanding the Learning Dynamics of Alignment with Human Feedback",
            "arXiv 2403.18742, ICML 2024", std::move(number), std::move(relation)};
}

Origin rafailov(std::string number, std::string relation) {
    return {
        "Rafailov et al., Direct Preference Optimization: Your Language Model is Secretly a "
        "Reward Model",
        "arXiv 2305.18290, NeurIPS 2023", std::move(number), std::move(relation)};
}

Origin razin(std::string number, std::string relation) {
    return {
        "Razin et al., Unintentional Unalignment: Likelihood Displacement in Direct Preference "
        "Optimization",
        "arXiv 2410.08847", std::move(number), std::move(relation)};
}

Origin ren_sutherland(std::string number, std::string relation) {
    return {"Ren & Sutherland, Learning Dynamics of LLM Finetuning", "arXiv 2407.10490, ICLR 2025",
            std::move(number), std::move(relation)};
}

}  // namespace prefdyn::theory
