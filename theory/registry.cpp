#include "theory/registry.hpp"

#include <algorithm>
#include <sstream>

#include "sim/base/failure.hpp"
#include "sim/base/nearest.hpp"
#include "theory/claims.hpp"

namespace prefdyn::theory {

const std::vector<Claim>& claims() {
    static const std::vector<Claim> all = {
        initial_rate_identity(),
        rate_never_increases(),
        head_change_upper_bound(),
        rate_lower_bound(),
        head_change_lower_bound(),
        linearisation_bound(),
        loss_decrease_lower_bound(),
        loss_decrease_upper_bound(),
        gaussian_sample_mean(),
        markov_sample_mean(),
        subexponential_sample_mean(),
        population_head_change(),
        noise_floor_of_zbar(),
        early_accuracy(),
        accuracy_from_loss(),
        accuracy_from_comparator(),
        fresh_accuracy(),
        high_dimensional_accuracy(),
        population_curves(),
        priority_margin_slope(),
        priority_lead(),
        priority_of_two(),
        priority_loss_slope(),
        initial_misalignment_rate(),
        distinguishability_never_falls(),
        frozen_features_misalign_alike(),
        balancedness_drift(),
        population_dpo_is_rlhf(),
        sample_dpo_is_rlhf(),
        gap_falls_with_samples(),
        policy_gradient_is_closed_form(),
        gap_constant(),
        loss_scaling(),
        first_order_response_claim(),
        one_context_never_falls(),
        displacement_criterion(),
        squeezing_effect(),
        first_order_shortfall(),
    };
    return all;
}

namespace {

/// By prefix, unless `entry` is the whole id of another claim: T1 does not take T11.
bool matches(const std::string& id, const std::string& entry) {
    if (entry.empty() || !id.starts_with(entry)) return false;
    return id == entry || std::none_of(claims().begin(), claims().end(),
                                       [&](const Claim& other) { return other.id == entry; });
}

std::string meant(const std::string& entry) {
    std::vector<std::string> ids;
    std::string known;
    for (const Claim& claim : claims()) {
        ids.push_back(claim.id);
        known.append(known.empty() ? "known: " : ", ").append(claim.id);
    }
    const std::string near = nearest(entry, ids);
    return near.empty() ? known : "did you mean " + near + "? " + known;
}

}  // namespace

std::vector<Claim> select_claims(const std::string& selection) {
    if (selection.empty()) return claims();
    std::vector<std::string> wanted;
    std::istringstream list(selection);
    for (std::string entry; std::getline(list, entry, ',');) wanted.push_back(entry);
    std::vector<bool> used(wanted.size(), false);
    std::vector<Claim> out;
    for (const Claim& claim : claims()) {
        bool take = false;
        for (std::size_t k = 0; k < wanted.size(); ++k)
            if (matches(claim.id, wanted[k])) take = used[k] = true;
        if (take) out.push_back(claim);
    }
    for (std::size_t k = 0; k < wanted.size(); ++k)
        if (!used[k])
            throw InputError("claims: '" + wanted[k] + "' matches no claim", meant(wanted[k]));
    return out;
}

}  // namespace prefdyn::theory
