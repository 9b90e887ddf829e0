// Runs on a population of the user's own, and what identifies them.
#include "experiments/runs/kept_populations.hpp"

#include <doctest/doctest.h>

#include "experiments/runs/run.hpp"
#include "experiments/sweep/runner.hpp"
#include "tests/support/population_support.hpp"
#include "tests/support/run_support.hpp"

using namespace prefdyn;
using test::contains;
using test::input_error;

namespace {

RunConfig config_on(const std::string& population) {
    RunConfig c;
    c.population = population;
    c.features.samples = 60;
    c.held_out = 500;
    c.training.steps = 20;
    c.seed = test::seed();
    return c;
}

PopulationArrays doubled(PopulationArrays arrays) {
    for (double& x : arrays.means.values) x *= 2.0;
    return arrays;
}

std::string spec_of(const std::string& population) {
    return "population = " + population + "\nsamples = 20, 40\nsteps = 5\nclaims = T1, T5\n";
}

}  // namespace

TEST_CASE("a run on a population has its facts and moments, and is known by its contents") {
    const test::TemporaryDirectory dir;
    test::write_hdf5(dir / "a.h5", test::three_components());
    test::write_hdf5(dir / "b.h5", test::three_components());
    test::write_hdf5(dir / "c.h5", doubled(test::three_components()));
    const RunResult a = run_synthetic(config_on(dir / "a.h5"));
    CHECK(a.population->gaussian);
    CHECK(a.config.population == known_population(dir / "a.h5"));
    CHECK(hash_in(a.config.population).size() == 36);
    CHECK(a.config.features.dimension == 3);
    CHECK(test::relative_error(a.config.features.distinguishability,
                               population_of(dir / "a.h5")->distinguishability()) <= 1e-15);
    CHECK(a.trajectory.records.back().held_out.rewards_accuracies > 0.5);
    CHECK(test::judge_one(test::claim_named("T5p"), a.evidence()).status == theory::Status::kHolds);
    CHECK(run_synthetic(config_on(dir / "b.h5")).id == a.id);
    CHECK(run_synthetic(config_on(dir / "c.h5")).id != a.id);
    RunConfig built_in = config_on("");
    ParameterTable table;
    declare(table, built_in);
    CHECK_FALSE(contains(table.canonical(), "\npopulation="));
}

TEST_CASE("T5p of a run that is told a quarter of its population's spread is violated") {
    const test::TemporaryDirectory dir;
    PopulationArrays wide = test::three_components();
    for (double& x : wide.means.values) x = x > 0.9 ? 0.01 : -0.01;
    test::write_hdf5(dir / "wide.h5", wide);
    RunConfig config = config_on(dir / "wide.h5");
    config.features.samples = 10;
    config.held_out = 0;
    RunResult run = run_synthetic(config);
    const auto t5p = test::claim_named("T5p");
    CHECK(test::judge_one(t5p, run.evidence()).status != theory::Status::kViolated);
    run.population->trace /= 1e4;
    run.population->norm /= 1e4;
    CHECK(test::judge_one(t5p, run.evidence()).status == theory::Status::kViolated);
}

TEST_CASE("a known name whose file has other contents is refused") {
    const test::TemporaryDirectory dir;
    test::write_hdf5(dir / "x.h5", test::three_components());
    const std::string known = known_population(dir / "x.h5");
    CHECK(known_population(known) == known);
    CHECK(population_of(known)->known_name() == known);
    CHECK(hash_in("my @ file.h5").empty());
    const std::string other = (dir / "x.h5") + " @ 00000000-0000-8000-8000-000000000000";
    CHECK(contains(input_error([&] { population_of(other); }),
                   "the file's contents have become " + hash_in(known)));
}

TEST_CASE("a sweep over populations is known by their contents, not by where they lie") {
    const test::TemporaryDirectory dir, elsewhere;
    test::write_hdf5(dir / "p.h5", test::three_components());
    test::write_hdf5(elsewhere / "p.h5", test::three_components());
    const auto at = [](const test::TemporaryDirectory& place) {
        return sweep::parse_spec(spec_of("p.h5"), place / "s.ini");
    };
    const sweep::Spec spec = at(dir);
    CHECK(spec.id() == at(elsewhere).id());
    CHECK(contains(spec.canonical(), "dimension = 3\n"));
    CHECK(contains(spec.canonical(), known_population(dir / "p.h5")));
    // The folder's own text needs no file.
    CHECK(sweep::parse_spec(spec.canonical(), "nowhere/spec.ini").id() == spec.id());
    test::write_hdf5(elsewhere / "p.h5", doubled(test::three_components()));
    CHECK(spec.id() != at(elsewhere).id());
    const auto records = sweep::PointRunner(spec, Device::kCpu)(std::vector<std::size_t>{0, 1});
    for (const auto& record : records) CHECK_FALSE(record.failed());
    sweep::Spec stale = spec;
    stale.fixed = {{"population", (dir / "p.h5") + " @ 00000000-0000-8000-8000-000000000000"}};
    CHECK(contains(input_error([&] { sweep::PointRunner(stale, Device::kCpu); }), "have become"));
}

TEST_CASE("points on two populations have seeds of their own") {
    const test::TemporaryDirectory dir;
    test::write_hdf5(dir / "p.h5", test::three_components());
    test::write_hdf5(dir / "q.h5", doubled(test::three_components()));
    const auto spec = sweep::parse_spec(spec_of("p.h5, q.h5"), dir / "s.ini");
    std::vector<std::string> seeds;
    for (const std::size_t point : {0, 2}) {
        const auto model = spec.experiment->make();
        sweep::set_point(spec, sweep::design_matrix(spec), point, model->table());
        seeds.push_back(model->table().find("seed")->get());
    }
    CHECK(seeds[0] != seeds[1]);
}

TEST_CASE("a sweep refuses what its populations leave no room for") {
    const test::TemporaryDirectory dir;
    test::write_hdf5(dir / "p.h5", test::three_components());
    test::write_hdf5(dir / "q.h5", test::three_components());
    test::write_hdf5(dir / "flat.h5", test::cluster_population(1, 2, 0.5, 1.0));
    const auto refusal = [&](const std::string& text) {
        return input_error([&] { sweep::parse_spec(text, dir / "s.ini"); });
    };
    CHECK(contains(refusal("population = p.h5\ndistinguishability = 2\n"),
                   "s.ini:2: distinguishability: without effect"));
    CHECK(contains(refusal("population = p.h5\ndimension = 4\n"), "the population has 3"));
    CHECK(refusal("population = p.h5\ndimension = 3\n").empty());
    CHECK(contains(refusal("population = p.h5, flat.h5\n"), "different dimensions: 2, 3"));
    CHECK(contains(refusal("population = p.h5, q.h5\n"), "the same numbers as another"));
    CHECK(contains(refusal("population = none.h5\n"), "s.ini:1: population = none.h5"));
    CHECK(
        contains(refusal("experiment = priority\npopulation = p.h5\n"), "unknown key population"));
}
