#include "experiments/program/parameter_table.hpp"

#include <doctest/doctest.h>

#include <fstream>

#include "experiments/program/output_options.hpp"
#include "experiments/runs/run_config.hpp"
#include "tests/support/support.hpp"

namespace prefdyn::test {

namespace {

struct Options {
    RunConfig run;
    OutputOptions output;
};

void declare(ParameterTable& t, Options& o) {
    declare(t, o.run);
    declare(t, o.output);
}

std::string problems(const std::vector<std::string>& arguments) {
    return input_error([&] {
        Options options;
        ParameterTable table;
        declare(table, options);
        table.parse(arguments);
    });
}

}  // namespace

TEST_CASE("a number reads back as the double it was") {
    for (const double x : {0.1, 1.0 / 3.0, 1e-300, 6.02e23, -0.0})
        CHECK(std::strtod(format_real(x).c_str(), nullptr) == x);
}

TEST_CASE("options are set by value, unset ones keep their default") {
    Options options;
    ParameterTable table;
    declare(table, options);
    table.parse({"--distinguishability", "2.5", "--samples=77", "--method", "flow", "--out", "x.h5",
                 "--force"});
    CHECK(options.run.features.distinguishability == 2.5);
    CHECK(options.run.features.samples == 77);
    CHECK(options.run.training.method == Method::kFlow);
    CHECK(options.run.features.dimension == 64);
    CHECK(options.output.force);
}

TEST_CASE("1e3 is an integer, dpo is sigmoid and -o is --out; the run id sees no difference") {
    Options said, meant;
    ParameterTable a, b;
    declare(a, said);
    declare(b, meant);
    a.parse({"--samples", "1e3", "--seed", "2.5e1", "--loss", "dpo", "-o", "x.h5"});
    b.parse({"--samples", "1000", "--seed", "25", "--loss", "sigmoid", "--out", "x.h5"});
    CHECK(said.run.features.samples == 1000);
    CHECK(said.run.seed == 25);
    CHECK(said.output.out == "x.h5");
    CHECK(a.canonical() == b.canonical());
}

TEST_CASE("everything that is wrong is said in one message") {
    const std::string text = problems({"--dimensoin", "3", "--samples", "1", "--method", "sgdd",
                                       "--beta", "nan", "--seed", "-4"});
    CHECK(contains(text, "--dimensoin"));
    CHECK(contains(text, "did you mean --dimension?"));
    CHECK(contains(text, "--samples = '1' is out of range, allowed: [2, 100000000]"));
    CHECK(contains(text, "did you mean 'sgd'?"));
    CHECK(contains(text, "--beta = 'nan' is not a number"));
    CHECK(contains(text, "--seed = '-4'"));
    CHECK(contains(text, "missing option --out"));
}

TEST_CASE("abbreviations, repetitions, stray words and missing values are refused") {
    CHECK(contains(problems({"--out", "a", "--samp", "10"}), "unknown option --samp"));
    CHECK(contains(problems({"--out", "a", "--seed", "1", "--seed", "2"}), "more than once"));
    CHECK(contains(problems({"--out", "a", "stray"}), "argument 'stray' belongs to no option"));
    CHECK(!problems({"--out"}).empty());
    for (const std::string text : {"1.5e0", "1e30", "1e", "e3", "nan", "0x10"})
        CHECK(contains(problems({"--out", "a", "--samples", text}), "is not an integer"));
    CHECK(contains(problems({"--out", "a", "--samples", "1e0"}), "is out of range"));
    CHECK(contains(problems({"--out", "a", "--seed", "-1e3"}), "is not an integer"));
    CHECK(contains(problems({"--out", "a", "--eta", "inf"}), "out of range"));
}

TEST_CASE("the command line wins over the config file, which is checked as well") {
    const TemporaryDirectory folder;
    std::ofstream(folder / "run.ini") << "dimension = 5\nsamples = 30\n";
    Options options;
    ParameterTable table;
    declare(table, options);
    table.parse({"--out", "x", "--config", folder / "run.ini", "--samples", "40"});
    CHECK(options.run.features.dimension == 5);
    CHECK(options.run.features.samples == 40);
    std::ofstream(folder / "bad.ini") << "dimension = -5\ncolour = red\n";
    const std::string text = problems({"--out", "x", "--config", folder / "bad.ini"});
    CHECK(contains(text, "bad.ini"));
    CHECK(contains(text, "dimension"));
    CHECK(contains(text, "colour"));
    for (const std::string name : {"none.ini", ""})
        CHECK(contains(problems({"--out", "x", "--config", folder / name}),
                       (folder / name) + ": config file cannot be read"));
    CHECK(contains(problems({"--out", "x", "--config", folder / "run.ini", "--config", "y"}),
                   "--config is given more than once"));
    std::ofstream(folder / "syntax.ini") << "samples 10\n";
    CHECK(contains(problems({"--out", "x", "--config", folder / "syntax.ini"}),
                   (folder / "syntax.ini") + ": "));
    std::ofstream(folder / "twice.ini") << "samples = 10\nsamples = 20\n";
    CHECK(contains(problems({"--out", "x", "--config", folder / "twice.ini"}),
                   "twice.ini: --samples is given more than once"));
    const std::string cut = problems({"--out", "x", "--samples"});
    CHECK(contains(cut, "command line: the required argument for option '--samples' is missing"));
    CHECK(!contains(cut, "missing option --out"));
}

TEST_CASE("the run id depends on what determines the run and on nothing else") {
    const Dataset data = gaussian_dataset(12, 3, 1);
    RunConfig a, b;
    CHECK(run_id(a, data) == run_id(b, data));
    b.beta = 0.2;
    CHECK(run_id(a, data) != run_id(b, data));
    CHECK(run_id(a, data) != run_id(a, gaussian_dataset(12, 3, 2)));
}

}  // namespace prefdyn::test
