#include <iomanip>
#include <iostream>

#include "experiments/certify/options.hpp"
#include "experiments/certify/subject.hpp"
#include "experiments/commands/certificate_print.hpp"
#include "experiments/commands/claims_option.hpp"
#include "experiments/commands/command.hpp"
#include "experiments/commands/population_print.hpp"
#include "experiments/commands/result_fields.hpp"
#include "experiments/program/output_options.hpp"
#include "experiments/program/progress.hpp"
#include "experiments/runs/kept_populations.hpp"
#include "experiments/runs/run_config.hpp"
#include "experiments/verify/kept_data.hpp"
#include "sim/base/failure.hpp"
#include "sim/base/stopwatch.hpp"
#include "sim/data/feature_file.hpp"
#include "theory/registry.hpp"

namespace prefdyn {

namespace {

struct SimulateOptions {
    RunConfig run;
    std::string features, labels, claim_file;
    bool keep_data = false;
    certify::Options certify;
    OutputOptions output;
};

void declare(ParameterTable& t, SimulateOptions& o) {
    declare(t, o.run);
    t.text("features", &o.features,
           "features to train on instead of sampled ones: HDF5 with one behaviour, or .npy");
    t.text("labels", &o.labels, "labels that go with a .npy feature file");
    declare_keep_data(t, o.keep_data);
    declare_claim_file(t, o.claim_file);
    declare(t, o.output);
    declare(t, o.certify, "every claim about the run");
    t.rule([&o](const ParameterTable& table) {
        const bool given = !o.features.empty();
        const std::string idle = table.given_of(idle_options(o.run, given));
        return idle.empty() ? ""
                            : idle + ": without effect; " +
                                  (given ? "given features are not sampled, and " : "") +
                                  (o.run.population.empty() ? ""
                                                            : "a population of your own says "
                                                              "itself what it is, and ") +
                                  "only sgd and adam have minibatches";
    });
    t.rule([&o](const ParameterTable&) {
        return std::string(o.features.empty() || o.run.population.empty()
                               ? ""
                               : "--features and --population exclude each other");
    });
    t.rule([&o](const ParameterTable& table) {
        return std::string(
            o.features.empty() && table.given("labels") ? "--labels: needs --features" : "");
    });
}

void print_run(std::ostream& out, const RunResult& run, const ParameterTable& table) {
    const Record& last = run.trajectory.records.back();
    out << "run " << run.id << ", " << stop_reason_name(run.trajectory.stop) << "\n"
        << "D = " << run.statistics.distinguishability << " (debiased "
        << run.statistics.distinguishability_debiased() << "), kappa = " << run.kappa
        << ", beta = " << run.config.beta << ", eta = " << run.config.training.eta
        << (table.given("eta") ? "" : " (eta-kappa / kappa)") << "\n"
        << "step " << last.step << ": loss " << last.train.loss << ", head/change "
        << last.head_change << ", rewards/accuracies " << last.train.rewards_accuracies
        << ", outputs/accuracies " << last.train.outputs_accuracies << "\n";
}

void print_claims(std::ostream& out, const Verification& v) {
    for (std::size_t c = 0; c < v.claims.size(); ++c) {
        if (v.claims[c].scope != theory::Scope::kRun) continue;
        const theory::Verdict& verdict = v.verdicts[0][c];
        out << std::left << std::setw(5) << v.claims[c].id << std::setw(34) << v.claims[c].title
            << std::setw(16) << theory::status_name(verdict.status) << verdict.reason << "\n";
    }
}

Dataset one_behaviour(const SimulateOptions& options) {
    auto behaviours = read_features(options.features, options.labels);
    if (behaviours.size() != 1)
        throw InputError(options.features + ": holds " + std::to_string(behaviours.size()) +
                             " behaviours, simulate trains on one",
                         "use verify --embeddings for all of them");
    return std::move(behaviours.front());
}

void certify_run(Verification& v, Dataset data, const certify::Limits& limits) {
    const RunResult& run = v.runs[0];
    for (auto& c : certify::certify(run, std::move(data), v.claims, limits))
        v.certificates.push_back({run.id, "", std::move(c)});
}

/// Of claims that are about one run.
void print_own_certificates(std::ostream& out, const Verification& v) {
    std::vector<certify::Certified> own;
    for (std::size_t c = 0; c < v.certificates.size(); ++c)
        if (v.claims[c].scope == theory::Scope::kRun) own.push_back(v.certificates[c]);
    print_certificates(out, own);
}

RunResult trained(const SimulateOptions& options, const Dataset& given) {
    Progress progress("updates", static_cast<std::size_t>(options.run.training.steps));
    RunConfig config = options.run;
    config.training.told = [&](Index updates) {
        progress.reach(static_cast<std::size_t>(updates));
    };
    RunResult out = options.features.empty() ? run_synthetic(config) : run_dataset(config, given);
    out.config.training.told = {};
    return out;
}

int run_simulate(SimulateOptions& options, const ParameterTable& table, std::ostream& out) {
    require_writable(
        options.output.out, options.output.force,
        {options.features, options.labels, options.claim_file, options.run.population});
    if (options.certify.certify) certify::require_available();
    options.run.device = apply(options.output.machine);
    const Stopwatch watch;
    Verification v;
    v.claims = theory::claims();
    for (theory::Claim& claim : own_claims(options.claim_file, std::cerr))
        v.claims.push_back(std::move(claim));
    options.run.training.keep = theory::kept_for(v.claims) | Kept::data(options.keep_data);
    Dataset given;
    if (!options.features.empty()) given = one_behaviour(options);
    v.runs.push_back(trained(options, given));
    v.runs[0].suite = "simulate";
    v.verdicts.resize(1);
    if (options.certify.certify)  // while the run has what the claims look at
        certify_run(v, options.features.empty() ? training_rows(options.run) : given,
                    options.certify.limits());
    judge_run_at(v, 0, {.keep_data = options.keep_data});
    write_results(options.output.out, v, "simulate", table, options.run.device, watch.seconds());
    if (!options.run.population.empty())
        print_population(out, *population_of(options.run.population));
    print_run(out, v.runs[0], table);
    print_claims(out, v);
    print_own_certificates(out, v);
    out << "wrote " << options.output.out << "\n";
    return v.as_expected() ? 0 : 1;
}

}  // namespace

Command simulate_command() {
    return make_command("simulate", "train one head on one synthetic dataset and judge it",
                        run_simulate);
}

}  // namespace prefdyn
