// The rate theorems on features of a real transformer; skipped where the file is absent.
#include <doctest/doctest.h>

#include <algorithm>

#include "experiments/verify.hpp"
#include "sim/feature_file.hpp"
#include "support.hpp"
#include "theory/registry.hpp"

namespace prefdyn::test {

TEST_CASE("T1 to T4 hold for all 24 behaviours, loss falls with distinguishability") {
    const auto path = data_dir() / "embeddings" / "stories260K_persona.h5";
    if (!available(path)) return;
    const auto behaviours = read_features(path.string());
    REQUIRE(behaviours.size() == 24);
    const Verification v = verify_features(theory::claims(), behaviours, {});
    CHECK(v.as_expected());
    for (const auto& row : v.verdicts)
        for (std::size_t c = 0; c < v.claims.size(); ++c)
            if (v.claims[c].scope == theory::Scope::kRun && v.claims[c].id < "T5")
                CHECK(row[c].status == theory::Status::kHolds);
    std::size_t on_features = 0;
    for (const auto& control : v.controls) on_features += control.synthetic() ? 0 : 1;
    const auto planted = std::count_if(controls().begin(), controls().end(),
                                       [](const Control& c) { return bool(c.run_on_features); });
    CHECK(planted >= 14);
    CHECK(on_features == 24 * static_cast<std::size_t>(planted));
    CHECK(v.controls.size() > on_features);
    REQUIRE(v.spearman.size() == 3);
    CHECK(v.spearman[0] < -0.99);
    CHECK(v.spearman[0] < v.spearman[1]);
    CHECK(v.spearman[1] < v.spearman[2]);
    CHECK(v.spearman[2] < -0.7);
}

}  // namespace prefdyn::test
