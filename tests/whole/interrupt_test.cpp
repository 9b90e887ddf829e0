// Signals to the real executable: exit code 130 and nothing on disk.
#include <doctest/doctest.h>
#include <signal.h>

#include <chrono>
#include <fstream>
#include <thread>

#include "tests/support/process_support.hpp"
#include "tests/support/support.hpp"

namespace prefdyn::test {

namespace {

/// Whether the process has a handler for the signal yet.
bool catches(pid_t process, int number) {
    std::ifstream status("/proc/" + std::to_string(process) + "/status");
    for (std::string key; status >> key;)
        if (key == "SigCgt:") {
            std::uint64_t mask = 0;
            status >> std::hex >> mask;
            return (mask >> (number - 1)) & 1;
        }
    return false;
}

}  // namespace

TEST_CASE("SIGINT and SIGTERM end verify with 130 and leave nothing behind") {
    for (const int number : {SIGINT, SIGTERM}) {
        const TemporaryDirectory folder;
        const pid_t child = start({"verify", "--full", "--out", folder / "x.h5"});
        REQUIRE(child > 0);
        for (int tries = 0; tries < 600 && !catches(child, number); ++tries)
            std::this_thread::sleep_for(std::chrono::milliseconds(100));
        std::this_thread::sleep_for(std::chrono::milliseconds(500));
        REQUIRE(kill(child, number) == 0);
        CHECK(exit_code(child) == 130);
        CHECK(std::filesystem::is_empty(std::filesystem::path(folder / "x.h5").parent_path()));
    }
}

}  // namespace prefdyn::test
