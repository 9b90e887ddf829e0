#include <omp.h>
#include <unistd.h>

#include <cstdlib>
#include <iomanip>
#include <ostream>
#include <sstream>

#include "experiments/commands/command.hpp"
#include "experiments/commands/sweep_print.hpp"
#include "experiments/program/machine_options.hpp"
#include "experiments/program/stop_guard.hpp"
#include "experiments/sweep/runner.hpp"
#include "sim/base/failure.hpp"

namespace prefdyn {

namespace {

struct SweepOptions {
    std::string spec, out, shard = "1/1";
    bool dry_run = false, yes = false, keep_data = false;
    MachineOptions machine;
};

void declare(ParameterTable& t, SweepOptions& o) {
    t.text("spec", &o.spec, "what is varied (docs/sweeps.md)", true);
    t.positional();
    t.text("out", &o.out, "folder of the sweep; one that exists is gone on with");
    t.text("shard", &o.shard, "I/N: every N-th point from the I-th on");
    t.flag("dry-run", &o.dry_run, "print the number of points, their time, memory and output");
    t.flag("yes", &o.yes, "run more than a million points");
    declare_keep_data(t, o.keep_data);
    declare(t, o.machine);
}

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

constexpr int kInterrupted = 130;

/// Ends the process with points still in flight; what it publishes is complete at any time.
[[noreturn]] void leave(std::ostream& out, int code) { _exit(out.flush() ? code : 3); }

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
    print_eta(out, e.eta);
}

void print_count(std::ostream& out, const sweep::SweepCount& count, sweep::Shard shard) {
    print_damaged(out, count.damaged);
    out << (count.interrupted ? "interrupted: " : "") << count.points << " points in shard "
        << shard.index << "/" << shard.count << ", " << count.found << " finished before, "
        << count.done << " now, " << count.failed << " of these failed"
        << (count.interrupted ? "; the same call goes on from there\n" : "\n");
    print_reasons(out, "failed", count.reasons);
    print_reasons(out, "the machine failed, the same call computes again", count.machine);
    print_origins(out, count.origins);
}

/// The machine's failures first: what they left open nobody has judged.
int exit_code(const sweep::SweepCount& count) {
    if (count.again > 0 || !count.damaged.empty()) return 3;
    if (sweep::any_violated(count.claims)) return 1;
    return count.reasons.empty() ? 0 : 2;
}

/// PREFDYN_PUBLISH_SECONDS, for tests that kill: the least and the most time between segments.
sweep::RunPlan plan_of_environment() {
    sweep::RunPlan plan;
    const char* text = std::getenv("PREFDYN_PUBLISH_SECONDS");
    if (!text) return plan;
    double seconds = -1.0;
    if (!parse_number(text, seconds) || !(seconds >= 0.0))
        throw InputError("PREFDYN_PUBLISH_SECONDS: '" + std::string(text) +
                         "' is not a time in seconds");
    plan.publish_seconds = plan.most_publish_seconds = seconds;
    return plan;
}

int run_sweep(SweepOptions& options, const ParameterTable&, std::ostream& out) {
    const Device device = apply(options.machine);
    sweep::Spec spec = sweep::read_spec(options.spec);
    if (options.keep_data) sweep::keep_data(spec);
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
        if (!failure.empty()) leave(out << "interrupted, and " << failure << "\n", 3);
        print_count(out, count, shard);
        leave(out, kInterrupted);
    };
    const sweep::SweepCount count = sweep::run_shard(spec, options.out, shard, plan);
    print_count(out, count, shard);
    if (count.interrupted) return kInterrupted;
    print_outcomes(out, count.claims);
    print_eta(out, count.eta);
    out << "prefdyn merge " << options.out << " -o FILE.h5 makes one file of all shards\n";
    return exit_code(count);
}

}  // namespace

Command sweep_command() {
    return make_command(
        "sweep",
        "run a grid or a design of points, here or a shard of it; goes on where it stopped",
        run_sweep);
}

}  // namespace prefdyn
