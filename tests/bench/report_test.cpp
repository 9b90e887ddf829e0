#include "bench/report.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "tests/support/support.hpp"

namespace prefdyn::test {

using namespace bench;

namespace {

std::string content(const std::string& path) {
    std::ifstream in(path);
    return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

TEST_CASE("a goal is met on its own side only, and never by NaN") {
    CHECK(at_least(0.7).met(0.7));
    CHECK(!at_least(0.7).met(0.699));
    CHECK(at_most(4.0).met(4.0));
    CHECK(!at_most(4.0).met(4.001));
    CHECK(!at_least(0.7).met(std::nan("")));
    CHECK(!at_most(0.7).met(std::nan("")));
    CHECK(Goal{}.met(1e300));
}

TEST_CASE("a line says whether its goal is met, and the report counts those that are not") {
    std::ostringstream out;
    Report report(out, 1);
    report.line("ratio", 0.8, "x", at_least(0.7), "of two");
    report.line("memory", 5.0, "GiB", at_most(4.0));
    report.line("rate", 2.0, "GB/s", "two threads");
    const std::string text = out.str();
    CHECK(contains(text, "met, goal >= 0.7; of two\n"));
    CHECK(contains(text, "MISSED, goal <= 4\n"));
    CHECK(contains(text, "GB/s    two threads\n"));
    CHECK(report.missed() == 1);
}

TEST_CASE("prefdyn-bench lists what it times, and says met or MISSED beside each goal") {
    const TemporaryDirectory folder;
    const std::string small =
        " --vocabulary 20 --dimension 8 --samples 30 --batch 8 --steps 3"
        " --dense-steps 1 --large-samples 64 --threads 1 --device cpu";
    const auto run = [&](const std::string& arguments) {
        const std::string call = std::string(PREFDYN_BENCH_EXECUTABLE) + arguments + " > " +
                                 (folder / "out") + " 2> " + (folder / "err");
        return std::system(call.c_str()) >> 8;
    };
    CHECK(run(" --list") == 0);
    for (const char* name :
         {"margin_pass", "engines", "heads", "mixture", "sweep", "embedding", "training"})
        CHECK_MESSAGE(contains(content(folder / "out"), name), name);
    CHECK(run(small) == 0);
    const std::string text = content(folder / "out");
    CHECK(contains(text, "-- engines"));
    CHECK(content(folder / "err").empty());  // a log is no terminal
    CHECK((contains(text, "met, goal >= 0.7") || contains(text, "MISSED, goal >= 0.7")));
    const int strict = run(small + " --strict");
    CHECK(strict == (contains(content(folder / "out"), "missed\n") ? 1 : 0));
    setenv("PREFDYN_PROGRESS", "lines", 1);
    run(small);
    unsetenv("PREFDYN_PROGRESS");
    CHECK(contains(content(folder / "err"), "progress: bench 0/2\n"));
    CHECK(contains(content(folder / "err"), "progress: bench 2/2\n"));
    CHECK(run(" --heads 0") == 2);
    CHECK(contains(content(folder / "err"), "prefdyn-bench: command line: --heads = '0'"));
}

}  // namespace prefdyn::test
