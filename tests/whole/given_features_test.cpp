// The rate theorems on features of a real transformer; skipped where the file is absent.
#include <doctest/doctest.h>

#include <algorithm>

#include "experiments/verify/controls.hpp"
#include "experiments/verify/verify.hpp"
#include "sim/data/feature_file.hpp"
#include "tests/support/support.hpp"
#include "theory/registry.hpp"

namespace prefdyn::test {

TEST_CASE("T1 to T4 hold for all 24 behaviours, loss falls with distinguishability") {
    const auto path = data_dir() / "embeddings" / "stories260K_persona.h5";
    if (!available(path)) return;
    const auto behaviours = read_features(path.string());
    REQUIRE(behaviours.size() == 24);
    const auto claims =
        kSanitized ? theory::select_claims("T1,T2a,T2b,T3a,T3b,T3c,T4a,T4b") : theory::claims();
    const Verification v = verify_features(claims, behaviours, {});
    CHECK(v.as_expected());
    for (const auto& row : v.verdicts)
        for (std::size_t c = 0; c < v.claims.size(); ++c)
            if (v.claims[c].scope == theory::Scope::kRun && v.claims[c].id < "T5" &&
                v.claims[c].id !=
                    "T3f")  // the longest feature is long: it promises next to nothing
                CHECK(row[c].status == theory::Status::kHolds);
    std::size_t on_features = 0;
    for (const auto& control : v.controls) on_features += control.synthetic() ? 0 : 1;
    const auto planted =
        std::ranges::count_if(controls(theory::claims()), [&](const Control& control) {
            return bool(control.run_on_features) &&
                   std::any_of(claims.begin(), claims.end(),
                               [&](const auto& c) { return c.id == control.claim; });
        });
    CHECK(planted >= 8);
    CHECK(on_features == 24 * static_cast<std::size_t>(planted));
    REQUIRE(v.spearman.size() == 3);
    CHECK(v.spearman[0] < -0.99);
    CHECK(v.spearman[0] < v.spearman[1]);
    CHECK(v.spearman[1] < v.spearman[2]);
    CHECK(v.spearman[2] < -0.7);
}

}  // namespace prefdyn::test
