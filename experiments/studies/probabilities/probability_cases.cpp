#include "experiments/program/parallel.hpp"
#include "experiments/studies/probabilities/probabilities.hpp"
#include "experiments/studies/probabilities/squeezing_panels.hpp"

namespace prefdyn {

namespace {

using theory::InfluenceFacts;

/// A case before its measurement, which is what takes time.
struct Planned {
    std::string claim, setting;
    ContextDials dials;
    std::uint64_t seed;
    std::function<void(InfluenceFacts&)> measure;
};

std::vector<double> first_order_sizes() {
    return {8.0, 1.0, 0.125, 0.0625, 0.03125, 0.015625, 0.0078125};
}

std::function<void(InfluenceFacts&)> single_steps(std::vector<double> sizes) {
    return [sizes](InfluenceFacts& f) { measure_single(f, honest_trainer(f), sizes); };
}

std::function<void(InfluenceFacts&)> steps_of(double c, Index steps) {
    return [c, steps](InfluenceFacts& f) { measure_path(f, honest_trainer(f), c, steps); };
}

std::vector<Index> vocabularies() { return {8, 50, 1000}; }

void plan_first_order(std::vector<Planned>& out, std::uint64_t seed) {
    for (std::size_t k = 0; k < objective_names().size(); ++k)
        for (const Index V : vocabularies())
            for (const double rho : {1.0, 0.4, -0.7})
                for (const Index n : {1, 4}) {
                    ContextDials dials;
                    dials.objective = static_cast<Objective>(k);
                    dials.vocabulary = V;
                    dials.rho = rho;
                    dials.samples = n;
                    dials.reference_shift = 0.5;
                    const std::string setting = objective_names()[k] + ", V = " + std::to_string(V);
                    for (const char* claim : {"T12a", "T12e"})
                        out.push_back({claim, setting, dials,
                                       derive_seed(seed, Purpose::kReplicate, out.size()),
                                       single_steps(first_order_sizes())});
                }
}

void plan_one_context(std::vector<Planned>& out, std::uint64_t seed) {
    for (const Index V : {3, 8, 50, 1000})
        for (const double rejected : {0.5, 0.1, 1e-6})
            for (const double spread : {0.05, 1.0, 4.0}) {
                ContextDials dials;
                dials.vocabulary = V;
                dials.rejected = rejected;
                dials.spread = spread;
                dials.reference_shift = spread > 1.0 ? 1.0 : 0.0;
                for (const double c : {0.1, 1.0, 30.0})
                    out.push_back(
                        {"T12b", "V = " + std::to_string(V) + ", steps of " + format_real(c), dials,
                         derive_seed(seed, Purpose::kReplicate, out.size()), steps_of(c, 12)});
            }
}

void plan_displacement(std::vector<Planned>& out, Profile profile, std::uint64_t seed) {
    const int half = profile == Profile::kQuick ? 4 : profile == Profile::kDefault ? 10 : 20;
    for (ContextDials dials : displacement_dials()) {
        const std::uint64_t own = derive_seed(seed, Purpose::kReplicate, out.size());
        for (int k = -half; k <= half; ++k) {
            dials.rho = static_cast<double>(k) / half;
            out.push_back({"T12c", dials.name, dials, own, single_steps({4.0, 0.5, 0.05})});
        }
    }
}

void plan_squeezing(std::vector<Planned>& out, std::uint64_t seed) {
    for (const Index V : vocabularies())
        for (const double rejected : {0.5, 0.1, 1e-3, 1e-8})
            for (const double spread : {0.05, 1.0, 4.0}) {
                ContextDials dials;
                dials.objective = Objective::kUnlikelihood;
                dials.vocabulary = V;
                dials.rejected = rejected;
                dials.spread = spread;
                const std::string setting =
                    "V = " + std::to_string(V) + ", logits of size " + format_real(spread);
                for (const double c : {0.1, 1.0, 10.0})
                    out.push_back({"T12d", setting, dials,
                                   derive_seed(seed, Purpose::kReplicate, out.size()),
                                   steps_of(c, V > 100 ? 3 : 8)});
            }
}

}  // namespace

std::vector<ContextDials> displacement_dials() {
    return {
        {.name = "both 0.1"},
        {.name = "chosen likely", .chosen = 0.6},
        {.name = "chosen very likely", .chosen = 0.9, .rejected = 0.05},
        {.name = "rejected likely", .rejected = 0.6},
        {.name = "rejected rare", .rejected = 1e-4},
        {.name = "flat", .chosen = 0.02, .rejected = 0.02, .spread = 0.05},
        {.name = "peaky", .chosen = 0.02, .rejected = 0.02, .spread = 4.0},
        {.name = "V = 8", .vocabulary = 8},
        {.name = "V = 1000", .vocabulary = 1000},
        {.name = "peaky, norm ratio 2",
         .chosen = 0.3,
         .rejected = 0.02,
         .spread = 4.0,
         .norm_ratio = 2.0},
        {.name = "same token", .chosen = 0.3, .rejected = 0.3, .same_token = true},
        {.name = "same token, norm ratio 2",
         .chosen = 0.05,
         .rejected = 0.05,
         .spread = 0.3,
         .norm_ratio = 2.0,
         .same_token = true},
    };
}

std::vector<ProbabilityCase> probability_cases(Profile profile, std::uint64_t seed) {
    std::vector<Planned> planned;
    plan_first_order(planned, seed);
    plan_one_context(planned, seed);
    plan_displacement(planned, profile, seed);
    plan_squeezing(planned, seed);
    std::vector<ProbabilityCase> out(planned.size());
    parallel_for("probabilities", planned.size(), [&](std::size_t k) {
        out[k] = {planned[k].claim, planned[k].setting,
                  make_facts(planned[k].dials, planned[k].seed)};
        planned[k].measure(out[k].facts);
    });
    for (const SqueezingPanel& panel : squeezing_panels())
        if (panel.objective == Objective::kUnlikelihood)
            out.push_back({"T12d", "published panel " + panel.name, panel.facts});
    return out;
}

}  // namespace prefdyn
