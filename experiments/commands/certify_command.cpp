#include <iostream>
#include <sstream>

#include "experiments/certify/options.hpp"
#include "experiments/certify/subject.hpp"
#include "experiments/commands/certificate_print.hpp"
#include "experiments/commands/claims_option.hpp"
#include "experiments/commands/command.hpp"
#include "experiments/program/machine_options.hpp"
#include "experiments/results/publish.hpp"
#include "sim/base/failure.hpp"
#include "sim/base/hdf5_file.hpp"
#include "sim/base/stopwatch.hpp"
#include "sim/data/feature_file.hpp"
#include "theory/registry.hpp"

namespace prefdyn {

namespace {

struct CertifyOptions {
    std::string file, claim, claim_file, out;
    bool force = false;
    certify::Options certify;
    MachineOptions machine;
};

void declare(ParameterTable& t, CertifyOptions& o) {
    t.text("file", &o.file, "result file of simulate", true);
    t.positional();
    t.text("claim", &o.claim, "ids or prefixes of claims: T2 takes T2a and T2b; else all");
    declare_claim_file(t, o.claim_file);
    certify::declare_bits(t, o.certify);
    t.text("out", &o.out, "file for the certificates (HDF5)");
    t.flag("force", &o.force, "replace an existing file");
    declare(t, o.machine);
}

/// The options of simulate as its file keeps them: name = value  # origin.
struct KeptOptions {
    RunConfig run;
    std::string features, labels;
};

KeptOptions kept_options(const h5::Reader& file) {
    KeptOptions out;
    ParameterTable table;
    declare(table, out.run);
    table.text("features", &out.features, "");
    table.text("labels", &out.labels, "");
    std::istringstream lines(file.text_attribute("options"));
    for (std::string line; std::getline(lines, line);) {
        const auto equals = line.find(" = "), comment = line.rfind("  # ");
        if (equals == std::string::npos || comment == std::string::npos) continue;
        Parameter* p = table.find(line.substr(0, equals));
        const std::string value = line.substr(equals + 3, comment - equals - 3);
        if (!p || value == p->get()) continue;
        if (const std::string wrong = p->set(value); !wrong.empty())
            throw InputError(file.path() + ": option " + p->name + ": " + wrong);
    }
    return out;
}

struct Again {
    RunResult run;
    Dataset data;
};

Dataset given_features(const KeptOptions& kept) {
    auto all = read_features(kept.features, kept.labels);
    if (all.size() != 1) throw InputError(kept.features + ": no longer holds one behaviour");
    return std::move(all.front());
}

/// Trained again in double precision, to know that it is the run of the file, with what the claims
/// look at.
Again run_again(const std::string& path, const std::vector<theory::Claim>& claims) {
    const h5::Reader file(path, h5::From::kOutside);
    if (!file.has_dataset("run_id") || file.shape("run_id") != h5::Shape{1})
        throw InputError(path + ": does not hold one run",
                         "certify takes a file that simulate wrote");
    KeptOptions kept = kept_options(file);
    kept.run.training.keep = theory::kept_for(claims);
    Again out;
    out.data = kept.features.empty() ? training_rows(kept.run) : given_features(kept);
    out.run = kept.features.empty() ? run_synthetic(kept.run) : run_dataset(kept.run, out.data);
    const std::string id = file.strings("run_id").front();
    if (out.run.id != id)
        throw InputError(path + ": run " + id + " is now " + out.run.id,
                         kept.features.empty() ? "another version of the program drew its features"
                                               : kept.features + " has changed");
    return out;
}

int run_certify(CertifyOptions& options, const ParameterTable& table, std::ostream& out) {
    certify::require_available();
    const auto claims =
        theory::select_claims(options.claim, own_claims(options.claim_file, std::cerr));
    if (!options.out.empty()) require_writable(options.out, options.force, {options.file});
    const Device device = apply(options.machine);
    const Stopwatch watch;
    const Again again = run_again(options.file, claims);
    std::vector<certify::Certified> all;
    for (auto& c : certify::certify(again.run, again.data, claims, options.certify.limits()))
        all.push_back({again.run.id, "", std::move(c)});
    print_certificates(out, all);
    if (!options.out.empty()) {
        ResultWriter writer(certify::certificate_fields());
        put_certificates(writer, all);
        publish_results(writer, options.out, "certify", table, device, watch.seconds(), {});
        out << "wrote " << options.out << "\n";
    }
    return certify::as_expected(all) ? 0 : 1;
}

}  // namespace

Command certify_command() {
    return make_command("certify", "prove or refute claims for the run of a result file",
                        run_certify);
}

}  // namespace prefdyn
