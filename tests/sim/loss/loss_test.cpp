// Every registered loss against central differences, its own constants, and published values.
#include "sim/loss/loss.hpp"

#include <doctest/doctest.h>

#include "tests/support/support.hpp"

using namespace prefdyn;
using test::contains;
using test::relative_error;

namespace {

/// Fourth-order central difference: error O(h^4) f^(5) plus rounding eps / h.
template <class F>
double difference(F f, double x, double h) {
    return (8.0 * (f(x + h) - f(x - h)) - (f(x + 2.0 * h) - f(x - 2.0 * h))) / (12.0 * h);
}

/// discopop varies on the scale tau = 0.05, the others on 1.
struct Accuracy {
    double h, tolerance;
};
Accuracy accuracy(const std::string& name) {
    return name == "discopop" ? Accuracy{1e-4, 2e-8} : Accuracy{1e-3, 2e-11};
}

std::vector<double> grid(double edge, int steps) {
    std::vector<double> out;
    for (int k = -steps; k <= steps; ++k) out.push_back(edge * k / steps);
    return out;
}

/// Coarse far out, fine around zero; never within 0.02 of hinge's kink.
std::vector<double> arguments() {
    std::vector<double> out = grid(12.3, 41);
    const auto fine = grid(0.61, 41);
    out.insert(out.end(), fine.begin(), fine.end());
    return out;
}

LossSpec spec_of(const std::string& name, double beta, double eps) {
    LossSpec spec;
    spec.name = name;
    spec.beta = beta;
    spec.label_smoothing = eps;
    return spec;
}

/// Losses of one row's margin and aot, whose phi is one.
std::vector<std::string> margin_names() {
    std::vector<std::string> out;
    for (const auto& name : loss_names())
        if (make_loss(typical_loss(name, 0.1))->margin()) out.push_back(name);
    return out;
}

}  // namespace

TEST_CASE("the registry holds TRL's names") {
    CHECK(loss_names() == std::vector<std::string>{"sigmoid", "hinge", "ipo", "cdpo", "robust",
                                                   "exo_pair", "nca_pair", "bco_pair", "sppo_hard",
                                                   "aot", "apo_zero", "apo_down", "discopop",
                                                   "sigmoid_norm"});
    for (const auto& name : loss_names()) CHECK(make_loss(typical_loss(name, 0.2))->name() == name);
    CHECK(margin_names().size() == 9);
}

TEST_CASE("derivative and curvature agree with central differences") {
    for (const std::string& name : margin_names()) {
        CAPTURE(name);
        const auto loss = make_margin_loss(typical_loss(name, 0.3));
        const auto value = [&](double m) { return loss->value(m); };
        const auto slope = [&](double m) { return loss->derivative(m); };
        const auto [h, tolerance] = accuracy(name);
        for (const double m : arguments()) {
            CAPTURE(m);
            const double scale = 1.0 + std::fabs(loss->value(m));
            CHECK(std::fabs(loss->derivative(m) - difference(value, m, h)) <= tolerance * scale);
            const double bend =
                1.0 + std::fabs(loss->derivative(m)) + std::fabs(loss->curvature(m));
            CHECK(std::fabs(loss->curvature(m) - difference(slope, m, h)) <= tolerance * bend);
        }
    }
}

TEST_CASE("slopes in both rewards agree with central differences") {
    for (const std::string& name : loss_names()) {
        CAPTURE(name);
        const auto loss = make_loss(typical_loss(name, 0.3));
        const auto [h, tolerance] = accuracy(name);
        for (const double w : grid(3.7, 12))
            for (const double l : grid(2.9, 9)) {
                CAPTURE(w);
                CAPTURE(l);
                const LossSlopes got = loss->slopes(w, l);
                const double scale = 1.0 + std::fabs(loss->value(w, l));
                const double chosen = difference([&](double x) { return loss->value(x, l); }, w, h);
                const double rejected =
                    difference([&](double x) { return loss->value(w, x); }, l, h);
                CHECK(std::fabs(got.chosen - chosen) <= tolerance * scale);
                CHECK(std::fabs(got.rejected - rejected) <= tolerance * scale);
            }
    }
}

TEST_CASE("facts of every loss: value, slopes, infimum and monotonicity") {
    for (const std::string& name : loss_names())
        for (const double beta : {0.1, 2.0}) {
            CAPTURE(name);
            const auto loss = make_loss(typical_loss(name, beta));
            const LossFacts facts = loss->facts();
            CHECK(relative_error(facts.value_at_zero, loss->value(0.0, 0.0)) <= 1e-14);
            const LossSlopes start = loss->slopes(0.0, 0.0);
            CHECK(std::fabs(facts.slope_at_zero - start.chosen) <=
                  1e-13 * (1.0 + std::fabs(start.chosen)));
            CHECK(std::fabs(facts.slope_sum_at_zero - start.chosen - start.rejected) <= 1e-15);
            CHECK((facts.form == LossForm::kPair) == (loss->margin() == nullptr));
            double lowest = kInfinity;
            bool monotone = true;
            for (const double w : grid(60.0, 240))
                for (const double l : grid(60.0, 240)) {
                    lowest = std::min(lowest, loss->value(w, l));
                    monotone = monotone && loss->slopes(w, l).chosen <= 0.0;
                }
            CHECK(facts.monotone == monotone);
            CHECK(lowest >= facts.infimum - 1e-15);
            // Within the grid's reach: nca's minimum lies between points, robust has none.
            if (std::isfinite(facts.infimum)) CHECK(lowest - facts.infimum <= 0.01);
        }
}

