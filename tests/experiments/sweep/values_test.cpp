#include "experiments/sweep/values.hpp"

#include <doctest/doctest.h>

#include "tests/support/support.hpp"

using namespace prefdyn;
using namespace prefdyn::sweep;
using test::contains;

namespace {

struct Options {
    double rate = 1.0;
    Index samples = 10, dimension = 2;
    int color = 0;
};

/// rate in (0, 100], samples in [1, 1000], dimension in [1, 50], color.
struct Keys {
    Options options;
    ParameterTable table;
    Keys() {
        table.real("rate", &options.rate, 0.0, 100.0, true, "", "");
        table.integer("samples", &options.samples, 1, 1000, "", "");
        table.integer("dimension", &options.dimension, 1, 50, "", "");
        table.choice("color", &options.color, {"red", "blue"}, "");
    }
    Value parse(const std::string& key, const std::string& text) {
        for (Parameter& p : table.parameters())
            if (p.name == key) return parse_value(text, p, table.parameters());
        throw std::logic_error(key);
    }
    ValueList list(const std::string& key, const std::string& text) {
        return std::get<ValueList>(parse(key, text));
    }
    std::string error(const std::string& key, const std::string& text) {
        return test::input_error([&] { parse(key, text); });
    }
};

}  // namespace

TEST_CASE("lists are read as the parameter reads them") {
    Keys keys;
    CHECK(keys.list("rate", "2") == ValueList{"2"});
    CHECK(keys.list("rate", "1, 2.50 ,4e0") == ValueList{"1", "2.5", "4"});
    CHECK(keys.list("samples", "3..6") == ValueList{"3", "4", "5", "6"});
    CHECK(keys.list("color", "blue, red") == ValueList{"blue", "red"});
    CHECK(keys.list("rate", "linspace(1, 3, 5)") == ValueList{"1", "1.5", "2", "2.5", "3"});
    CHECK(keys.list("samples", "linspace(1, 4, 3)") == ValueList{"1", "3", "4"});
}

TEST_CASE("logspace goes from end to end in equal ratios, its ends exact") {
    Keys keys;
    const ValueList got = keys.list("rate", "logspace(0.1, 10, 5)");
    REQUIRE(got.size() == 5);
    CHECK(got.front() == "0.1");
    CHECK(got.back() == "10");
    for (std::size_t k = 1; k < 5; ++k)
        CHECK(std::fabs(std::stod(got[k]) / std::stod(got[k - 1]) - std::sqrt(10.0)) <= 1e-12);
    CHECK(keys.list("samples", "logspace(1, 1000, 4)") == ValueList{"1", "10", "100", "1000"});
}

TEST_CASE("ranges and their values") {
    Keys keys;
    const auto uniform = std::get<ValueRange>(keys.parse("rate", "uniform(2, 6)"));
    CHECK(value_at(uniform, 0.25) == "3");
    const auto log = std::get<ValueRange>(keys.parse("rate", "loguniform(1, 100)"));
    CHECK(std::fabs(std::stod(value_at(log, 0.5)) - 10.0) <= 1e-12);
    const auto integers = std::get<ValueRange>(keys.parse("samples", "integers(3, 6)"));
    int count[4] = {};
    for (int k = 0; k < 400; ++k) ++count[std::stoi(value_at(integers, (k + 0.5) / 400.0)) - 3];
    for (const int c : count) CHECK(c == 100);
    // An integer parameter draws integers from any range.
    CHECK(value_at(std::get<ValueRange>(keys.parse("samples", "loguniform(1, 1000)")), 0.999999) ==
          "1000");
}

