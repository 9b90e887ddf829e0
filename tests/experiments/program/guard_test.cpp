// Exit codes of the real executable, whoever ends it.
#include "experiments/program/guard.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <sstream>

#include "sim/base/failure.hpp"
#include "sim/lm/model/mapped_file.hpp"
#include "tests/support/process_support.hpp"
#include "tests/support/support.hpp"

using namespace prefdyn;
using test::contains;
using test::exit_code;

namespace {

std::string read_text(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

/// Standard output is `output`, standard error `said`.
int code_of(const std::vector<std::string>& call, const std::string& output,
            const std::string& said, const std::string& before = "true") {
    std::vector<std::string> shell = {
        "-c", before + "; exec \"$0\" \"$@\" > " + output + " 2> " + said, PREFDYN_EXECUTABLE};
    shell.insert(shell.end(), call.begin(), call.end());
    return exit_code(test::start_program("/bin/sh", shell));
}

}  // namespace

TEST_CASE("standard output that takes nothing is exit code 3, of every command that speaks") {
    const test::TemporaryDirectory dir;
    std::ofstream(dir / "s.ini") << "samples = 60\ndimension = 4\nsteps = 5\n";
    const std::vector<std::vector<std::string>> calls = {
        {"--help"},
        {"sweep", "--help"},
        {"docs", "options"},
        {"claims"},
        {"slurm", "--spec", dir / "s.ini", "--out", dir / "x", "--array", "4"},
        {"sweep", "--spec", dir / "s.ini", "--dry-run"},
        {"sweep", "--spec", dir / "s.ini", "--out", dir / "sweep"},
        {"status", dir / "sweep"},
        {"merge", dir / "sweep", "--out", dir / "m.h5"},
        {"simulate", "--samples", "60", "--dimension", "4", "--out", dir / "o.h5"}};
    for (const auto& call : calls) {
        CAPTURE(call[0]);
        CHECK(code_of(call, "/dev/full", dir / "said") == 3);
        CHECK(contains(read_text(dir / "said"), "standard output"));
        for (const char* made : {"m.h5", "o.h5"}) std::filesystem::remove(dir / made);
        CHECK(code_of(call, "/dev/null", dir / "said") == 0);
    }
}

TEST_CASE("a failure keeps its own code where standard output takes nothing") {
    const test::TemporaryDirectory dir;
    CHECK(code_of({"status", dir / "none"}, "/dev/full", dir / "said") == 2);
}

TEST_CASE("more threads than there can be: bad input or a failure of the machine, never 1") {
    const test::TemporaryDirectory dir;
    const std::vector<std::string> call = {"simulate", "--samples", "60", "--dimension",
                                           "4",        "--steps",   "5",  "--force",
                                           "--out",    dir / "o.h5"};
    for (const char* threads : {"99999", "2147483648", "4097"}) {
        CAPTURE(threads);
        const int code = code_of(call, "/dev/null", dir / "said",
                                 std::string("export OMP_NUM_THREADS=") + threads);
        CHECK((code == 2 || code == 0));  // 0: OpenMP took another number and said so
        CHECK(contains(read_text(dir / "said"), "OMP_NUM_THREADS"));
    }
    if (test::kSanitized) return test::skipped("sanitizers need address space of their own");
    auto many = call;
    many.insert(many.end(), {"--threads", "3000"});
    CHECK(code_of(many, "/dev/null", dir / "said", "ulimit -v 1000000") == 3);
    CHECK(contains(read_text(dir / "said"), "hread"));
}

TEST_CASE("failures become exit codes") {
    const auto code = [](auto failure) {
        std::ostringstream err;
        return guarded("test", err, [&]() -> int { throw failure; });
    };
    CHECK(code(InputError("x")) == 2);
    CHECK(code(MachineError("x")) == 3);
    CHECK(code(WriteError("x")) == 3);
    CHECK(code(std::bad_alloc()) == 3);
    CHECK(code(std::runtime_error("x")) == 3);
    CHECK(code(Interrupted()) == 130);
    std::ostringstream out, err;
    CHECK(checked_output("test", out, err, 0) == 0);
    out.setstate(std::ios::badbit);
    CHECK(checked_output("test", out, err, 0) == 3);
    CHECK(checked_output("test", out, err, 1) == 1);
}

TEST_CASE("what a message quotes is printable and not too long") {
    CHECK(printable("a\x1b[2Jb\tc\x7f") == "a\\x1b[2Jb\\x09c\\x7f");
    CHECK(printable("grün\nzwei") == "grün\nzwei");
    const std::string said = printable("first\n" + std::string(1000000, 'x') + "\nlast");
    CHECK(said.size() < 2000);
    CHECK(said.starts_with("first\nxxx"));
    CHECK(said.ends_with("xxx\nlast"));
    CHECK(contains(said, "(999200 more bytes)"));
    const test::TemporaryDirectory dir;
    std::ofstream(dir / "c.ini") << std::string(1000000, 'y') << " = \x1b[31m1\n";
    CHECK(code_of({"simulate", "--config", dir / "c.ini", "--out", dir / "o.h5"}, "/dev/null",
                  dir / "said") == 2);
    const std::string quoted = read_text(dir / "said");
    CHECK(quoted.size() < 5000);
    CHECK_FALSE(contains(quoted, "\x1b"));
}

TEST_CASE("a mapped file that is cut off while it is in use is exit code 3 with its name") {
    const test::TemporaryDirectory dir;
    const std::string path = dir / "weights", said = dir / "said";
    std::ofstream(path) << std::string(100000, 'x');
    const pid_t child = fork();
    if (child == 0) {
        if (!freopen(said.c_str(), "w", stderr)) _exit(1);
        take_signals();
        const transformer::MappedFile first(path), second(path);
        std::filesystem::resize_file(path, 0);
        volatile std::byte last = second.bytes().back();
        (void)last;
        _exit(0);
    }
    CHECK(exit_code(child) == 3);
    CHECK(contains(read_text(said), path + ": was cut off"));
}
