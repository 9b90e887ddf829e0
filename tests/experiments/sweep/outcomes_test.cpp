// How a sweep's points become outcomes and an exit code.
#include "experiments/sweep/outcomes.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <fstream>

#include "experiments/sweep/folder.hpp"
#include "tests/support/embed_support.hpp"
#include "tests/support/process_support.hpp"

using namespace prefdyn;
using namespace prefdyn::sweep;
using theory::Status;

namespace {

Spec three_points() {
    return parse_spec(
        "distinguishability = 1, 2, 3\nsamples = 20\ndimension = 3\nsteps = 4\n"
        "records = 3\nclaims = T1, T2b\n",
        "test");
}

/// A finished point whose claims came out so; everything else is 0.
PointRecord point(const Spec& spec, std::size_t number, Status t1, Status t2b) {
    PointRecord out{number, "id " + std::to_string(number), "", Row(spec.row_length(), 0.0)};
    std::size_t place = row_length(spec.experiment->measures, spec.records);
    for (const Status status : {t1, t2b}) {
        out.values[place] = static_cast<double>(status);
        place += claim_measures("T1").size();
    }
    return out;
}

PointRecord failed(const Spec& spec, std::size_t number) {
    return {number, "", "cannot be run", Row(spec.row_length(), kNan)};
}

std::vector<ClaimOutcomes> outcomes_of(const Spec& spec, const std::vector<PointRecord>& points) {
    OutcomeCounter counter(spec);
    for (const PointRecord& p : points) counter.add(p);
    return counter.take();
}

std::size_t count(const ClaimOutcomes& claim, Status status) {
    return claim.points[static_cast<std::size_t>(status)];
}

}  // namespace

TEST_CASE("every claim counts its own statuses, and failed points have none") {
    const Spec spec = three_points();
    const auto all =
        outcomes_of(spec, {point(spec, 0, Status::kHolds, Status::kVacuous),
                           point(spec, 1, Status::kUndecided, Status::kVacuous), failed(spec, 2)});
    REQUIRE(all.size() == 2);
    CHECK(all[0].claim == "T1");
    CHECK(all[1].claim == "T2b");
    CHECK(count(all[0], Status::kHolds) == 1);
    CHECK(count(all[0], Status::kUndecided) == 1);
    CHECK(count(all[1], Status::kVacuous) == 2);
    std::size_t counted = 0;
    for (const ClaimOutcomes& claim : all)
        for (const std::size_t points : claim.points) counted += points;
    CHECK(counted == 4);
    CHECK_FALSE(any_violated(all));
}

TEST_CASE("one violated point of one claim is enough") {
    const Spec spec = three_points();
    CHECK(any_violated(outcomes_of(spec, {point(spec, 0, Status::kHolds, Status::kHolds),
                                          point(spec, 1, Status::kHolds, Status::kViolated),
                                          point(spec, 2, Status::kHolds, Status::kHolds)})));
}

TEST_CASE("a sweep says that its learning rate differs from point to point, unless it is given") {
    const test::TemporaryDirectory dir;
    const std::string lines =
        "distinguishability = 1, 4\nsamples = 40\ndimension = 3\nsteps = 4\nrecords = 3\nclaims = "
        "T1\n";
    const std::string note = "note: eta is eta-kappa / kappa at every point, ";
    for (const auto& [name, more] :
         {std::pair{"free", ""}, {"given", "eta = 0.5\n"}, {"first", "eta = of first point\n"}}) {
        CAPTURE(name);
        const std::string ini = dir / (std::string(name) + ".ini"), folder = dir / name;
        std::ofstream(ini) << lines << more;
        const bool said = std::string(name) == "free";
        CHECK(test::contains(test::command({"sweep", ini, "--dry-run"}).out, note) == said);
        CHECK(test::contains(test::command({"sweep", ini, "--out", folder}).out, note) == said);
        CHECK(test::contains(test::command({"status", folder}).out, note) == said);
        const std::string merged = dir / (std::string(name) + ".h5");
        CHECK(test::contains(test::command({"merge", folder, "-o", merged}).out, note) == said);
        const auto eta = h5::Reader(merged).numbers("learning_rate");
        CHECK((eta[0] == eta[1]) == !said);
        if (said)
            CHECK(test::contains(h5::Reader(merged).text_attribute("learning_rates"),
                                 "column learning_rate"));
        if (std::string(name) == "given") CHECK(eta[0] == 0.5);
    }
    // The first point's own rate, to six digits.
    const auto own = h5::Reader(dir / "free.h5").numbers("learning_rate")[0];
    const auto first = h5::Reader(dir / "first.h5").numbers("learning_rate")[0];
    CHECK(first == doctest::Approx(own).epsilon(0.5));
    CHECK(first * 1e6 == doctest::Approx(std::round(first * 1e6)));
}

TEST_CASE("a violated point on disk: sweep, status and merge end with exit code 1") {
    const test::TemporaryDirectory dir;
    const Spec spec = three_points();
    const std::string folder = dir / "s", ini = folder + "/spec.ini";
    prepare_folder(folder, spec);
    std::vector<PointRecord> points;
    for (std::size_t k = 0; k < 3; ++k)
        points.push_back(
            point(spec, k, Status::kHolds, k == 1 ? Status::kViolated : Status::kHolds));
    write_segment(new_segment(folder, 1), spec, points);
    const std::vector<std::string> calls[] = {
        {"sweep", ini, "--out", folder}, {"status", folder}, {"merge", folder, "-o", dir / "s.h5"}};
    for (const auto& call : calls) {
        const auto got = test::command(call);
        CAPTURE(call.front());
        CHECK(got.code == 1);
        CHECK(test::contains(got.out, "violated"));
    }
}
