#include <algorithm>
#include <cmath>
#include <limits>
#include <sstream>

#include "sim/base/numerics.hpp"
#include "theory/two_layer.hpp"

namespace prefdyn::theory {

namespace {

constexpr double kDifferenceResolution = 0.1;  ///< a difference quotient of losses tells no less

constexpr double kDriftResolution = 1e-2;  ///< B moves in second order only

Assumption known_embedding() {
    return {"E and a are known at the start, and the run is recorded",
            [](const Evidence& e) -> std::string {
                const bool known = e.find<TwoLayerFacts>() && !e.trajectory().records.empty();
                return known ? "" : "no model with an embedding was recorded";
            }};
}

Assumption fresh_reference() {
    return {"the reference is the model that training starts from",
            [](const Evidence& e) -> std::string {
                return e.training.from_reference ? "" : "the reference is an older model";
            }};
}

Assumption linear_embedding() {
    return {"g(x) = E x", [](const Evidence& e) -> std::string {
                const bool linear = e.get<TwoLayerFacts>().activation == Activation::kIdentity;
                return linear && e.get<TwoLayerFacts>().embedding_trained
                           ? ""
                           : "the embedding is not linear and trained";
            }};
}

Assumption every_step_recorded() {
    return {"full-batch gradient descent, every step recorded with its parameters",
            [](const Evidence& e) -> std::string {
                const auto& records = e.trajectory().records;
                const bool every = e.training.dynamics == Dynamics::kGradientDescent &&
                                   records.size() == e.get<TwoLayerFacts>().steps.size() &&
                                   records.back().step + 1.0 == static_cast<double>(records.size());
                return every ? "" : "not every step of gradient descent was recorded";
            }};
}

Assumption sign_condition() {
    return {"S = (mean sigma(-m_i) s_i x_i)^T delta * (a^T E delta) >= 0 at every step",
            [](const Evidence& e) -> std::string {
                const auto& steps = e.get<TwoLayerFacts>().steps;
                for (std::size_t k = 0; k + 1 < steps.size(); ++k) {
                    if (steps[k].condition >= 0.0) continue;
                    std::ostringstream reason;
                    reason << "S = " << steps[k].condition << " < 0 at step " << steps[k].step;
                    return reason.str();
                }
                return "";
            }};
}

Assumption start_that_raises_it() {
    return {
        "at the start zbar_x^T delta, zbar_x^T E^T E delta, a^T E zbar_x and a^T E delta are >= 0",
        [](const Evidence& e) { return growth_unmet(e.get<TwoLayerFacts>().growth); }};
}

Assumption frozen_pair() {
    return {"frozen features, and the same training from another head beside it",
            [](const Evidence& e) -> std::string {
                if (e.get<TwoLayerFacts>().embedding_trained) return "the embedding is trained";
                return e.get<TwoLayerFacts>().counterpart ? "" : "there is no run to compare with";
            }};
}

/// 2 beta^2 phi'(0)^2 ||mean s g||^2 and beta^2 phi'(0)^2 ||mean s (act' o a) x^T||^2: the parts of
/// the slope that the head and the embedding carry.
Ball slope_of(const Evidence& e, const Ball& embedding, const Ball& jacobian) {
    const Ball scale = Ball(e.training.beta) * e.training.loss.slope_at_zero;
    const Ball trained = e.get<TwoLayerFacts>().embedding_trained ? jacobian : Ball(0.0);
    return square(scale) * (Ball(2.0) * embedding + trained);
}

}  // namespace

Claim initial_misalignment_rate() {
    return {
        "T9a",
        "initial rate, trained embedding",
        "-L'(0) = R(0)^2 = (beta^2/4) ( 2 ||mean s g(x)||^2 + ||mean s (act'(E x) o a) x^T||_F^2 "
        "); for g(x) = E x this is (beta^2/4) ( 2 ||E zbar_x||^2 + ||a||^2 ||zbar_x||^2 )",
        "theory.md T9a; sigma(0) = 1/2 and the chain rule",
        ClaimKind::kRigorous,
        Scope::kStudy,
        {known_embedding(), fresh_reference()},
        [](const Evidence& e) -> std::vector<Comparison> {
            const TwoLayerFacts& f = e.get<TwoLayerFacts>();
            const Record& start = e.trajectory().records.front();
            // A mean whose terms may cancel errs relative to their size.
            const auto mean = [&](double squared, double mean_square) -> Ball {
                return square(
                    Ball(std::sqrt(squared), gamma_of(f.roundings) * std::sqrt(mean_square)));
            };
            const Ball slope = slope_of(e, mean(f.signed_mean_squared, f.mean_square_embedding),
                                        mean(f.jacobian_squared, f.mean_square_jacobian));
            const double size =
                std::sqrt(slope_of(e, f.mean_square_embedding, f.mean_square_jacobian).value);
            const Ball squared = square(Ball(start.update_rate, gamma_of(f.roundings) * size));
            std::vector<Comparison> out = {
                {start.step, start.time, squared, slope, Relation::kEqual}};
            const double told = kDifferenceResolution * slope.value;  // less is no measurement
            if (f.loss_slope && f.loss_slope_error <= told)
                out.push_back({start.step,
                               start.time,
                               {*f.loss_slope, f.loss_slope_error},
                               slope,
                               Relation::kEqual,
                               {.resolution = kDifferenceResolution}});
            return out;
        },
        {.search = TwoLayerSearch{}},
        im_li("", "what it argues of faster misalignment, in a statement of our own")};
}

Claim distinguishability_never_falls() {
    return {
        "T9b",
        "distinguishability never falls",
        "D(k+1)^2 >= D(k)^2 + 2 eta beta r_k p_k, D = ||E (mu_+ - mu_-)||, r_k >= 0 and p_k >= 0 "
        "from the start alone: D does not fall up to the step k* that the start tells, and never "
        "where all z_i . z_j, E_0 z_i . E_0 z_j and a_0 . E_0 z_i are >= 0; gradient descent, any "
        "step size",
        "theory.md T9b; the signs of a^T E q, q^T E^T E q', a^T E delta and q^T E^T E delta are "
        "kept while every two of the q_k, and of the E_0 q_k, are within a right angle",
        ClaimKind::kRigorous,
        Scope::kStudy,
        {known_embedding(), linear_embedding(), every_step_recorded(), fresh_reference(),
         start_that_raises_it()},
        [](const Evidence& e) {
            std::vector<Comparison> out;
            const TwoLayerFacts& f = e.get<TwoLayerFacts>();
            const auto rises =
                growth_of_squared(f.growth, e.training.beta, e.training.eta, f.steps.size() - 1);
            for (std::size_t k = 1; k <= rises.size(); ++k) {
                const double error = 2.0 * gamma_of(f.roundings) * f.growth.difference *
                                     std::sqrt(f.steps[k].parameters);
                const Ball before = {f.steps[k - 1].distinguishability, error};
                out.push_back({f.steps[k].step,
                               e.trajectory().records[k].time,
                               {f.steps[k].distinguishability, error},
                               sqrt(square(before) + rises[k - 1]),
                               Relation::kAtLeast,
                               {.trivial = 0.0}});
            }
            return out;
        },
        {.cases = StudyCases::kEveryStep, .search = TwoLayerSearch{}}};
}

/// E_{k+1} = E_k + eta beta a q^T, hence D_{k+1}^2 = D_k^2 + 2 eta beta S_k + (eta beta ||a|| q^T
/// delta)^2 for any step size: the flow's statement needs nothing between the records.
Claim distinguishability_while_signs_agree() {
    return {"T9bp",
            "distinguishability, signs along the run",
            "D(k+1)^2 >= D(k)^2 + 2 eta beta S(k) with D = ||E (mu_+ - mu_-)||, so D never falls "
            "while S >= 0; gradient descent, any step size",
            "theory.md T9b', with delta = mu_+ - mu_- in place of zbar_x (balanced: delta = 2 "
            "zbar_x)",
            ClaimKind::kRigorous,
            Scope::kStudy,
            {known_embedding(), linear_embedding(), every_step_recorded(), sign_condition()},
            [](const Evidence& e) {
                std::vector<Comparison> out;
                const TwoLayerFacts& f = e.get<TwoLayerFacts>();
                const auto& steps = f.steps;
                const double error = gamma_of(f.roundings) * 2.0 * f.embedding_norm * f.x_size;
                const double gain = 2.0 * e.training.eta * e.training.beta;
                for (std::size_t k = 1; k < steps.size(); ++k) {
                    const Ball before = {steps[k - 1].distinguishability, error};
                    const Ball rise = {gain * std::max(0.0, steps[k - 1].condition),
                                       gain * gamma_of(f.roundings) * steps[k - 1].terms};
                    out.push_back({steps[k].step,
                                   e.trajectory().records[k].time,
                                   {steps[k].distinguishability, error},
                                   sqrt(square(before) + rise),
                                   Relation::kAtLeast,
                                   {.trivial = 0.0}});
                }
                return out;
            },
            {.cases = StudyCases::kEveryStep, .search = TwoLayerSearch{}}};
}

/// E_{k+1} = E_k + c a q^T and a_{k+1} = a_k + 2 c E q with c = eta beta: what is linear in c falls
/// out of E E^T - a a^T / 2.
Claim balancedness_drift() {
    return {
        "T9d",
        "balancedness, second-order drift",
        "B = E E^T - a a^T / 2 changes in a step of gradient descent by eta^2 beta^2 ( ||q||^2 a "
        "a^T - 2 (E q)(E q)^T ), q = mean sigma(-m_i) s_i x_i: the flow conserves it. ||B(k) - "
        "B(0)||_F and ||diag(B(k) - B(0))|| are those of the sum of these changes",
        "theory.md T9d; the terms linear in eta cancel",
        ClaimKind::kRigorous,
        Scope::kStudy,
        {known_embedding(), linear_embedding(), every_step_recorded()},
        [](const Evidence& e) {
            std::vector<Comparison> out;
            const TwoLayerFacts& f = e.get<TwoLayerFacts>();
            const double c = e.training.eta * e.training.beta, reach = 1.0 + c * f.x_size;
            for (std::size_t k = 1; k < f.steps.size(); ++k) {
                const TwoLayerStep& step = f.steps[k];
                const double time = e.trajectory().records[k].time,
                             error = gamma_of(f.roundings) * reach * reach * step.parameters;
                if (!std::isfinite(error)) break;  // the run has left the range of doubles
                const auto equal = [&](double measured, double bound) {
                    out.push_back({step.step,
                                   time,
                                   {measured, error},
                                   {bound, error},
                                   Relation::kEqual,
                                   {.resolution = kDriftResolution}});
                };
                equal(f.balance.at(k), c * c * step.drift);
                equal(f.unit_balance.at(k), c * c * step.unit_drift);
            }
            return out;
        },
        {.cases = StudyCases::kEveryStep, .search = TwoLayerSearch{}}};
}

Claim frozen_features_misalign_alike() {
    return {
        "T9c",
        "frozen features: no difference",
        "with frozen features, base and aligned model, each its own reference, have the same "
        "loss, head change and rate at every step of misalignment",
        "theory.md T9c; margins are 2 beta s w^T g whatever "
        "the head",
        ClaimKind::kRigorous,
        Scope::kStudy,
        {known_embedding(), fresh_reference(), frozen_pair()},
        [](const Evidence& e) {
            std::vector<Comparison> out;
            const auto& base = e.get<TwoLayerFacts>().counterpart->records;
            const auto& records = e.trajectory().records;
            const TwoLayerFacts& f = e.get<TwoLayerFacts>();
            const double s = std::sqrt(2.0) * e.training.beta;
            const double size = std::sqrt(f.mean_square_embedding);
            for (std::size_t k = 0; k < std::min(base.size(), records.size()); ++k) {
                const Record &a = records[k], &b = base[k];
                if (a.step != b.step) break;
                // Margins are differences of scores of the moved head and of the reference's; a
                // gradient errs as they do, and the head by that and its own rounding a step.
                const double margin =
                    gamma_of(f.roundings) * 2.0 *
                    (e.training.beta * std::sqrt(f.mean_square_score) + s * a.head_change * size);
                const double rate = s * size * (margin + gamma_of(f.roundings));
                const double head = a.time * rate + gamma_of(2.0 * a.step + 4.0) * a.head_change;
                const auto equal = [&](double got, double want, double error) {
                    out.push_back({a.step, a.time, {got, error}, {want, error}, Relation::kEqual});
                };
                equal(a.train.loss, b.train.loss, margin + s * size * head + 32.0 * kEpsilon);
                equal(a.head_change, b.head_change, head);
                equal(a.update_rate, b.update_rate, rate + s * s * size * size * head);
            }
            return out;
        },
        {.cases = StudyCases::kFrozenFeatures}};
}

}  // namespace prefdyn::theory
