#include <fstream>
#include <ostream>

#include "experiments/commands.hpp"
#include "experiments/falsify.hpp"
#include "experiments/options.hpp"
#include "experiments/result_writer.hpp"
#include "sim/error.hpp"
#include "sim/hdf5_file.hpp"
#include "theory/registry.hpp"

namespace prefdyn {

namespace {

theory::Claim one_claim(const std::string& id) {
    for (const auto& claim : theory::select_claims(id))
        if (claim.id == id) return claim;
    throw InputError("claim: '" + id + "' stands for several claims", "give one id, such as T2b");
}

void write_features(const std::string& path, const Dataset& data) {
    h5::Writer file(path);
    const RowMatrix& g = data.features;
    file.write("features", std::vector<double>(g.data(), g.data() + g.size()),
               {static_cast<hsize_t>(g.rows()), static_cast<hsize_t>(g.cols())});
    file.write("label", std::vector<std::int64_t>(data.label.begin(), data.label.end()),
               {static_cast<hsize_t>(g.rows())});
    file.close();
}

/// `path`: options that replay the case with `prefdyn simulate --config`; raw features go beside
/// it.
void write_case(const std::string& path, const Extremal& extremal) {
    RunConfig config = extremal.config;
    ParameterTable table;
    declare(table, config);
    std::string text;
    for (const Parameter& p : table.parameters()) text += p.name + " = " + p.get() + "\n";
    if (extremal.features) {
        write_features(path + ".h5", *extremal.features);
        text += "features = " + path + ".h5\n";
    }
    std::ofstream file(path);
    file << text;
    if (!file.flush()) throw InputError(path + ": cannot be written");
}

void print(std::ostream& out, const theory::Claim& claim, const Falsification& found) {
    for (const Extremal& e : found.restarts)
        out << e.search << ": largest ratio " << format_real(e.ratio) << " in " << e.evaluations
            << " runs, " << theory::status_name(e.verdict.status) << "\n";
    const Extremal& worst = found.extremal();
    out << claim.id << " (" << claim.title << ") " << (found.violated() ? "VIOLATED" : "not broken")
        << ": " << format_real(worst.ratio) << " of its bound at step "
        << worst.verdict.witness_step << ", after " << found.evaluations << " runs\n";
}

}  // namespace

int falsify_command(const std::vector<std::string>& arguments, std::ostream& out) {
    FalsifyOptions options;
    ParameterTable table;
    declare(table, options);
    table.parse(arguments);
    const theory::Claim claim = one_claim(options.claim);
    require_writable(options.output.out, options.output.force);
    apply(options.output);
    const Falsification found = falsify(claim, {options.budget, options.seed, options.after});
    print(out, claim, found);
    write_case(options.output.out, found.extremal());
    out << "replay: prefdyn simulate --config " << options.output.out << " --out run.h5\n";
    return found.violated() ? 1 : 0;
}

}  // namespace prefdyn
