// What is made of a probe: which device is taken, what is said, and how a command ends.
#include "sim/device.hpp"

#include <doctest/doctest.h>

#include "tests/support.hpp"

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

}  // namespace

TEST_CASE("auto takes a card that works and says why it leaves one that does not") {
    const DeviceChoice good = choose_device(Device::kAuto, kGood);
    CHECK(good.gpu);
    CHECK(good.note.empty());
    const DeviceChoice none = choose_device(Device::kAuto, kNone);
    CHECK_FALSE(none.gpu);
    CHECK(none.note.empty());
    const DeviceChoice full = choose_device(Device::kAuto, kFull);
    CHECK_FALSE(full.gpu);
    CHECK(contains(full.note, kFull.problem));
    CHECK_FALSE(contains(full.note, "\n"));
}

TEST_CASE(
    "a card asked for is bad input where there is none, a fault of the machine where it fails") {
    CHECK(choose_device(Device::kCuda, kGood).gpu);
    CHECK_THROWS_AS(choose_device(Device::kCuda, kFull), DeviceError);
    CHECK(contains(test::input_error([] { choose_device(Device::kCuda, kFull); }), kFull.problem));
    bool fault = false;
    try {
        choose_device(Device::kCuda, kNone);
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
        CHECK_FALSE(choose_device(Device::kCpu, any).gpu);
        CHECK(choose_device(Device::kCpu, any).note.empty());
    }
}

TEST_CASE("a probe of this machine is usable or says why not") {
    const GpuProbe here = probe_gpu();
    CHECK(here.usable == here.problem.empty());
    CHECK_FALSE((here.usable && here.failed));
}
