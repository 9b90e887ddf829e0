#include <algorithm>
#include <filesystem>
#include <iostream>
#include <ostream>
#include <sstream>

#include "experiments/certify/certificate_fields.hpp"
#include "experiments/certify/subject.hpp"
#include "experiments/commands/claims_option.hpp"
#include "experiments/commands/command.hpp"
#include "experiments/falsify/falsify.hpp"
#include "experiments/program/output_options.hpp"
#include "experiments/results/publish.hpp"
#include "experiments/results/result_writer.hpp"
#include "sim/base/failure.hpp"
#include "sim/base/hdf5_file.hpp"
#include "sim/base/npy.hpp"
#include "sim/base/output_file.hpp"
#include "theory/registry.hpp"

namespace prefdyn {

namespace fs = std::filesystem;

namespace {

struct FalsifyOptions {
    std::string claim, claim_file, replay;
    Index budget = 20000;
    double after = 0.0;
    std::uint64_t seed = 1;
    OutputOptions output;
};

void declare(ParameterTable& t, FalsifyOptions& o) {
    t.text("claim", &o.claim,
           "ids or prefixes of rigorous claims that bound something: T2 takes T2a and T2b", true);
    declare_claim_file(t, o.claim_file);
    t.integer("budget", &o.budget, 1, 1000000000, "runs", "cases to try for each claim");
    t.real("after", &o.after, 0.0, 1e9, false, "1 / kappa",
           "only times with kappa t at least this count: how tight is the claim late?");
    t.seed("seed", &o.seed, "everything random follows from it");
    t.text("replay", &o.replay,
           "run one case alone, as a search wrote it: restart and coordinates");
    t.stop_identity();
    t.text("out", &o.output.out,
           "config that replays the nearest case, its rows beside it, as .npy too; of several "
           "claims a folder "
           "for them; else results/falsify_CLAIM.ini");
    t.flag("force", &o.output.force, "replace an existing config");
    declare(t, o.output.machine);
}

/// A claim that was chosen, and the config that its nearest case goes to.
struct Target {
    theory::Claim claim;
    std::string path;
};

/// The searchable ones among the claims that `options` names; what cannot be searched is chosen
/// alone only, to be refused with its reason.
std::vector<Target> targets_of(const FalsifyOptions& options) {
    auto chosen = theory::select_claims(options.claim, own_claims(options.claim_file, std::cerr));
    if (std::ranges::any_of(chosen, has_search_space))
        std::erase_if(chosen, [](const auto& claim) { return !has_search_space(claim); });
    else
        chosen.resize(1);
    const std::string& out = options.output.out;
    if (chosen.size() > 1 && !options.replay.empty())
        throw InputError("replay: '" + options.claim + "' stands for several claims",
                         "give the one id that the search wrote");
    const bool file =
        fs::path(out).extension() == ".ini" || (fs::exists(out) && !fs::is_directory(out));
    if (chosen.size() > 1 && file)
        throw InputError("out: " + out + " is a file, several claims need a folder",
                         "leave --out away or name a folder");
    std::vector<Target> targets;
    for (const auto& claim : chosen) {
        const std::string name = "falsify_" + claim.id + ".ini";
        const bool folder = out.empty() || chosen.size() > 1;
        targets.push_back(
            {claim, folder ? (fs::path(out.empty() ? "results" : out) / name).string() : out});
        require_writable(targets.back().path, options.output.force);
    }
    return targets;
}

void write_features(const std::string& path, const Dataset& data) {
    h5::Writer file(path);
    const RowMatrix& g = data.features;
    file.write("features", std::vector<double>(g.data(), g.data() + g.size()),
               {static_cast<hsize_t>(g.rows()), static_cast<hsize_t>(g.cols())});
    const hsize_t n = static_cast<hsize_t>(g.rows());
    file.write("label", std::vector<std::int64_t>(data.label.begin(), data.label.end()), {n});
    if (!data.behaviour.empty())
        file.write("behaviour",
                   std::vector<std::int64_t>(data.behaviour.begin(), data.behaviour.end()), {n});
    file.close();
}

/// The rows as NumPy reads them: PATH.features.npy and PATH.labels.npy.
void write_arrays(const std::string& path, const Dataset& data) {
    const RowMatrix& g = data.features;
    const auto n = static_cast<std::size_t>(g.rows());
    const NpyArray features{{n, static_cast<std::size_t>(g.cols())},
                            {g.data(), g.data() + g.size()}};
    const NpyArray labels{{n}, {data.label.begin(), data.label.end()}};
    publish_file(path + ".features.npy", [&](const auto& to) { write_npy(to, features); });
    publish_file(path + ".labels.npy", [&](const auto& to) { write_npy(to, labels); });
}

/// Options of `prefdyn simulate` that run the case again.
std::string simulate_config(const Extremal& extremal, const std::string& claim_file) {
    RunConfig config = extremal.at.config;
    ParameterTable table;
    declare(table, config);
    std::string text;
    const auto idle = idle_options(config, extremal.at.features.has_value());
    for (const Parameter& p : table.parameters())
        if (std::ranges::count(idle, p.name) == 0 && !p.get().empty())
            text += p.name + " = " + p.get() + "\n";
    if (!claim_file.empty()) text += "claim-file = " + claim_file + "\n";
    return text;
}

/// Options of `prefdyn falsify` that run the case again.
std::string falsify_config(const theory::Claim& claim, const Extremal& extremal,
                           const FalsifyOptions& options) {
    std::ostringstream out;
    for (const auto& [name, value] : extremal.at.dials)
        out << "# " << name << " = " << format_real(value) << "\n";
    if (!options.claim_file.empty()) out << "claim-file = " << options.claim_file << "\n";
    out << "claim = " << claim.id << "\nseed = " << options.seed
        << "\nafter = " << format_real(options.after) << "\nreplay = " << extremal.point.restart;
    for (const double x : extremal.point.x) out << " " << format_real(x);
    out << "\n";
    return out.str();
}

SearchPoint parse_point(const std::string& text) {
    std::istringstream in(text);
    SearchPoint out;
    in >> out.restart;
    for (double x; in >> x;) out.x.push_back(x);
    const auto outside = [](double x) { return !(x >= 0.0 && x <= 1.0); };
    if (!in.eof() || std::any_of(out.x.begin(), out.x.end(), outside))
        throw InputError("replay: '" + text + "' is no restart with coordinates in [0, 1]",
                         "take the line from the file that a search wrote");
    return out;
}

/// The rows that a case is trained on; nothing where it has none.
std::optional<Dataset> rows_of(const theory::Claim& claim, const Extremal& extremal) {
    if (extremal.at.features) return extremal.at.features;
    if (claim.scope != theory::Scope::kRun) return {};
    return training_rows(extremal.at.config);
}

/// `path`: a config that replays the case; features go beside it. Returns the command.
std::string write_case(const std::string& path, const theory::Claim& claim,
                       const FalsifyOptions& options, const Extremal& extremal) {
    const bool run = claim.scope == theory::Scope::kRun;
    make_folder_of(path);
    std::string text = run ? simulate_config(extremal, options.claim_file)
                           : falsify_config(claim, extremal, options);
    if (extremal.at.features) {
        publish_file(path + ".h5", [&](const std::string& partial) {
            write_features(partial, *extremal.at.features);
        });
        text += (run ? "features = " : "# features: ") + path + ".h5\n";
    }
    if (const auto rows = rows_of(claim, extremal)) write_arrays(path, *rows);
    publish_file(path, [&](const std::string& partial) { write_file(partial, text); });
    return std::string("prefdyn ") + (run ? "simulate" : "falsify") + " --config " + path;
}

void print_restarts(std::ostream& out, const Falsification& found) {
    for (const Extremal& e : found.restarts)
        out << e.search << ": largest ratio " << format_real(e.ratio) << " in " << e.evaluations
            << " runs, " << theory::status_name(e.verdict.status) << "\n";
}

void print(std::ostream& out, const theory::Claim& claim, const Falsification& found) {
    const Extremal& worst = found.extremal();
    out << claim.id << " (" << claim.title << ") " << (found.violated() ? "VIOLATED" : "not broken")
        << ": " << format_real(worst.ratio) << " of its bound at step "
        << worst.verdict.witness_step << ", after " << found.evaluations << " runs";
    if (worst.verdict.status == theory::Status::kNotApplicable)
        out << "; NOTHING WAS TESTED: " << worst.verdict.reason;
    else if (std::holds_alternative<theory::RunSearch>(claim.checks.search))
        out << " of gradient descent with eta kappa <= " << most_eta_kappa(claim)
            << " and of the flow, DPO loss";
}

/// Of the case that came nearest, where the program can make one: a line, and the file
/// CASE.proof.h5 of a refuted one.
std::string certificate_of(const theory::Claim& claim, const Extremal& extremal,
                           const std::string& path, Device device) {
    if (!certify::available()) return {};
    const CaseResult result = extremal.at.run(device);
    certify::Certificate c{.claim = claim.id, .reason = certify::why_not(claim)};
    const auto* run = std::get_if<RunResult>(&result);
    if (c.reason.empty())
        c = run ? certify::certify(*run, *rows_of(claim, extremal), {claim}).front()
                : std::visit(
                      [&](const auto& subject) {
                          return certify::certify(subject, {claim}).front();
                      },
                      extremal.at.subject(result));
    if (c.proof == certify::Proof::kRefuted) {
        ResultWriter writer(certify::certificate_fields());
        certify::put_certificates(writer, {{path, "", c}});
        writer.publish(path + ".proof.h5");
    }
    return "certificate: " + certify::sentence(c) + "\n";
}

int run_falsify(FalsifyOptions& options, const ParameterTable&, std::ostream& out) {
    const std::vector<Target> targets = targets_of(options);
    FalsifyPlan plan{options.budget, options.seed, options.after, apply(options.output.machine)};
    if (!options.replay.empty()) plan.replay = parse_point(options.replay);
    bool violated = false;
    for (const auto& [claim, path] : targets) {
        const Falsification found = falsify(claim, plan);
        if (targets.size() == 1) print_restarts(out, found);
        print(out, claim, found);
        const std::string replay = write_case(path, claim, options, found.extremal());
        out << (targets.size() == 1 ? "\n" : "; ") << "replay: " << replay << " --out again\n"
            << certificate_of(claim, found.extremal(), path, plan.device) << std::flush;
        violated = violated || found.violated();
    }
    return violated ? 1 : 0;
}

}  // namespace

Command falsify_command() {
    return make_command("falsify",
                        "search for the dataset and setting that come nearest to breaking a claim",
                        run_falsify);
}

}  // namespace prefdyn
