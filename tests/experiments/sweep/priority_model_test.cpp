// Sweeps of two behaviours with losses other than DPO's: what their points say, and what they must
// not say.
#include <doctest/doctest.h>

#include <cmath>
#include <fstream>
#include <map>

#include "experiments/sweep/merge.hpp"
#include "experiments/sweep/runner.hpp"
#include "sim/base/hdf5_file.hpp"
#include "tests/support/embed_support.hpp"
#include "tests/support/process_support.hpp"
#include "theory/claim.hpp"

using namespace prefdyn;
using namespace prefdyn::sweep;
using test::contains;
using theory::Status;

namespace {

Spec spec_of(const std::string& loss) {
    return parse_spec(
        "experiment = priority\nloss = " + loss +
            "\nsamples = 200\ndimension = 6\nangle = 30, 120\nbeta = 0.3\neta-kappa = 0.02\n"
            "steps = 20\nrecords = 6\n",
        "test");
}

/// One point's numbers by name; curves as long as they are.
std::map<std::string, std::vector<double>> numbers(const Spec& spec, const PointRecord& point) {
    std::map<std::string, std::vector<double>> out;
    const double* from = point.values.data();
    for (const Measure& m : spec.measures()) {
        const std::size_t length = m.axis == MeasureAxis::kRecord ? spec.records : 1;
        out[m.name].assign(from, from + length);
        from += length;
    }
    return out;
}

/// -2 phi'(0) of the loss, by hand: DPO -1/2; discopop at tau = 0.05 the blend's slope, which
/// rises.
double pull_at_zero(const std::string& loss) {
    const double slope = loss == "sigmoid" ? -0.5 : (1.0 - std::log(2.0)) / (4.0 * 0.05) - 0.75;
    return -2.0 * slope;
}

}  // namespace

TEST_CASE("priority sweeps: margins start with -2 phi'(0) beta^2 ||bbar|| P_k, its sign included") {
    for (const std::string loss : {"sigmoid", "discopop"}) {
        CAPTURE(loss);
        const Spec spec = spec_of(loss);
        const PointRunner run(spec, Device::kCpu);
        for (std::size_t point = 0; point < spec.size(); ++point) {
            const auto record = run({&point, 1}).front();
            REQUIRE(record.reason == "");
            auto got = numbers(spec, record);
            const double level[] = {got["level_1"][0], got["level_2"][0]};
            const double length = 0.5 * (level[0] + level[1]);  // sum q_k P_k = ||bbar||
            const double time = got["time"][1];
            REQUIRE(time > 0.0);
            for (const int k : {0, 1}) {
                const double margin = got[k == 0 ? "margin_1" : "margin_2"][1];
                const double want = pull_at_zero(loss) * 0.3 * 0.3 * length * level[k] * time;
                CHECK(std::fabs(margin - want) <= 1e-10 * std::fabs(want));
            }
            // A loss that rises at 0 un-learns the longer behaviour first.
            const double lead = got["margin_1"][1] - got["margin_2"][1];
            CHECK((lead > 0.0) == ((level[0] > level[1]) == (loss == "sigmoid")));
            const auto status = [&](const char* claim) {
                return static_cast<Status>(
                    static_cast<int>(got[std::string(claim) + "_status"][0]));
            };
            CHECK(status("T8a") == Status::kHolds);
            CHECK(status("T8c") == Status::kHolds);
            CHECK(status("T8d") == Status::kHolds);
            CHECK(status("T8b") == (loss == "sigmoid" ? Status::kHolds : Status::kNotApplicable));
        }
    }
}

TEST_CASE("priority sweeps: the hinge has no kappa, and no point of it counts as trained") {
    const test::TemporaryDirectory dir;
    const Spec spec = spec_of("hinge");
    std::ofstream(dir / "s.ini") << spec.canonical();
    const auto swept = test::command({"sweep", dir / "s.ini", "--out", dir / "s"});
    CHECK(swept.code == 2);
    CHECK(contains(swept.out, "2 now, 2 of these failed"));
    const FolderState state = folder_state(dir / "s", spec);
    CHECK(state.finished == 0);
    CHECK(state.failed == 2);
    REQUIRE(state.reasons.size() == 1);
    CHECK(contains(state.reasons.begin()->first, "hinge has no finite smoothness kappa"));
    for (const ClaimOutcomes& claim : state.claims)
        for (const std::size_t points : claim.points) CHECK(points == 0);
    REQUIRE(test::command({"merge", dir / "s", "-o", dir / "s.h5"}).code == 0);
    const h5::Reader file(dir / "s.h5");
    CHECK(file.numbers("point_status") == std::vector<double>{2.0, 2.0});
    for (const Measure& m : spec.measures())
        for (const double value : file.numbers(m.name)) CHECK(std::isnan(value));
}
