#include <ostream>

#include "experiments/commands/commands.hpp"
#include "experiments/commands/options.hpp"
#include "experiments/commands/result_fields.hpp"
#include "experiments/verify/own_mixture.hpp"
#include "experiments/verify/verdict_table.hpp"
#include "sim/base/failure.hpp"
#include "sim/base/stopwatch.hpp"
#include "sim/data/feature_file.hpp"
#include "theory/registry.hpp"

namespace prefdyn {

namespace {

VerifyPlan make_plan(const VerifyOptions& o) {
    VerifyPlan plan;
    plan.profile = o.quick ? Profile::kQuick : o.full ? Profile::kFull : Profile::kDefault;
    plan.seed = o.seed;
    plan.beta = o.beta;
    plan.replicates = static_cast<std::size_t>(o.replicates);
    if (!o.gram.empty()) plan.mixture = own_mixture(o.gram, o.weights);
    return plan;
}

}  // namespace

int verify_command(const std::vector<std::string>& arguments, std::ostream& out) {
    VerifyOptions options;
    ParameterTable table;
    declare(table, options);
    table.parse(arguments);
    if (!table.given("replicates") && (options.quick || options.full))
        options.replicates = options.quick ? 1000 : 20000;
    VerifyPlan plan = make_plan(options);
    if (options.output.out.empty())
        options.output.out =
            options.embeddings.empty() ? "results/verify.h5" : "results/features.h5";
    const auto claims = theory::select_claims(options.claims);
    std::vector<Dataset> behaviours;
    if (!options.embeddings.empty()) behaviours = read_features(options.embeddings, options.labels);
    require_writable(options.output.out, options.output.force,
                     {options.embeddings, options.labels});
    plan.device = apply(options.output.machine);
    const Stopwatch watch;
    const Verification v = behaviours.empty() ? verify_synthetic(claims, plan)
                                              : verify_features(claims, behaviours, plan);
    write_results(options.output.out, v, "verify", table, plan.device, watch.seconds());
    print_verdicts(out, v);
    out << (v.as_expected() ? "all as expected" : "NOT as expected") << ": " << v.runs.size()
        << " runs, " << v.cases.size() << " study cases, " << v.controls.size()
        << " negative controls; wrote " << options.output.out << "\n";
    return v.as_expected() ? 0 : 1;
}

}  // namespace prefdyn
