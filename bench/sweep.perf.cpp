// Points of a sweep, beside numpy and torch programs that train as many heads at once.

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <optional>

#include "bench/bench.hpp"
#include "experiments/sweep/runner.hpp"
#include "sim/base/failure.hpp"

namespace prefdyn::bench {

namespace {

constexpr std::size_t kRepetitions = 5;
constexpr int kPeerPoints = 100;

/// (n, d) = (200, 64), 500 full-batch steps.
std::string spec_text(Index records, const std::string& claims, Index points) {
    return "samples = 200\ndimension = 64\nsteps = 500\nrecords = " + std::to_string(records) +
           "\nreplicates = " + std::to_string(points) + "\n" + claims;
}

/// Milliseconds of this thread a point, sampling, training and judging together.
double own_milliseconds(const sweep::Spec& spec) {
    const sweep::PointRunner run(spec, Device::kCpu);
    const auto now = [] {
        timespec t{};
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
        return static_cast<double>(t.tv_sec) * 1e3 + static_cast<double>(t.tv_nsec) * 1e-6;
    };
    const double begin = now();
    for (std::size_t point = 0; point < spec.size(); ++point) run({&point, 1});
    return (now() - begin) / static_cast<double>(spec.size());
}

/// What tests/oracle/time_sweep.py prints; none where it cannot run.
std::optional<double> peer_milliseconds(const BenchOptions& o, const std::string& library,
                                        int threads) {
    if (o.peers.find('\'') != o.peers.npos || o.python.find('\'') != o.python.npos)
        throw InputError("peers and python are paths without quotation marks");
    const std::string call = "'" + o.python + "' '" + o.peers + "' " + library + " " +
                             std::to_string(kPeerPoints) + " " + std::to_string(threads) +
                             " 2> /dev/null";
    std::FILE* const out = popen(call.c_str(), "r");
    if (!out) return std::nullopt;
    double value = 0.0;
    const bool read = std::fscanf(out, "%lf", &value) == 1;
    return pclose(out) == 0 && read ? std::optional(value) : std::nullopt;
}

/// Of an odd number of values.
double middle(std::vector<double> x) {
    std::nth_element(x.begin(), x.begin() + static_cast<std::ptrdiff_t>(x.size() / 2), x.end());
    return x[x.size() / 2];
}

struct Peer {
    std::string library;
    int threads;
    Goal goal;  ///< of peer / prefdyn with 2 records, by medians
    std::vector<double> milliseconds = {};
    std::string name() const {
        return library + ", " + std::to_string(threads) + (threads == 1 ? " thread" : " threads");
    }
};

void report_times(Report& report, const std::string& what, const std::vector<double>& x) {
    report.line(what + ", least", *std::min_element(x.begin(), x.end()), "ms");
    report.line(what + ", median", middle(x), "ms");
}

void run(Report& report, const BenchOptions& o) {
    const sweep::Spec few =
        sweep::parse_spec(spec_text(2, "claims = T1\n", o.sweep_points), "--sweep");
    const sweep::Spec many = sweep::parse_spec(spec_text(50, "", o.sweep_points), "--sweep");
    std::vector<Peer> peers = {{"numpy", 1, at_least(2.0)},
                               {"torch", 1, at_least(7.0)},
                               {"numpy", 2, {}},
                               {"torch", 2, {}}};
    std::vector<double> own_few, own_many;
    for (std::size_t k = 0; k < kRepetitions; ++k) {
        stop_if_requested();
        own_few.push_back(own_milliseconds(few));
        own_many.push_back(own_milliseconds(many));
        for (Peer& peer : peers)
            if (const auto time = peer_milliseconds(o, peer.library, peer.threads))
                peer.milliseconds.push_back(*time);
    }
    report_times(report, "a point, 2 records and T1", own_few);
    report_times(report, "a point, 50 records and all claims", own_many);
    for (const Peer& peer : peers) {
        if (peer.milliseconds.size() < kRepetitions) {
            report.out() << peer.name() << ": cannot run here (--python, --peers)\n";
            continue;
        }
        report_times(report, peer.name(), peer.milliseconds);
        report.line(peer.name() + " / prefdyn, 2 records",
                    middle(peer.milliseconds) / middle(own_few), "x", peer.goal);
    }
}

}  // namespace

Benchmark sweep_benchmark() {
    return {"sweep", "--sweep", &BenchOptions::sweep,
            "points of a sweep by processor time, beside batched numpy and torch programs", run};
}

}  // namespace prefdyn::bench