TEST_CASE("facts of the margin's losses: infimum, largest curvature, convexity") {
    for (const std::string& name : margin_names()) {
        CAPTURE(name);
        const auto loss = make_margin_loss(typical_loss(name, 0.3));
        const LossFacts facts = loss->facts();
        double lowest = kInfinity, steepest = -kInfinity, flattest = kInfinity;
        auto points = grid(60.0, 60000);
        const auto fine = grid(1.0, 20000);
        points.insert(points.end(), fine.begin(), fine.end());
        for (const double m : points) {
            lowest = std::min(lowest, loss->value(m));
            steepest = std::max(steepest, loss->curvature(m));
            flattest = std::min(flattest, loss->curvature(m));
        }
        CHECK((flattest >= 0.0) == facts.convex);
        if (std::isfinite(facts.infimum)) CHECK(lowest - facts.infimum <= 1e-6);
        if (name == "hinge") {
            CHECK(facts.curvature_max == kInfinity);
            CHECK(loss->derivative(1.0 - 1e-9) == -1.0);
            CHECK(loss->derivative(1.0) == 0.0);
            continue;
        }
        CHECK(steepest <= facts.curvature_max * (1.0 + 1e-14));
        CHECK(relative_error(steepest, facts.curvature_max) <= 1e-6);
    }
}

TEST_CASE("convexity in both rewards: along every segment or not") {
    for (const std::string& name : loss_names()) {
        CAPTURE(name);
        const auto loss = make_loss(typical_loss(name, 0.3));
        bool convex = true;
        for (const double a : grid(6.0, 12))
            for (const double b : grid(6.0, 12))
                for (const double c : grid(6.0, 12))
                    for (const double d : grid(6.0, 12)) {
                        const double ends = 0.5 * (loss->value(a, b) + loss->value(c, d));
                        const double middle = loss->value(0.5 * (a + c), 0.5 * (b + d));
                        convex = convex && middle <= ends + 1e-12 * (1.0 + std::fabs(ends));
                    }
        CHECK(convex == loss->facts().convex);
    }
}

TEST_CASE("discopop: the sign of phi'(0) changes at tau = (1 - log 2) / 3") {
    LossSpec spec;
    spec.name = "discopop";
    const double turn = (1.0 - std::log(2.0)) / 3.0;
    spec.discopop_tau = turn - 1e-3;
    CHECK(make_margin_loss(spec)->derivative(0.0) > 0.0);
    spec.discopop_tau = turn + 1e-3;
    CHECK(make_margin_loss(spec)->derivative(0.0) < 0.0);
    for (const double tau : {1e-3, 0.02, 0.2, 0.5}) {
        spec.discopop_tau = tau;
        const auto loss = make_margin_loss(spec);
        CHECK(relative_error(loss->facts().slope_at_zero, loss->derivative(0.0)) <= 1e-12);
        double steepest = 0.0;
        for (const double m : grid(40.0 * tau, 30000))
            steepest = std::max(steepest, loss->curvature(m));
        CHECK(steepest <= loss->facts().curvature_max * (1.0 + 1e-14));
        CHECK(relative_error(steepest, loss->facts().curvature_max) <= 1e-5);
    }
}

TEST_CASE("every loss is finite at rewards where the exponentials are not") {
    for (const std::string& name : loss_names()) {
        CAPTURE(name);
        const auto loss = make_loss(typical_loss(name, 0.1));
        for (const double w : {-1e100, -800.0, -40.0, 40.0, 800.0, 1e100})
            for (const double l : {-1e100, -800.0, 0.0, 800.0, 1e100}) {
                CHECK(std::isfinite(loss->value(w, l)));
                CHECK(std::isfinite(loss->slopes(w, l).chosen));
                CHECK(std::isfinite(loss->slopes(w, l).rejected));
                if (const MarginLoss* phi = loss->margin()) CHECK(std::isfinite(phi->curvature(w)));
            }
    }
    CHECK(make_margin_loss({})->value(-1e308) == 1e308);
}

namespace {

struct Published {
    const char* name;
    double eps, value, chosen, rejected;  ///< L, dL/dDw, dL/dDl
};

/// Within half a unit of the last digit; apo_zero's slope in Dw is -0.0249843815081, printed
/// rounded down.
void check_published(const Published& want, double beta, double gain, double fall, double unit,
                     double unit_slope) {
    CAPTURE(want.name);
    const auto loss = make_loss(spec_of(want.name, beta, want.eps));
    const LossSlopes slopes = loss->slopes(beta * gain, beta * fall);
    CHECK(std::fabs(loss->value(beta * gain, beta * fall) - want.value) <= 0.5 * unit + 1e-15);
    CHECK(std::fabs(beta * slopes.chosen - want.chosen) <= 0.51 * unit_slope);
    CHECK(std::fabs(beta * slopes.rejected - want.rejected) <= 0.51 * unit_slope);
}

}  // namespace

