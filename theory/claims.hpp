#pragma once
// Makers of the registered claims, one group a file.

#include "theory/claim.hpp"

namespace prefdyn::theory {

Claim initial_rate_identity();           // T1,  initial_rate.cpp
Claim rate_never_increases();            // T2a, upper_bound.cpp
Claim head_change_upper_bound();         // T2b
Claim rate_lower_bound();                // T3a, lower_bound.cpp
Claim head_change_lower_bound();         // T3b
Claim linearisation_bound();             // T3c
Claim loss_decrease_lower_bound();       // T4a, loss_decrease.cpp
Claim loss_decrease_upper_bound();       // T4b
Claim gaussian_sample_mean();            // T5g, sample_mean.cpp
Claim markov_sample_mean();              // T5m
Claim subexponential_sample_mean();      // T5a
Claim population_head_change();          // T5p
Claim noise_floor_of_zbar();             // T5n, noise_floor.cpp
Claim early_accuracy();                  // T6a, training_accuracy.cpp
Claim accuracy_from_loss();              // T6b
Claim accuracy_from_comparator();        // T6e
Claim fresh_accuracy();                  // T6c, fresh_accuracy.cpp
Claim high_dimensional_accuracy();       // T6d
Claim population_curves();               // T7,  population_dynamics.cpp
Claim priority_margin_slope();           // T8a, priority.cpp
Claim priority_lead();                   // T8b
Claim priority_of_two();                 // T8c
Claim priority_loss_slope();             // T8d
Claim initial_misalignment_rate();       // T9a, two_layer_claims.cpp
Claim distinguishability_never_falls();  // T9b
Claim frozen_features_misalign_alike();  // T9c
Claim balancedness_drift();              // T9d
Claim population_dpo_is_rlhf();          // T10a, rlhf.cpp
Claim sample_dpo_is_rlhf();              // T10b
Claim gap_falls_with_samples();          // T10c
Claim policy_gradient_is_closed_form();  // T10d
Claim gap_constant();                    // T10e
Claim loss_scaling();                    // T11, loss_scaling.cpp
Claim first_order_response_claim();      // T12a, first_order.cpp
Claim one_context_never_falls();         // T12b, displacement.cpp
Claim displacement_criterion();          // T12c
Claim squeezing_effect();                // T12d, squeezing.cpp
Claim first_order_shortfall();           // T12e, first_order.cpp

}  // namespace prefdyn::theory
