// What is said of a claim over many cases.
#include <doctest/doctest.h>

#include "experiments/verify/verify.hpp"

using namespace prefdyn;
using theory::Status;

namespace {

/// One claim about runs with these verdicts.
Verification verification(const std::vector<Status>& statuses) {
    Verification v;
    v.claims.push_back({"X1",
                        "made up",
                        "",
                        "",
                        theory::ClaimKind::kRigorous,
                        theory::Scope::kRun,
                        {},
                        [](const theory::Evidence&) { return std::vector<theory::Comparison>{}; }});
    for (const Status status : statuses) {
        theory::Verdict verdict;
        verdict.status = status;
        v.verdicts.push_back({verdict});
    }
    return v;
}

Status summary(const std::vector<Status>& statuses) {
    return verification(statuses).summaries().front().status;
}

}  // namespace

TEST_CASE("one violated case among many is never outvoted, and one undecided is said") {
    std::vector<Status> many(100, Status::kHolds);
    CHECK(summary(many) == Status::kHolds);
    many[41] = Status::kUndecided;
    CHECK(summary(many) == Status::kUndecided);
    CHECK(verification(many).as_expected());
    many[97] = Status::kViolated;
    CHECK(summary(many) == Status::kViolated);
    CHECK_FALSE(verification(many).as_expected());
}

TEST_CASE("what holds somewhere outweighs what says nothing elsewhere") {
    CHECK(summary({Status::kVacuous, Status::kHolds, Status::kNotApplicable}) == Status::kHolds);
    CHECK(summary({Status::kVacuous, Status::kNotApplicable}) == Status::kVacuous);
    CHECK(summary({Status::kNotApplicable}) == Status::kNotApplicable);
}

TEST_CASE("every status is counted by itself") {
    const auto row = verification({Status::kHolds, Status::kHolds, Status::kVacuous,
                                   Status::kUndecided, Status::kNotApplicable})
                         .summaries()
                         .front();
    CHECK(row.count(Status::kHolds) == 2);
    CHECK(row.count(Status::kVacuous) == 1);
    CHECK(row.count(Status::kUndecided) == 1);
    CHECK(row.count(Status::kNotApplicable) == 1);
    CHECK(row.count(Status::kViolated) == 0);
}

TEST_CASE("a control that is not caught is counted, and is not as expected") {
    Verification v = verification({Status::kHolds});
    ControlResult control{"X1", "one", "a fault", "", {}};
    control.verdict.status = Status::kViolated;
    v.controls = {control, control};
    CHECK(v.summaries().front().caught == 2);
    CHECK(v.as_expected());
    for (const Status status : {Status::kHolds, Status::kUndecided, Status::kNotApplicable}) {
        v.controls[1].verdict.status = status;
        CHECK(v.summaries().front().controls == 2);
        CHECK(v.summaries().front().caught == 1);
        CHECK_FALSE(v.as_expected());
    }
}

TEST_CASE("tightness over cases: the least, the median of medians, the largest") {
    Verification v = verification({Status::kHolds, Status::kHolds, Status::kHolds});
    const theory::Tightness each[] = {{0.1, 0.5, 0.6}, {0.3, 0.4, 0.9}, {0.2, 0.7, 0.8}};
    for (std::size_t k = 0; k < 3; ++k) v.verdicts[k][0].tightness = each[k];
    const theory::Tightness got = v.summaries().front().tightness;
    CHECK(got.min == 0.1);
    CHECK(got.median == 0.5);
    CHECK(got.max == 0.9);
}
