#include "experiments/sweep/spec.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "tests/support/support.hpp"

using namespace prefdyn;
using namespace prefdyn::sweep;
using test::contains;

namespace {

Spec parsed(const std::string& text) { return parse_spec(text, "s.ini"); }

std::string error(const std::string& text) {
    return test::input_error([&] { parsed(text); });
}

/// Values of some keys at a point.
std::vector<std::string> values(const Spec& spec, std::size_t point,
                                const std::vector<std::string>& keys) {
    const auto model = spec.experiment->make();
    set_point(spec, design_matrix(spec), point, model->table());
    std::vector<std::string> out;
    for (const std::string& key : keys)
        for (const Parameter& p : model->table().parameters())
            if (p.name == key) out.push_back(p.get());
    return out;
}

const std::string kGrid =
    "# a comment\n"
    "distinguishability = 1, 2, 4   # another\n"
    "samples = 20, 40\n"
    "dimension = 0.5 * samples\n"
    "beta = 0.1\n"
    "replicates = 2\n"
    "claims = T1, T2a\n";

}  // namespace

TEST_CASE("a grid is numbered with its last axis fastest, replicates last of all") {
    const Spec spec = parsed(kGrid);
    CHECK(spec.size() == 12);
    CHECK(spec.shape() == std::vector<std::size_t>{3, 2, 2});
    const std::vector<std::string> keys = {"distinguishability", "samples", "dimension", "beta"};
    using V = std::vector<std::string>;
    CHECK(values(spec, 0, keys) == V{"1", "20", "10", "0.1"});
    CHECK(values(spec, 1, keys) == V{"1", "20", "10", "0.1"});
    CHECK(values(spec, 2, keys) == V{"1", "40", "20", "0.1"});
    CHECK(values(spec, 11, keys) == V{"4", "40", "20", "0.1"});
    std::set<std::string> seeds;
    for (std::size_t p = 0; p < 12; ++p) seeds.insert(values(spec, p, {"seed"})[0]);
    CHECK(seeds.size() == 12);
}

TEST_CASE("a point that two sweeps share has one seed; another sweep seed gives another") {
    const Spec small = parsed("distinguishability = 1, 2\nreplicates = 2\n");
    const Spec large = parsed("distinguishability = 0.5, 1, 1.5, 2\nreplicates = 3\n");
    const auto seed = [](const Spec& spec, std::size_t p) { return values(spec, p, {"seed"})[0]; };
    CHECK(seed(small, 0) == seed(large, 3));
    CHECK(seed(small, 1) == seed(large, 4));
    CHECK(seed(small, 3) == seed(large, 10));
    CHECK(seed(parsed("distinguishability = 1, 2\nseed = 2\n"), 0) != seed(small, 0));
}

TEST_CASE("zipped keys make one axis") {
    const Spec spec = parsed(
        "beta = 1, 2\nsamples = 10, 20, 30\ndimension = 1, 2, 3\n"
        "zip = samples dimension\n");
    CHECK(spec.size() == 6);
    CHECK(values(spec, 5, {"beta", "samples", "dimension"}) ==
          std::vector<std::string>{"2", "30", "3"});
    CHECK(contains(error("beta = 1, 2\nsamples = 10, 20, 30\nzip = beta samples\n"),
                   "samples has 3 values, beta has 2"));
    CHECK(contains(error("beta = 1, 2\nzip = beta eta\n"), "eta has no list of values"));
    CHECK(contains(error("beta = 1, 2\nzip = beta\n"), "fewer than two keys"));
    for (const char* keys : {"beta beta", "beta beta samples", "beta samples beta"})
        CHECK(contains(error(std::string("beta = 1, 2\nsamples = 10, 20\nzip = ") + keys + "\n"),
                       "names beta twice"));
}

TEST_CASE("designs: every key covers its range, the same points for the same seed") {
    const std::string body =
        "points = 64\ndistinguishability = uniform(0, 1)\n"
        "samples = integers(10, 73)\nbeta = loguniform(0.01, 1)\n";
    for (const std::string design : {"random", "sobol", "latin-hypercube"}) {
        const Spec spec = parsed("design = " + design + "\n" + body);
        CHECK(spec.size() == 64);
        const RowMatrix u = design_matrix(spec);
        REQUIRE(u.rows() == 64);
        REQUIRE(u.cols() == 3);
        CHECK(u.minCoeff() >= 0.0);
        CHECK(u.maxCoeff() < 1.0);
        CHECK(test::same_bits(u, design_matrix(spec)));
        CHECK((u - design_matrix(parsed("seed = 9\ndesign = " + design + "\n" + body))).norm() >
              0.1);
        // Mean 1/2 with standard error sqrt(1/12/64) if drawn at random; the others do better.
        CHECK((u.colwise().mean().array() - 0.5).abs().maxCoeff() <=
              test::kSigmas * std::sqrt(1.0 / 12.0 / 64.0));
        for (Index k = 0; k < 3 && design != "random"; ++k) {
            std::vector<int> cell(16, 0);
            for (Index i = 0; i < 64; ++i) ++cell[static_cast<std::size_t>(16.0 * u(i, k))];
            // Sobol's shift moves points between neighbouring cells of a sixteenth.
            for (const int c : cell) CHECK(std::abs(c - 4) <= (design == "sobol" ? 2 : 0));
        }
    }
}

