// What is made of a probe: which device is taken, what is said, and how a command ends.
#include "sim/cuda/device.hpp"

#include <doctest/doctest.h>

#include <fstream>
#include <sstream>

#include "tests/support/process_support.hpp"
#include "tests/support/support.hpp"

using namespace prefdyn;
using test::contains;

namespace {

GpuProbe probe(bool usable, bool failed, const std::string& problem) {
    GpuProbe out;
    out.usable = usable;
    out.failed = failed;
    out.problem = problem;
    return out;
}

const GpuProbe kGood = probe(true, false, "");
const GpuProbe kNone = probe(false, false, "there is no CUDA card on this machine");
const GpuProbe kFull = probe(false, true, "NVIDIA X: no memory is left");

#ifdef PREFDYN_FAKE_DRIVER

struct Ended {
    int code;
    std::string printed;
};

/// A short `prefdyn simulate` on a machine whose driver gives the error `result` (CUresult).
Ended simulate(int result, const std::string& device) {
    const test::TemporaryDirectory folder;
    const std::string log = folder / "log";
    const pid_t child = test::start_program(
        "/usr/bin/env",
        {"LD_LIBRARY_PATH=" PREFDYN_FAKE_DRIVER, "PREFDYN_FAKE_CUDA=" + std::to_string(result),
         PREFDYN_EXECUTABLE, "simulate", "--samples", "20", "--dimension", "2", "--steps", "5",
         "--device", device, "--out", folder / "x.h5"},
        log);
    const int code = test::exit_code(child);
    std::ostringstream printed;
    printed << std::ifstream(log).rdbuf();
    return {code, printed.str()};
}

constexpr int kOutOfMemory = 2, kNoDevice = 100;

#endif

}  // namespace

TEST_CASE("auto takes a card that works and says why it leaves one that does not") {
    const DeviceChoice good = choose_device(DeviceOption::kAuto, kGood);
    CHECK(good.device == Device::kCuda);
    CHECK(good.note.empty());
    const DeviceChoice none = choose_device(DeviceOption::kAuto, kNone);
    CHECK(none.device == Device::kCpu);
    CHECK(none.note.empty());
    const DeviceChoice full = choose_device(DeviceOption::kAuto, kFull);
    CHECK(full.device == Device::kCpu);
    CHECK(contains(full.note, kFull.problem));
    CHECK_FALSE(contains(full.note, "\n"));
}

TEST_CASE(
    "a card asked for is bad input where there is none, a fault of the machine where it fails") {
    CHECK(choose_device(DeviceOption::kCuda, kGood).device == Device::kCuda);
    CHECK_THROWS_AS(choose_device(DeviceOption::kCuda, kFull), DeviceError);
    CHECK(contains(test::machine_error([] { choose_device(DeviceOption::kCuda, kFull); }),
                   kFull.problem));
    bool fault = false;
    try {
        choose_device(DeviceOption::kCuda, kNone);
    } catch (const DeviceError&) {
        fault = true;
    } catch (const InputError& error) {
        CHECK(contains(error.what(), kNone.problem));
        CHECK(contains(error.hint(), "--device cpu"));
    }
    CHECK_FALSE(fault);
}

TEST_CASE("the processor is taken whatever a probe says") {
    for (const GpuProbe& any : {kGood, kNone, kFull}) {
        CHECK(choose_device(DeviceOption::kCpu, any).device == Device::kCpu);
        CHECK(choose_device(DeviceOption::kCpu, any).note.empty());
    }
}

TEST_CASE("a probe of this machine is usable or says why not") {
    const GpuProbe here = probe_gpu();
    CHECK(here.usable == here.problem.empty());
    CHECK_FALSE((here.usable && here.failed));
}

#ifdef PREFDYN_FAKE_DRIVER

TEST_CASE("a card that fails ends a command with 3, one that is not there with 2") {
    const Ended full = simulate(kOutOfMemory, "cuda");
    CHECK(full.code == 3);
    CHECK(contains(full.printed, "--device cuda"));
    CHECK(contains(full.printed, "out of memory"));
    CHECK(contains(full.printed, "nvidia-smi"));
    const Ended none = simulate(kNoDevice, "cuda");
    CHECK(none.code == 2);
    CHECK(contains(none.printed, "no CUDA card"));
}

TEST_CASE("auto goes on without a card that fails, and says so once") {
    const Ended full = simulate(kOutOfMemory, "auto"), none = simulate(kNoDevice, "auto");
    CHECK(full.code == none.code);
    CHECK(full.code <= 1);
    const std::string note = "prefdyn: the card is not used, the processor is: ";
    const std::size_t at = full.printed.find(note);
    REQUIRE(at != std::string::npos);
    CHECK(full.printed.find(note, at + 1) == std::string::npos);
    CHECK(contains(full.printed.substr(at, full.printed.find('\n', at) - at), "out of memory"));
    CHECK_FALSE(contains(none.printed, note));
}

#else

TEST_CASE("a command beside a card that fails") {
    test::skipped("a command beside a card that fails: built without CUDA");
}

#endif
