#include <algorithm>
#include <iomanip>
#include <iostream>

#include "bench/bench.hpp"
#include "experiments/program/cores.hpp"
#include "experiments/program/guard.hpp"
#include "experiments/program/option_pages.hpp"
#include "sim/base/freed_memory.hpp"

namespace prefdyn::bench {

namespace {

const std::vector<Benchmark>& benchmarks() {
    static const std::vector<Benchmark> all = {
        margin_pass_benchmark(), engines_benchmark(),   heads_benchmark(),    mixture_benchmark(),
        sweep_benchmark(),       embedding_benchmark(), training_benchmark(), claims_benchmark()};
    return all;
}

int print_list(std::ostream& out) {
    for (const Benchmark& each : benchmarks())
        out << std::left << std::setw(14) << each.name << std::setw(15)
            << (each.flag.empty() ? "no flag" : each.flag) << each.summary << "\n";
    return 0;
}

int print_help(std::ostream& out) {
    BenchOptions options;
    ParameterTable table;
    declare(table, options);
    out << "usage: prefdyn-bench [options]: time the units of prefdyn\n\n"
        << options_help(table.parameters());
    return 0;
}

/// Those that the flags ask for; without any, those that have none.
std::vector<Benchmark> chosen(const BenchOptions& options) {
    std::vector<Benchmark> asked, plain;
    for (const Benchmark& each : benchmarks())
        if (each.flag.empty())
            plain.push_back(each);
        else if (options.*each.asked)
            asked.push_back(each);
    return asked.empty() ? plain : asked;
}

int run(const std::vector<std::string>& arguments, std::ostream& out) {
    if (std::ranges::count(arguments, "--help") > 0) return print_help(out);
    BenchOptions options;
    ParameterTable table;
    declare(table, options);
    table.parse(arguments);
    if (options.list) return print_list(out);
    options.device = apply(options.machine);
    const auto all = chosen(options);
    Report report(out, all.size());
    for (const Benchmark& each : all) {
        if (all.size() > 1) report.out() << "-- " << each.name << "\n" << std::flush;
        report.begin(each.name);
        each.run(report, options);
        report.end_one();
    }
    if (report.missed() > 0)
        report.out() << report.missed() << (report.missed() == 1 ? " goal" : " goals")
                     << " missed\n";
    return options.strict && report.missed() > 0 ? 1 : 0;
}

}  // namespace

}  // namespace prefdyn::bench

int main(int argc, char** argv) {
    prefdyn::prepare_threads(argv);
    prefdyn::keep_freed_memory();
    prefdyn::take_signals();
    return prefdyn::leave("prefdyn-bench", prefdyn::guarded("prefdyn-bench", std::cerr, [&] {
                              return prefdyn::bench::run({argv + 1, argv + argc}, std::cout);
                          }));
}