TEST_CASE("the canonical text is a spec of the same sweep") {
    for (const std::string& text :
         {kGrid, std::string("beta = 1, 2\nsamples = 10, 20\nzip = beta samples\n"),
          std::string("design = sobol\npoints = 5\nbeta = loguniform(0.1, 1)\n"),
          std::string("experiment = priority\nangle = linspace(0, 170, 3)\nnorm-ratio = 2\n")}) {
        const Spec spec = parsed(text);
        const Spec again = parsed(spec.canonical());
        CHECK(again.canonical() == spec.canonical());
        CHECK(again.id() == spec.id());
        CHECK(values(again, spec.size() - 1, {"seed", "beta"}) ==
              values(spec, spec.size() - 1, {"seed", "beta"}));
    }
    CHECK(parsed("beta = 1, 2").id() != parsed("beta = 1, 3").id());
    CHECK(parsed("beta = 1, 2").id() == parsed("  beta =1,2.0 # the same").id());
}

TEST_CASE("curves are as long as the longest point's") {
    CHECK(parsed("beta = 1, 2").records == 50);
    CHECK(parsed("records = 7").records == 7);
    CHECK(parsed("records = 5, 20, 9").records == 20);
    CHECK(contains(error("records = 2 * dimension"), "follows from no other parameter"));
}

TEST_CASE("everything wrong with a spec is said at once, with its line") {
    const std::string all = error(
        "distinguishabilty = 1\n"
        "beta = -1\n"
        "no equals sign\n"
        "samples = 10\n"
        "samples = 20\n"
        "design = grit\n"
        "claims = T99\n"
        "replicates = 0\n");
    for (const char* part :
         {"s.ini:1: unknown key distinguishabilty", "did you mean distinguishability?",
          "s.ini:2: beta = -1", "out of range", "s.ini:3: 'no equals sign'",
          "s.ini:5: samples is given in line 4 already", "s.ini:6: design", "s.ini:7: claims",
          "did you mean T9a? known: T1, T2a", "s.ini:8: replicates = 0: is not an integer from 1"})
        CHECK_MESSAGE(contains(all, part), part << " in\n" << all);
}

TEST_CASE("designs and grids are not mixed") {
    CHECK(contains(error("beta = uniform(1, 2)"), "give design = random"));
    CHECK(contains(error("points = 3"), "points belongs to designs"));
    CHECK(contains(error("design = random\npoints = 3\nbeta = 1, 2"), "only a grid has axes"));
    CHECK(contains(error("design = random\nbeta = uniform(1, 2)"), "needs points = N"));
    CHECK(contains(error("experiment = prior"), "known: run, priority"));
    CHECK(contains(error("experiment = priority\nclaims = T1"), "none of them is judged"));
    CHECK(contains(error("beta = linspace(1, 2, 100000)\nreplicates = 1000000"), "more than"));
    CHECK(contains(test::input_error([] { read_spec("/nowhere.ini"); }), "/nowhere.ini"));
}

TEST_CASE("expressions may follow each other, not in a circle") {
    const Spec chain =
        parsed("samples = 10, 20\ndimension = 0.5 * samples\nbatch = dimension + 1\n");
    CHECK(values(chain, 1, {"batch"})[0] == "11");
    const std::string circle = error("beta = 0.1\ndimension = batch + 1\nbatch = dimension + 1\n");
    CHECK(contains(circle,
                   "s.ini:2: the expressions depend on each other in a circle: "
                   "dimension -> batch -> dimension"));
    CHECK(!contains(circle, "s.ini:3"));
    CHECK(contains(error("samples = 2 * samples\n"), "circle: samples -> samples"));
    const std::string behind =
        error("samples = dimension + 1\ndimension = 2 * batch\nbatch = 1 * dimension\n");
    CHECK(!contains(behind, "s.ini:1"));
    CHECK(contains(behind, "s.ini:2: the expressions depend on each other in a circle"));
    const Spec outside = parsed("samples = 10, 20\nbatch = 0 - samples\n");
    CHECK(contains(test::input_error([&] { values(outside, 0, {"seed"}); }), "batch = '-10'"));
}

TEST_CASE("a spec without a line is an empty grid") {
    for (const char* text : {"", "\n\n", "# nothing\n"}) CHECK(contains(error(text), "empty grid"));
    CHECK(parsed("experiment = run\n").size() == 1);
}