TEST_CASE("expressions of other parameters") {
    Keys keys;
    const auto value = [&](const std::string& text, const std::string& samples, bool integer) {
        const auto value_of = [&](const std::string& key) {
            return key == "samples" ? samples : std::string("0.5");
        };
        return evaluate(std::get<ValueExpression>(keys.parse("dimension", text)), value_of,
                        integer);
    };
    CHECK(value("0.5 * samples", "7", true) == "4");  // 3.5 away from zero
    CHECK(value("0.5*samples", "7", true) == "4");
    CHECK(value("samples / 4", "10", false) == "2.5");
    CHECK(value("100 / samples", "8", false) == "12.5");
    CHECK(value("samples - 1", "8", true) == "7");
    CHECK(value("20 - samples", "8", true) == "12");
    CHECK(value("samples", "8", true) == "8");
    CHECK(value("-samples + 10", "8", true) == "2");
    CHECK(value("samples^2 * rate", "6", true) == "18");
    CHECK(value("min(samples, 4) + max(1, samples, 3)", "8", true) == "12");
    CHECK(value("sqrt(samples) - abs(-1) + exp(0) * log(1)", "9", false) == "2");
    CHECK(contains(test::input_error([&] { value("rate / samples", "0", false); }),
                   "no finite value where rate = 0.5, samples = 0"));
    CHECK(std::get<ValueExpression>(keys.parse("dimension", "samples * (rate + samples)")).keys() ==
          std::vector<std::string>{"samples", "rate"});
}

TEST_CASE("canonical text is read back as the same value") {
    Keys keys;
    for (const auto& [key, text] : {std::pair{"rate", "logspace(0.1, 7, 9)"},
                                    {"rate", "loguniform(0.1, 7)"},
                                    {"rate", "uniform(0.25, 7)"},
                                    {"samples", "integers(2, 9)"},
                                    {"dimension", "0.1 * samples"},
                                    {"dimension", "samples - 3"},
                                    {"dimension", "samples - (rate + 3) * 2 ^ -samples"},
                                    {"dimension", "min(samples, 40)"},
                                    {"color", "red, blue"}}) {
        const std::string once = canonical(keys.parse(key, text));
        CHECK(canonical(keys.parse(key, once)) == once);
    }
}

TEST_CASE("what is wrong with a value is said") {
    Keys keys;
    CHECK(contains(keys.error("rate", "1, x"), "'x' is not a number"));
    CHECK(contains(keys.error("rate", "0"), "is out of range, allowed: (0, 100]"));
    CHECK(contains(keys.error("rate", "1, 1.0"), "has the value 1 twice"));
    CHECK(contains(keys.error("samples", "logspace(1, 3, 7)"), "twice"));
    CHECK(contains(keys.error("samples", "6..3"), "range of integers"));
    CHECK(contains(keys.error("samples", "1..99999999999"), "range of integers"));
    CHECK(contains(keys.error("rate", "linspace(1, 2)"), "takes 3 arguments, not 2"));
    CHECK(contains(keys.error("rate", "linspace(1, 2, 1)"), "'1' is not a count from 2"));
    CHECK(contains(keys.error("rate", "logspace(0, 2, 3)"), "positive"));
    CHECK(contains(keys.error("rate", "gauss(0, 2)"), "unknown function 'gauss'"));
    CHECK(contains(keys.error("rate", "uniform(3, 2)"), "lower end first"));
    CHECK(contains(keys.error("samples", "uniform(0.5, 2)"), "are integers"));
    CHECK(contains(keys.error("dimension", "0.5 * sample"),
                   "'sample' is no numeric parameter, in column 7 of the value"));
    CHECK(contains(keys.error("dimension", "2 * color"), "'color' is no numeric parameter"));
    CHECK(contains(keys.error("dimension", "samples-1"), "'samples-1' is not a"));
    CHECK(contains(keys.error("dimension", "samples < 3"), "a comparison where a number"));
    CHECK(contains(keys.error("dimension", "(samples + 3"), "a ')' is missing"));
    CHECK(contains(keys.error("dimension", "min(samples)"), "takes two numbers or more"));
    CHECK(contains(keys.error("dimension", "samples(s)"), "unknown function"));
    CHECK(contains(keys.error("rate", "1,,2"), "'' is not a number"));
    CHECK(contains(keys.error("rate", "nan"), "not a number"));
    CHECK(contains(keys.error("rate", "uniform(1, inf)"), "'inf' is not a number"));
}
