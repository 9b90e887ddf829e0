#include <algorithm>
#include <ostream>

#include "experiments/commands/command.hpp"
#include "experiments/embed/embed_job.hpp"
#include "experiments/results/provenance.hpp"
#include "sim/base/stopwatch.hpp"

namespace prefdyn {

namespace {

struct EmbedCommandOptions {
    EmbedSource source;
    OutputOptions output;
};

void declare(ParameterTable& t, EmbedCommandOptions& o) {
    declare(t, o.source);
    declare(t, o.output);
}

FileAttributes file_attributes(const EmbedJob& job, const ParameterTable& table, double seconds,
                               Device device) {
    FileAttributes out = {{"title", "prefdyn embed"}};
    const auto add = [&](const auto& more) { out.insert(out.end(), more.begin(), more.end()); };
    add(job.attributes());
    out.emplace_back("options", table.values());
    add(provenance(device));
    out.emplace_back("wall_seconds", format_real(seconds));
    return out;
}

void print_behaviours(std::ostream& out, const EmbedInput& input) {
    for (const auto& b : input.behaviours) {
        const auto plus = std::count(b.label.begin(), b.label.end(), std::int8_t{1});
        out << "  " << b.name << ": " << b.prompts.size() << " prompts, " << plus
            << " with the first answer chosen";
        if (b.filtered > 0) out << ", " << b.filtered << " filtered";
        if (b.truncated > 0) out << ", " << b.truncated << " truncated";
        out << "\n";
    }
}

int run_embed(EmbedCommandOptions& options, const ParameterTable& table, std::ostream& out) {
    const Device device = options.source.arithmetic.device = apply(options.output.machine);
    EmbedJob job(options.source, table, options.output);
    if (job.was_done()) {
        job.finish_late();
        out << "nothing to do: the same embedding is finished, in " << options.output.out << "\n";
        return 0;
    }
    const Stopwatch watch;
    if (!job.run(out)) return 130;
    job.write(options.output.out, file_attributes(job, table, watch.seconds(), device));
    job.finish();
    print_behaviours(out, job.input());
    out << "wrote " << options.output.out << "\n";
    return 0;
}

}  // namespace

Command embed_command() {
    return make_command(
        "embed",
        "embed preference data with a language model: a feature file for verify and simulate",
        run_embed);
}

}  // namespace prefdyn
