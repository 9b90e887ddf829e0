// sweep, merge, status and slurm.
#include <omp.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <iomanip>
#include <ostream>
#include <sstream>

#include "experiments/commands/commands.hpp"
#include "experiments/commands/options.hpp"
#include "experiments/program/stop_guard.hpp"
#include "experiments/sweep/folder.hpp"
#include "experiments/sweep/merge.hpp"
#include "experiments/sweep/runner.hpp"
#include "experiments/sweep/slurm.hpp"
#include "sim/base/failure.hpp"

namespace prefdyn {

namespace {

constexpr std::size_t kManyPoints = 1000000;

std::string duration(double seconds) {
    std::ostringstream out;
    out << std::setprecision(3);
    if (seconds < 120.0)
        out << seconds << " s";
    else if (seconds < 7200.0)
        out << seconds / 60.0 << " min";
    else
        out << seconds / 3600.0 << " h";
    return out.str();
}

std::string megabytes(double bytes) {
    std::ostringstream out;
    out << std::setprecision(3) << bytes / 1048576.0 << " MiB";
    return out.str();
}

void require_sane_size(const sweep::Spec& spec, bool yes) {
    if (spec.size() > kManyPoints && !yes)
        throw InputError("the sweep has " + std::to_string(spec.size()) + " points",
                         "--dry-run says what they cost; --yes runs them");
}

void print_shape(std::ostream& out, const sweep::Spec& spec) {
    out << "sweep " << spec.id() << ": " << spec.size() << " points";
    const auto shape = spec.shape();
    out << " (";
    for (std::size_t k = 0; k < shape.size(); ++k) {
        if (k > 0) out << " x ";
        out << shape[k];
        if (k + 1 == shape.size())
            out << (shape[k] == 1 ? " replicate" : " replicates");
        else if (spec.design != sweep::Design::kGrid)
            out << " design points";
        else
            out << " " << spec.axes[k].keys.front();
    }
    out << ")\n";
}

constexpr int kInterrupted = 130;

/// Ends the process with points still in flight; what it publishes is complete at any time.
[[noreturn]] void leave(std::ostream& out, int code) {
    out << std::flush;
    _exit(code);
}

void dry_run(std::ostream& out, const sweep::Spec& spec, sweep::Shard shard, Device device) {
    print_shape(out, spec);
    const StopGuard guard([] {}, [&] { leave(out << "interrupted\n", kInterrupted); });
    const sweep::SweepEstimate e = sweep::estimate(spec, device, 5.0);
    const auto mine = static_cast<double>((spec.size() + shard.count - shard.index) / shard.count);
    const double threads = omp_get_max_threads();
    out << "this shard: " << mine << " points, about "
        << duration(mine * e.seconds_a_point / threads) << " on " << threads << " threads ("
        << duration(e.seconds_a_point) << " a point, from " << e.tried << " tried)\n"
        << "memory: about " << megabytes(threads * e.bytes_a_point) << " beside the program\n"
        << "output: " << e.output_bytes << " bytes a point, "
        << megabytes(static_cast<double>(e.output_bytes) * static_cast<double>(spec.size()))
        << " merged\n";
}

void print_damaged(std::ostream& out, const std::vector<std::string>& damaged) {
    for (const std::string& what : damaged) out << "damaged, left out: " << what << "\n";
}

void print_state(std::ostream& out, const sweep::FolderState& s) {
    out << s.finished << " of " << s.points << " points finished, " << s.failed << " failed, "
        << s.points - s.finished - s.failed << " missing; " << s.segments << " segments\n";
    for (const auto& [reason, count] : s.reasons)
        out << "failed: " << count << (count == 1 ? " point: " : " points: ") << reason << "\n";
    constexpr std::size_t kShown = 10;
    for (std::size_t k = 0; k < std::min(s.missing.size(), kShown); ++k)
        out << "missing: points " << s.missing[k].first << " to " << s.missing[k].second << "\n";
    if (s.missing.size() > kShown)
        out << "missing: " << s.missing.size() - kShown << " more ranges\n";
    if (s.unfinished > 0)
        out << "segments a worker died writing, or writes now: " << s.unfinished << "\n";
    for (const std::string& path : s.foreign) out << "not a segment, ignored: " << path << "\n";
    print_damaged(out, s.damaged);
}

/// `-o FILE` as the usual short form of --out.
std::vector<std::string> with_long_out(std::vector<std::string> arguments) {
    std::replace(arguments.begin(), arguments.end(), std::string("-o"), std::string("--out"));
    return arguments;
}

}  // namespace

namespace {

void print_count(std::ostream& out, const sweep::SweepCount& count, sweep::Shard shard) {
    print_damaged(out, count.damaged);
    out << (count.interrupted ? "interrupted: " : "") << count.points << " points in shard "
        << shard.index << "/" << shard.count << ", " << count.found << " finished before, "
        << count.done << " now, " << count.failed << " of these failed"
        << (count.interrupted ? "; the same call goes on from there\n" : "\n");
}

/// PREFDYN_PUBLISH_SECONDS, for tests that kill: the least and the most time between segments.
sweep::RunPlan plan_of_environment() {
    sweep::RunPlan plan;
    const char* text = std::getenv("PREFDYN_PUBLISH_SECONDS");
    if (!text) return plan;
    const std::string_view all = text;
    double seconds = -1.0;
    const auto got = std::from_chars(all.data(), all.data() + all.size(), seconds);
    if (got.ec != std::errc() || got.ptr != all.data() + all.size() || !(seconds >= 0.0))
        throw InputError("PREFDYN_PUBLISH_SECONDS: '" + std::string(all) +
                         "' is not a time in seconds");
    plan.publish_seconds = plan.most_publish_seconds = seconds;
    return plan;
}

}  // namespace

int sweep_command(const std::vector<std::string>& arguments, std::ostream& out) {
    SweepOptions options;
    ParameterTable table;
    declare(table, options);
    table.parse(arguments);
    const Device device = apply(options.machine);
    const sweep::Spec spec = sweep::read_spec(options.spec);
    const sweep::Shard shard = sweep::parse_shard(options.shard);
    if (options.dry_run) return dry_run(out, spec, shard, device), 0;
    require_sane_size(spec, options.yes);
    if (options.out.empty())
        throw InputError("missing option --out (folder of the sweep)", "--dry-run needs none");
    sweep::prepare_folder(options.out, spec);
    print_shape(out, spec);
    sweep::RunPlan plan = plan_of_environment();
    plan.device = device;
    plan.overdue = [&](const sweep::SweepCount& count, const std::string& failure) {
        if (!failure.empty()) leave(out << "interrupted, and " << failure << "\n", 2);
        print_count(out, count, shard);
        leave(out, kInterrupted);
    };
    const sweep::SweepCount count = sweep::run_shard(spec, options.out, shard, plan);
    print_count(out, count, shard);
    if (count.interrupted) return kInterrupted;
    out << "prefdyn merge " << options.out << " -o FILE.h5 makes one file of all shards\n";
    return count.damaged.empty() ? 0 : 1;
}

int merge_command(const std::vector<std::string>& arguments, std::ostream& out) {
    MergeOptions options;
    ParameterTable table;
    declare(table, options);
    table.parse(with_long_out(arguments));
    const sweep::Spec spec = sweep::spec_of_folder(options.folder);
    require_writable(options.out, options.force);
    const sweep::FolderState state = sweep::merge(options.folder, spec, options.out);
    print_state(out, state);
    out << "wrote " << options.out << "\n";
    return state.damaged.empty() ? 0 : 1;
}

int status_command(const std::vector<std::string>& arguments, std::ostream& out) {
    std::string folder;
    ParameterTable table;
    declare_status(table, folder);
    table.parse(arguments);
    const sweep::Spec spec = sweep::spec_of_folder(folder);
    print_shape(out, spec);
    const sweep::FolderState state = sweep::folder_state(folder, spec);
    print_state(out, state);
    return state.damaged.empty() ? 0 : 1;
}

int slurm_command(const std::vector<std::string>& arguments, std::ostream& out) {
    sweep::SlurmOptions options;
    ParameterTable table;
    declare(table, options);
    table.parse(arguments);
    sweep::read_spec(options.spec);
    if (options.out.empty()) throw InputError("--out is empty", "name the folder of the sweep");
    out << sweep::slurm_script(options);
    return 0;
}

}  // namespace prefdyn
