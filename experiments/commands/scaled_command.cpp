#include <cmath>
#include <filesystem>
#include <iomanip>
#include <iostream>
#include <numeric>

#include "experiments/commands/claims_option.hpp"
#include "experiments/commands/command.hpp"
#include "experiments/commands/result_fields.hpp"
#include "experiments/embed/embed_job.hpp"
#include "experiments/runs/kept_data.hpp"
#include "experiments/scaled/scaled.hpp"
#include "experiments/verify/verdict_table.hpp"
#include "sim/base/failure.hpp"
#include "sim/base/hdf5_file.hpp"
#include "sim/base/rank_correlation.hpp"
#include "sim/base/stopwatch.hpp"
#include "sim/lm/text/text_file.hpp"
#include "sim/lm/text/utf8.hpp"

namespace prefdyn {

namespace {

/// Im & Li's last-layer script, or that of the later paper on diverse values.
enum class ScaledPreset { kImLi, kDiverse };

struct ScaledOptions {
    EmbedSource source;
    ScaledPreset preset = ScaledPreset::kImLi;
    ScaledPlan plan = {.verify = {.seed = 1234}};
    ClaimsOption claims;
    OutputOptions output;
};

void declare(ParameterTable& t, ScaledOptions& o) {
    declare(t, o.source);
    t.choice("preset", &o.preset, {"im-li-last-layer", "diverse-last-layer"},
             "numbers of a published script, defaults of what follows: SGD with eta 0.1 and "
             "batches of 128, or full-batch Adam with eta 0.001");
    TrainSpec& s = o.plan.training;
    t.choice("method", &s.method, {"gd", "sgd", "adam"}, "how the last layer is trained");
    t.real("eta", &s.eta, 0.0, 1e300, true, "", "learning rate of the last layer");
    t.integer("steps", &s.steps, 1, 1000000, "updates", "of the last layer");
    t.integer("batch", &s.batch, 0, 100000000, "samples", "minibatch of sgd and adam; 0 is all");
    t.choice("sampling", &s.sampling, sampling_names(),
             "fresh: each batch anew without replacement, as published; epoch and replacement as "
             "in simulate");
    t.real("beta", &o.plan.verify.beta, 0.0, 1e6, true, "", "strength of the reference in DPO");
    t.real("held-out", &o.plan.held_out, 0.0, 0.9, false, "",
           "share of every behaviour kept from the last layer's training");
    t.choice("split", &o.plan.split, split_names(),
             "held-out rows drawn from all, as published, or the same share of either class");
    t.integer("pairs", &o.plan.pairs, 0, 10000, "", "pairs of behaviours trained together");
    t.integer("cross-check", &o.plan.cross_check, 0, 100000, "behaviours",
              "train these with the dense V x d head as well; it holds about four heads in memory");
    declare(t, o.claims);
    declare_keep_data(t, o.plan.verify.keep_data);
    t.seed("seed", &o.plan.verify.seed, "everything random follows from it");
    declare(t, o.output);
}

/// What the two published last-layer scripts train with.
void take_preset(ScaledOptions& o, const ScaledOptions& first) {
    o.preset = first.preset;
    if (o.preset == ScaledPreset::kDiverse) {
        o.plan.training.method = Method::kAdam;
        o.plan.training.eta = 1e-3;
        o.plan.training.batch = 0;
    }
}

text::ResponsePair shared_pair(const EmbedInput& input) {
    const EmbedBehaviour& first = input.behaviours.front();
    for (const EmbedBehaviour& b : input.behaviours)
        if (b.pair.token != first.pair.token)
            throw InputError(
                b.source + ": its answers are the tokens " + std::to_string(b.pair.token[0]) +
                    " and " + std::to_string(b.pair.token[1]) + ", those of " + first.source +
                    " are " + std::to_string(first.pair.token[0]) + " and " +
                    std::to_string(first.pair.token[1]),
                "behaviours with one response pair share a head: run the others apart");
    return first.pair;
}

Dataset dataset_of(const EmbedJob& job, const EmbedBehaviour& behaviour) {
    Dataset out;
    out.name = behaviour.name;
    out.features = job.features(behaviour).cast<double>();
    out.label = behaviour.label;
    validate(out, behaviour.source);
    return out;
}

BehaviourOrigin origin_of(const EmbedBehaviour& b) {
    return {std::filesystem::path(b.source).filename().string(),
            shared_tokens(b.pair),
            b.data_hash,
            b.tokens_hash,
            b.filtered,
            b.truncated};
}

/// The job's, and the pair all behaviours share, named as an embedding file names it; what they
/// begin with as long as that is the same.
FileAttributes attributes_of(const EmbedJob& job) {
    const text::ResponsePair pair = shared_pair(job.input());
    FileAttributes out = job.attributes();
    for (const auto k : {0u, 1u}) {
        const std::string which = k == 0 ? "first_" : "second_";
        out.emplace_back(which + "token", std::to_string(pair.token[k]));
        out.emplace_back(which + "piece", pair.piece[k]);
        out.emplace_back(which + "text", pair.text[k]);
    }
    std::string shared = shared_tokens(pair);
    for (const EmbedBehaviour& b : job.input().behaviours)
        if (b.pair.shared != pair.shared) shared = "differ, see scaled_shared_tokens";
    out.emplace_back("shared_tokens", shared);
    return out;
}

void print_pair(std::ostream& out, const EmbedInput& input) {
    const text::ResponsePair pair = shared_pair(input);
    const auto named = [&](std::size_t k) {
        const std::string id = std::to_string(pair.token[k]);
        return pair.piece[k].empty() ? id : id + " " + text::in_quotes(pair.piece[k]);
    };
    out << "response pair: tokens " << named(0) << " and " << named(1);
    if (!pair.shared.empty()) out << ", behind " << shared_tokens(pair);
    out << "\n";
}

ScaledInput scaled_input(const EmbedJob& job) {
    ScaledInput out;
    if (job.model().config().logit_cap > 0.0)
        throw InputError(job.model().checkpoint().folder() +
                             ": caps its logits, so they are no linear function of features",
                         "the theory is of linear heads; embed and verify --embeddings look at the "
                         "features alone");
    const text::ResponsePair pair = shared_pair(job.input());
    for (const EmbedBehaviour& b : job.input().behaviours) {
        out.behaviours.push_back(dataset_of(job, b));
        out.origins.push_back(origin_of(b));
    }
    out.policy.vocabulary = job.model().config().vocabulary;
    out.policy.yes = pair.token[0];
    out.policy.no = pair.token[1];
    out.head = [&job](Index first, Index count) {
        std::vector<std::int32_t> ids(static_cast<std::size_t>(count));
        std::iota(ids.begin(), ids.end(), static_cast<std::int32_t>(first));
        return RowMatrix(job.model().head_rows(ids).cast<double>());
    };
    out.model_hash = job.model_hash();
    return out;
}

void print_correlations(std::ostream& out, const std::vector<RankCorrelation>& all,
                        std::size_t behaviours) {
    out << "rank correlation over " << behaviours << " behaviours"
        << (behaviours < kFewestForInterval ? " (too few for an interval" : " (95 % bootstrap")
        << (behaviours <= kMostPermuted ? "; exact two-sided p):\n" : "):\n");
    out << std::fixed << std::setprecision(3);
    for (const RankCorrelation& c : all) {
        out << "  " << std::setw(7) << c.value.estimate;
        if (!std::isnan(c.value.low)) out << " (" << c.value.low << " to " << c.value.high << ")";
        if (!std::isnan(c.p)) out << ", p = " << c.p;
        out << "  " << c.what << "\n";
    }
    out << std::defaultfloat;
}

void print_findings(std::ostream& out, const ScaledFindings& found,
                    const std::vector<Dataset>& behaviours) {
    print_verdicts(out, found.verification);
    if (behaviours.size() >= 3) print_correlations(out, found.correlations, behaviours.size());
    for (std::size_t k = 0; k < behaviours.size(); ++k)
        if (!std::isnan(found.cross_check[k]))
            out << "dense head against exact reduction on " << behaviours[k].name
                << ": largest relative difference " << found.cross_check[k]
                << (found.cross_check[k] <= kCrossCheckTolerance
                        ? ""
                        : ", MORE than " + format_real(kCrossCheckTolerance))
                << "\n";
}

int run_and_write(const ScaledOptions& options, const ParameterTable& table, EmbedJob& job,
                  const std::vector<theory::Claim>& claims, const Stopwatch& watch,
                  std::ostream& out) {
    const ScaledInput input = scaled_input(job);
    ScaledFindings found = run_scaled(claims, input, options.plan);
    put_scaled(found, input);
    FileAttributes attributes = attributes_of(job);
    attributes.emplace_back("as_expected", found.as_expected() ? "true" : "false");
    write_results(options.output.out, found.verification, "scaled", table,
                  options.plan.verify.device, watch.seconds(), attributes);
    job.finish();
    out << "beta = " << options.plan.verify.beta
        << "; last layer: eta = " << options.plan.training.eta << ", "
        << options.plan.training.steps << " steps of "
        << method_names()[static_cast<std::size_t>(options.plan.training.method)] << "\n";
    print_findings(out, found, input.behaviours);
    out << (found.as_expected() ? "all as expected" : "NOT as expected") << ": "
        << input.behaviours.size() << " behaviours, " << found.verification.runs.size() << " runs, "
        << found.verification.cases.size() << " study cases, " << found.verification.controls.size()
        << " negative controls; wrote " << options.output.out << "\n";
    return found.as_expected() ? 0 : 1;
}

/// The same call came to its end before.
int say_finished(const EmbedJob& job, const std::string& path, std::ostream& out) {
    const bool good = h5::Reader(path, h5::From::kOutside).text_attribute("as_expected") == "true";
    job.finish_late();
    out << "nothing to do: the same experiments are finished, " << (good ? "all" : "NOT all")
        << " as expected, in " << path << "\n";
    return good ? 0 : 1;
}

int run_scaled(ScaledOptions& options, const ParameterTable& table, std::ostream& out) {
    const auto claims = chosen_claims(options.claims, std::cerr);
    options.plan.verify.device = apply(options.output.machine);
    options.source.arithmetic.device = options.plan.verify.device;
    const Stopwatch watch;
    const std::string own = options.claims.file.empty()
                                ? ""
                                : text::read_file(options.claims.file, std::size_t{1} << 24);
    EmbedJob job(options.source, table, options.output, own);
    if (job.was_done()) return say_finished(job, options.output.out, out);
    if (!job.run(out)) return 130;
    print_pair(out, job.input());
    try {
        return run_and_write(options, table, job, claims, watch, out);
    } catch (const Interrupted&) {
        job.print_kept(out);
        return 130;
    }
}

}  // namespace

Command scaled_command() {
    return make_command(
        "scaled",
        "the experiments of the paper on a language model: embed, train its last layer, judge",
        run_scaled);
}

}  // namespace prefdyn
