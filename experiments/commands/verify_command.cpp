#include <algorithm>
#include <iostream>

#include "experiments/certify/options.hpp"
#include "experiments/commands/certificate_print.hpp"
#include "experiments/commands/claims_option.hpp"
#include "experiments/commands/command.hpp"
#include "experiments/commands/population_print.hpp"
#include "experiments/commands/result_fields.hpp"
#include "experiments/program/output_options.hpp"
#include "experiments/runs/kept_populations.hpp"
#include "experiments/verify/certified.hpp"
#include "experiments/verify/kept_data.hpp"
#include "experiments/verify/own_mixture.hpp"
#include "experiments/verify/verdict_table.hpp"
#include "sim/base/stopwatch.hpp"
#include "sim/data/feature_file.hpp"

namespace prefdyn {

namespace {

struct VerifyOptions {
    bool quick = false, full = false;
    ClaimsOption claims;
    std::string embeddings, labels, gram, weights, population;
    double beta = 0.1;
    Index replicates = 2000;
    std::uint64_t seed = 1;
    bool keep_data = false;
    certify::Options certify;
    OutputOptions output;
};

void declare(ParameterTable& t, VerifyOptions& o) {
    t.flag("quick", &o.quick, "a small suite, seconds");
    t.flag("full", &o.full, "a large suite, repeated with five seeds");
    declare(t, o.claims);
    t.text("embeddings", &o.embeddings, "features to check the theorems on instead: HDF5 or .npy");
    t.text("labels", &o.labels, "labels that go with a .npy feature file");
    t.real("beta", &o.beta, 0.0, 1e6, true, "", "strength of the reference, for --embeddings");
    t.text("gram", &o.gram,
           "behaviours of your own for T8: the products of their mean differences, rows apart by "
           "semicolons (\"16, 8; 8, 9\"); only they are run");
    t.text("population", &o.population,
           "a mixture of Gaussians of your own, sampled in place of all others: an HDF5 file or a "
           "folder of .npy files with weights, labels, means and covariances");
    t.place();
    t.text("weights", &o.weights, "their shares of the samples, by commas; else equal");
    t.integer("replicates", &o.replicates, 1000, 10000000, "",
              "datasets a coverage test draws; 1000 by default with --quick, 20000 with --full");
    t.seed("seed", &o.seed, "everything random follows from it");
    declare_keep_data(t, o.keep_data);
    declare(t, o.certify,
            "every rigorous claim's tightest case, and its negative controls refuted");
    declare(t, o.output,
            "; else results/verify.h5, of given features results/features.h5, of a population "
            "results/population.h5");
    t.rule([&o](const ParameterTable&) {
        return std::string(o.quick && o.full ? "--quick and --full exclude each other" : "");
    });
    t.rule([&o](const ParameterTable& table) {
        const std::string idle = o.embeddings.empty() ? table.given_of({"labels", "beta"}) : "";
        return idle.empty() ? "" : idle + ": needs --embeddings";
    });
    t.rule([&o](const ParameterTable&) {
        return std::string(
            o.certify.certify && !o.embeddings.empty()
                ? "--certify: simulate --features certifies a run on your own features"
                : "");
    });
    t.rule([&o](const ParameterTable& table) {
        const std::string more = o.population.empty() ? "" : table.given_of({"embeddings", "gram"});
        return more.empty() ? "" : more + ": --population brings data of its own";
    });
    t.rule([&o](const ParameterTable&) -> std::string {
        if (o.gram.empty()) return o.weights.empty() ? "" : "--weights: needs --gram";
        return o.embeddings.empty() ? "" : "--gram: --embeddings brings behaviours of its own";
    });
}

VerifyPlan make_plan(const VerifyOptions& o) {
    VerifyPlan plan;
    plan.profile = o.quick ? Profile::kQuick : o.full ? Profile::kFull : Profile::kDefault;
    plan.seed = o.seed;
    plan.beta = o.beta;
    plan.keep_data = o.keep_data;
    plan.replicates = static_cast<std::size_t>(o.replicates);
    if (!o.gram.empty()) plan.mixture = own_mixture(o.gram, o.weights);
    return plan;
}

/// Beta, and the learning rates that eta * kappa = 0.5 gives.
void print_training(std::ostream& out, const Verification& v) {
    if (v.runs.empty()) return;
    const auto [least, most] = std::ranges::minmax(
        v.runs, {}, [](const RunResult& run) { return run.config.training.eta; });
    out << "beta = " << least.config.beta << ", eta = " << least.config.training.eta;
    if (v.runs.size() > 1) out << " to " << most.config.training.eta;
    out << " (eta-kappa " << least.config.eta_kappa << " / kappa)\n";
}

int run_verify(VerifyOptions& options, const ParameterTable& table, std::ostream& out) {
    if (!table.given("replicates") && (options.quick || options.full))
        options.replicates = options.quick ? 1000 : 20000;
    VerifyPlan plan = make_plan(options);
    if (options.output.out.empty())
        options.output.out = !options.population.empty()  ? "results/population.h5"
                             : options.embeddings.empty() ? "results/verify.h5"
                                                          : "results/features.h5";
    if (!options.gram.empty() && options.claims.ids.empty() && options.claims.file.empty())
        options.claims.ids = "T8";
    const auto claims = chosen_claims(options.claims, std::cerr);
    if (!options.population.empty()) plan.population = population_of(options.population);
    std::vector<Dataset> behaviours;
    if (!options.embeddings.empty()) behaviours = read_features(options.embeddings, options.labels);
    require_writable(options.output.out, options.output.force,
                     {options.embeddings, options.labels, options.claims.file, options.population});
    if (options.certify.certify) certify::require_available();
    plan.device = apply(options.output.machine);
    const Stopwatch watch;
    Verification v = behaviours.empty() ? verify_synthetic(claims, plan)
                                        : verify_features(claims, behaviours, plan);
    if (options.certify.certify)
        v.certificates = certify_findings(v, plan, options.certify.limits());
    write_results(options.output.out, v, "verify", table, plan.device, watch.seconds());
    if (!behaviours.empty()) print_training(out, v);
    if (plan.population) print_population(out, *plan.population);
    print_verdicts(out, v);
    print_certificates(out, v.certificates);
    out << (v.as_expected() ? "all as expected" : "NOT as expected") << ": " << v.runs.size()
        << " runs, " << v.cases.size() << " study cases, " << v.controls.size()
        << " negative controls; wrote " << options.output.out << "\n";
    return v.as_expected() ? 0 : 1;
}

}  // namespace

Command verify_command() {
    return make_command("verify", "hold every claim against the suite and its negative controls",
                        run_verify);
}

}  // namespace prefdyn