TEST_CASE("published values and gradients at Dw = 0.5, Dl = -1, beta = 0.1, to every digit") {
    const Published table[] = {
        {"sigmoid", 0.0, 0.620957047790, -0.046257015, 0.046257015},
        {"sigmoid_norm", 0.0, 0.620957047790, -0.046257015, 0.046257015},
        {"cdpo", 0.1, 0.635957047790, -0.036257015, 0.036257015},
        {"aot", 0.1, 0.635957047790, -0.036257015, 0.036257015},
        {"hinge", 0.0, 0.85, -0.1, 0.1},
        {"ipo", 0.0, 12.25, -7.0, 7.0},
        {"exo_pair", 1e-3, 2.505516555478, -0.167972253, 0.167972253},
        {"nca_pair", 0.0, 1.349887802057, -0.023125391, 0.023751041},
        {"robust", 0.1, 0.602207047790, -0.058757015, 0.058757015},
        {"bco_pair", 0.0, 1.312856308087, -0.048750260, 0.047502081},
        {"sppo_hard", 0.0, 36.25, -9.0, 8.0},
        {"apo_zero", 0.0, 0.962523416037, -0.024984381, 0.024937604},
        {"apo_down", 0.0, 0.975067551140, 0.000124481, 0.024859901},
        {"discopop", 0.0, 0.849337579289, -0.062520302, 0.062520302},
    };
    CHECK(std::size(table) == loss_names().size());
    for (const Published& want : table) check_published(want, 0.1, 0.5, -1.0, 1e-12, 1e-9);
}

TEST_CASE("a second published implementation at beta = 0.1, delta = 6") {
    const Published table[] = {{"sigmoid", 0.0, 0.437488, -0.035434, 0.035434},
                               {"hinge", 0.0, 0.4, -0.1, 0.1},
                               {"ipo", 0.0, 1.0, 2.0, -2.0}};
    for (const Published& want : table) check_published(want, 0.1, 6.0, 0.0, 1e-6, 1e-6);
}

TEST_CASE("identities between losses") {
    const auto dpo = make_margin_loss({});
    const auto robust = make_margin_loss(spec_of("robust", 0.1, 0.2));
    const auto smoothed = make_margin_loss(spec_of("cdpo", 0.1, 0.0));
    for (const double m : grid(5.0, 20)) {
        // Robust DPO: the mean over labels flipped with probability eps is the clean loss.
        const double mean = 0.8 * robust->value(m) + 0.2 * robust->value(-m);
        CHECK(std::fabs(mean - dpo->value(m)) <= 4.0 * kEpsilon * (1.0 + std::fabs(m)));
        CHECK(relative_error(smoothed->value(m), dpo->value(m)) <= 1e-15);
    }
    CHECK(relative_error(dpo->value(0.0), std::log(2.0)) <= 1e-15);
}

TEST_CASE("an unknown loss and parameters out of range are refused by name") {
    CHECK(contains(test::input_error([] { make_loss("sigmoidal"); }), "'sigmoidal'"));
    CHECK(contains(test::input_error([] { make_loss("exo_pair"); }), "allowed: (0, 0.5)"));
    const auto refused = [](const std::string& name, double eps) {
        return test::input_error([&] { make_loss(spec_of(name, 0.1, eps)); });
    };
    for (const std::string& name : loss_names())
        for (const double eps : {-0.1, 0.5, 0.7, kNan}) {
            CAPTURE(name);
            CHECK(contains(refused(name, eps), "loss " + name + ": label smoothing"));
        }
    CHECK(contains(refused("sigmoid", 0.1), "takes none"));
    CHECK(refused("cdpo", 0.0).empty());
    CHECK(refused("exo_pair", 0.499).empty());
    for (const double beta : {0.0, -1.0, kNan, kInfinity})
        CHECK(contains(test::input_error([&] { make_loss(spec_of("ipo", beta, 0.0)); }), "beta"));
    LossSpec spec;
    for (const double tau : {0.0, 0.6, kNan}) {
        spec.discopop_tau = tau;
        CHECK(contains(test::input_error([&] { make_loss(spec); }), "discopop tau"));
    }
    for (const std::string& name : loss_names()) {
        LossSpec other = spec_of(name, 0.1, name == "exo_pair" ? 0.001 : 0.0);
        other.discopop_tau = 0.1;
        CAPTURE(name);
        if (name == "discopop")
            CHECK(make_loss(other));
        else
            CHECK(contains(test::input_error([&] { make_loss(other); }), "takes none"));
    }
    CHECK(contains(test::input_error([] { make_margin_loss(spec_of("bco_pair", 0.1, 0.0)); }),
                   "not a function of the reward margin"));
}
