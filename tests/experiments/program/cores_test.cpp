#include "experiments/program/cores.hpp"

#include <doctest/doctest.h>

#include <fstream>

#include "tests/support/support.hpp"

using namespace prefdyn;

namespace {

void write(const std::filesystem::path& path, const std::string& text) {
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
}

}  // namespace

TEST_CASE("a quota is rounded up, and those of the groups above count") {
    const test::TemporaryDirectory folder;
    const std::filesystem::path root = folder / "groups";
    const auto cores = [&](const std::string& self) { return cores_of_quota(self, root); };
    CHECK(!cores("0::/\n"));
    write(root / "a/b/cpu.max", "250000 100000\n");
    CHECK(cores("0::/a/b\n") == 3);
    write(root / "a/cpu.max", "50000 100000\n");
    CHECK(cores("0::/a/b\n") == 1);
    CHECK(!cores("0::/c\n"));
    write(root / "cpu.max", "max 100000\n");
    CHECK(!cores("0::/c\n"));
    write(root / "cpu.max", "800000 100000\n");
    CHECK(cores("0::/c\n") == 8);
    CHECK(!cores("not a line of it\n12:memory:/c\n"));
}

TEST_CASE("version 1 has a folder for the controller") {
    const test::TemporaryDirectory folder;
    const std::filesystem::path root = folder / "groups";
    write(root / "cpu/x/cpu.cfs_quota_us", "400000\n");
    write(root / "cpu/x/cpu.cfs_period_us", "100000\n");
    CHECK(cores_of_quota("3:cpuset:/x\n4:cpu,cpuacct:/x\n", root) == 4);
    write(root / "cpu/x/cpu.cfs_quota_us", "-1\n");
    CHECK(!cores_of_quota("4:cpu,cpuacct:/x\n", root));
}

TEST_CASE("threads of the program wait asleep unless it is told otherwise") {
    const test::TemporaryDirectory folder;
    const auto said = [&](const std::string& setting) {
        const std::string file = folder / "said";
        const std::string command = "env -u OMP_WAIT_POLICY OMP_DISPLAY_ENV=true " + setting + " " +
                                    PREFDYN_EXECUTABLE + " claims > /dev/null 2> " + file;
        REQUIRE(std::system(command.c_str()) == 0);
        std::ifstream in(file);
        return std::string(std::istreambuf_iterator<char>(in), {});
    };
    CHECK(said("").find("OMP_WAIT_POLICY = 'PASSIVE'") != std::string::npos);
    CHECK(said("OMP_WAIT_POLICY=active").find("OMP_WAIT_POLICY = 'ACTIVE'") != std::string::npos);
}
