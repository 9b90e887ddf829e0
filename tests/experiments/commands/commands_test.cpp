// The command line in process: what a user types, sees and finds on disk.
#include "experiments/commands/commands.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "experiments/certify/certificate.hpp"
#include "experiments/falsify/search_space.hpp"
#include "experiments/studies/study.hpp"
#include "experiments/verify/controls.hpp"
#include "experiments/verify/studies.hpp"
#include "sim/base/cancel.hpp"
#include "sim/base/hdf5_file.hpp"
#include "sim/base/npy.hpp"
#include "tests/support/population_support.hpp"
#include "tests/support/support.hpp"
#include "theory/registry.hpp"

namespace prefdyn::test {

namespace fs = std::filesystem;

namespace {

struct Outcome {
    int code;
    std::string out, err;
};

Outcome run(std::vector<std::string> arguments) {
    std::ostringstream out, err;
    const int code = run_command(arguments, out, err);
    return {code, out.str(), err.str()};
}

/// Every dataset two result files share by name, compared bit by bit.
void check_same_numbers(const std::string& a, const std::string& b,
                        const std::vector<std::string>& names) {
    const h5::Reader x(a), y(b);
    for (const auto& name : names) {
        const auto u = x.numbers(name), v = y.numbers(name);
        REQUIRE(u.size() == v.size());
        CHECK_MESSAGE(std::memcmp(u.data(), v.data(), u.size() * sizeof(double)) == 0, name);
    }
}

void write_features(const std::string& path, const std::vector<double>& features,
                    const h5::Shape& shape) {
    h5::Writer file(path);
    file.write("features", features, shape);
    file.write("label", std::vector<double>{1, -1}, {2});
    file.close();
}

void write_text(const std::string& path, const std::string& text) { std::ofstream(path) << text; }

class WorkingDirectory {
  public:
    explicit WorkingDirectory(const fs::path& path) : before_(fs::current_path()) {
        fs::current_path(path);
    }
    ~WorkingDirectory() { fs::current_path(before_); }

  private:
    fs::path before_;
};

}  // namespace

TEST_CASE("simulate writes a file with the run and its bounds") {
    const TemporaryDirectory folder;
    const Outcome done =
        run({"simulate", "--distinguishability", "2", "--dimension", "64", "--samples", "1000",
             "--held-out", "100", "--out", folder / "run.h5"});
    REQUIRE_MESSAGE(done.code == 0, done.err);
    const h5::Reader file(folder / "run.h5");
    const auto loss = file.numbers("loss");
    CHECK(loss.front() == doctest::Approx(std::log(2.0)).epsilon(1e-14));
    CHECK(loss.back() < loss.front());
    CHECK(file.numbers("eval_loss").back() < loss.front());
    const auto change = file.numbers("head_change"), bound = file.numbers("bound_T2b");
    for (std::size_t k = 1; k < change.size(); ++k) CHECK(change[k] <= bound[k] * (1.0 + 1e-10));
    CHECK(file.strings("stop_reason") == std::vector<std::string>{"completed"});
}

TEST_CASE("the same options give the same bits for 1, 2 and 8 threads") {
    const TemporaryDirectory folder;
    for (const std::string threads : {"1", "2", "8"}) {
        const Threads restore(2);
        REQUIRE(run({"verify", "--quick", "--claims", "T2", "--threads", threads, "--out",
                     folder / (threads + ".h5")})
                    .code == 0);
    }
    for (const std::string threads : {"2", "8"})
        check_same_numbers(folder / "1.h5", folder / (threads + ".h5"),
                           {"loss", "head_change", "update_rate", "bound_T2b", "verdict_slack",
                            "logps_chosen", "margin_quantiles"});
}

TEST_CASE("an existing result is not overwritten unless asked") {
    const TemporaryDirectory folder;
    write_text(folder / "run.h5", "precious");
    const Outcome refused = run({"simulate", "--out", folder / "run.h5"});
    CHECK(refused.code == 2);
    CHECK(contains(refused.err, "--force"));
    CHECK(fs::file_size(folder / "run.h5") == 8);
    CHECK(run({"simulate", "--out", folder / "run.h5", "--force"}).code == 0);
}

TEST_CASE("a result never replaces its own input, under whatever name") {
    const TemporaryDirectory folder;
    const std::string path = folder / "mine.h5";
    write_features(path, {1, 2, -1, 1}, {2, 2});
    const auto size = fs::file_size(path);
    fs::create_symlink(path, folder / "link.h5");
    fs::create_hard_link(path, folder / "hard.h5");
    for (const std::string out : {"mine.h5", "link.h5", "hard.h5"})
        for (const auto& [command, option] :
             {std::pair{"verify", "--embeddings"}, std::pair{"simulate", "--features"}}) {
            const Outcome got = run({command, option, path, "--out", folder / out, "--force"});
            CHECK(got.code == 2);
            CHECK_MESSAGE(contains(got.err, "same file as the input"), got.err);
        }
    CHECK(fs::file_size(path) == size);
}

TEST_CASE("options that cannot act are refused") {
    const TemporaryDirectory folder;
    const std::string out = folder / "x.h5", mine = folder / "mine.h5";
    write_features(mine, {1, 2, -1, 1}, {2, 2});
    const std::vector<std::pair<std::vector<std::string>, std::string>> cases = {
        {{"simulate", "--features", mine, "--distinguishability", "2"}, "--distinguishability"},
        {{"simulate", "--features", mine, "--tails", "uniform", "--held-out", "9"},
         "--tails, --held-out"},
        {{"simulate", "--labels", mine}, "--features"},
        {{"simulate", "--batch", "8"}, "--batch"},
        {{"simulate", "--method", "flow", "--sampling", "fresh"}, "--sampling"},
        {{"verify", "--beta", "0.5"}, "--embeddings"}};
    for (auto [arguments, expected] : cases) {
        arguments.insert(arguments.end(), {"--out", out});
        const Outcome got = run(arguments);
        CHECK(got.code == 2);
        CHECK_MESSAGE(contains(got.err, expected), got.err);
    }
    CHECK(run({"simulate", "--method", "sgd", "--batch", "8", "--steps", "3", "--out", out}).code ==
          0);
}

TEST_CASE("everything that is wrong is said at once") {
    const Outcome got =
        run({"verify", "--quick", "--full", "--claims", "T99", "--seed", "-1", "--beta", "1"});
    CHECK(got.code == 2);
    for (const char* part : {"exclude each other", "T99", "--seed", "--embeddings"})
        CHECK_MESSAGE(contains(got.err, part), got.err);
}

TEST_CASE("a command that fails makes no folder") {
    const TemporaryDirectory folder;
    CHECK(run({"simulate", "--balance", "0.001", "--samples", "20", "--out",
               folder / "new/deep/x.h5"})
              .code == 2);
    CHECK(!fs::exists(folder / "new"));
    CHECK(run({"simulate", "--samples", "20", "--out", folder / "new/deep/x.h5"}).code == 0);
    CHECK(fs::exists(folder / "new/deep/x.h5"));
}

TEST_CASE("of given features the file says no distribution") {
    const TemporaryDirectory folder;
    write_features(folder / "mine.h5", {1, 2, -1, 1}, {2, 2});
    REQUIRE(run({"simulate", "--features", folder / "mine.h5", "--eta", "0.1", "--out",
                 folder / "x.h5"})
                .code == 0);
    const h5::Reader file(folder / "x.h5");
    CHECK(std::isnan(file.numbers("config_distinguishability").front()));
    CHECK(file.strings("config_tails").front().empty());
    CHECK(file.numbers("config_samples").front() == 2.0);
    CHECK(file.numbers("config_dimension").front() == 2.0);
    CHECK(file.numbers("config_beta").front() == 0.1);
    REQUIRE(run({"simulate", "--tails", "uniform", "--out", folder / "y.h5"}).code == 0);
    const h5::Reader drawn(folder / "y.h5");
    CHECK(drawn.numbers("config_distinguishability").front() == 1.0);
    CHECK(drawn.strings("config_tails").front() == "uniform");
}

TEST_CASE(
    "of a population of one's own the file says D, p_plus and what it was, nothing built in") {
    const TemporaryDirectory dir;
    write_hdf5(dir / "own.h5", three_components());
    const auto done = run({"simulate", "--population", dir / "own.h5", "--samples", "40",
                           "--held-out", "50", "--steps", "5", "--out", dir / "x.h5"});
    REQUIRE_MESSAGE(done.code == 0, done.err);
    CHECK(contains(done.out, "population own.h5 @ "));
    CHECK(contains(done.out, "3 components, d = 3, p_plus = 0.5, D = 1.75"));
    const h5::Reader file(dir / "x.h5");
    CHECK(relative_error(file.numbers("config_distinguishability")[0],
                         Population(three_components(), "").distinguishability()) <= 1e-15);
    CHECK(file.numbers("config_balance")[0] == 0.5);
    CHECK(file.numbers("config_dimension")[0] == 3.0);
    CHECK(std::isnan(file.numbers("config_sigma")[0]));
    CHECK(file.strings("config_spectrum")[0].empty());
    CHECK(contains(file.strings("config_population")[0], "own.h5 @ "));
    for (const char* idle : {"--sigma", "--dimension", "--label-noise"}) {
        const auto refused =
            run({"simulate", "--population", dir / "own.h5", idle, "0.5", "--out", dir / "y.h5"});
        CHECK(refused.code == 2);
        CHECK(contains(refused.err, std::string(idle)));
    }
    const auto both = run({"simulate", "--population", dir / "own.h5", "--features", dir / "own.h5",
                           "--out", dir / "y.h5"});
    CHECK(contains(both.err, "--features and --population exclude each other"));
    const auto itself = run({"simulate", "--population", dir / "own.h5", "--steps", "5", "--force",
                             "--out", dir / "own.h5"});
    CHECK(itself.code == 2);
    const auto few =
        run({"simulate", "--population", dir / "own.h5", "--samples", "2", "--out", dir / "y.h5"});
    CHECK(few.code == 2);
    CHECK(contains(few.err, "2 samples leave component 1 of weight 0.2 without any"));
    CHECK(contains(few.err, "at least 5 samples are needed"));
    CHECK_FALSE(fs::exists(dir / "y.h5"));
    CHECK_NOTHROW(read_population(dir / "own.h5"));
}

TEST_CASE("verify on a population of one's own is not verify on features or behaviours") {
    const TemporaryDirectory dir;
    write_hdf5(dir / "own.h5", three_components());
    const WorkingDirectory there(dir / "");
    const auto done = run({"verify", "--quick", "--population", "own.h5", "--claims", "T1,T6c"});
    CHECK_MESSAGE(done.code == 0, done.err);
    CHECK(fs::exists("results/population.h5"));
    for (const char* other : {"--gram", "--embeddings"}) {
        const auto refused = run({"verify", "--population", "own.h5", other, "1, 0; 0, 1"});
        CHECK(refused.code == 2);
        CHECK(contains(refused.err, "--population brings data of its own"));
    }
}

TEST_CASE("claims that only a study judges give a file whose columns of runs are empty") {
    const TemporaryDirectory folder;
    REQUIRE(run({"verify", "--quick", "--claims", "T12a", "--out", folder / "x.h5"}).code == 0);
    const h5::Reader file(folder / "x.h5");
    CHECK(file.numbers("run").empty());
    CHECK(file.numbers("config_beta").empty());
    CHECK(file.numbers("config_samples").empty());
    CHECK(file.strings("config_method").empty());
}

TEST_CASE("bad input exits with 2, says what and where, and writes nothing") {
    const TemporaryDirectory folder;
    const std::string out = folder / "x.h5";
    const std::vector<std::pair<std::vector<std::string>, std::string>> cases = {
        {{}, "no command"},
        {{"simulat"}, "did you mean 'simulate'?"},
        {{"bench"}, "prefdyn-bench"},
        {{"simulate", "--moments", "sample", "--samples", "20", "--out", out},
         "moments = sample needs"},
        {{"simulate", "--balance", "0.001", "--samples", "20", "--out", out}, "one class empty"},
        {{"simulate", "--dimension", "1", "--common-norm", "1", "--out", out}, "common-angle"},
        {{"verify", "--claims", "T99", "--out", out}, "matches no claim"},
        {{"claims", "T8bb"}, "did you mean T8b?"},
        {{"verify", "--quick", "--full", "--out", out}, "exclude"},
        {{"verify", "--replicates", "10", "--out", out}, "--replicates"},
        {{"verify", "--embeddings", folder / "none.h5", "--out", out}, "no such file"},
        {{"verify", "--embeddings", folder / "", "--out", out}, "is a folder"},
        {{"verify", "--labels", "y.npy", "--out", out}, "--embeddings"},
        {{"simulate", "--held-out", "1", "--out", out}, "held-out: 1 samples"},
        {{"simulate", "--threads", "-1", "--out", out}, "[0, 4096]"},
        {{"simulate", "--threads", "99999999999999999999", "--out", out}, "is not an integer"},
        {{"simulate", "--eta", "-1", "--out", out}, "[0, 1e+300]"},
        {{"simulate", "--out", folder / ""}, "is a folder"},
        {{"simulate", "--out", "/proc/x.h5"}, "cannot be created"},
        {{"simulate", "--config", folder / "none.cfg", "--out", out}, "none.cfg: config file"},
        {{"simulate", "--out", "/proc/none/x.h5"}, "cannot be written"},
        {{"docs", "poem"}, "file-format"},
    };
    for (const auto& entry : cases) {
        const auto& expected = entry.second;
        const Outcome outcome = run(entry.first);
        CHECK_MESSAGE(outcome.code == 2, expected);
        CHECK_MESSAGE(contains(outcome.err, expected), outcome.err);
        CHECK(!fs::exists(out));
        for (const auto& entry : fs::directory_iterator(folder / ""))
            CHECK(entry.path().extension() != ".partial");
    }
}

TEST_CASE("unknown, misspelt, missing, out of range and stray arguments in one message") {
    const Outcome outcome = run({"simulate", "stray", "--sampels", "--dimension", "0", "--method",
                                 "gdd", "--eta", "nan", "--records", "9", "--records", "9"});
    CHECK(outcome.code == 2);
    for (const std::string part :
         {"argument 'stray'", "unknown option --sampels, did you mean --samples?",
          "--dimension = '0' is out of range, allowed: [1, 1000000]", "did you mean 'gd'?",
          "--eta = 'nan' is not a number", "--records is given more than once",
          "missing option --out"})
        CHECK_MESSAGE(contains(outcome.err, part), outcome.err);
}

TEST_CASE("without --out the suite and given features go to files of their own") {
    const TemporaryDirectory folder;
    write_features(folder / "x.h5", {1, 0, -1, 1}, {2, 2});
    const auto home = fs::current_path();
    fs::current_path(folder / "");
    const Outcome suite = run({"verify", "--quick", "--claims", "T1"});
    const Outcome features = run({"verify", "--embeddings", "x.h5", "--claims", "T1"});
    fs::current_path(home);
    CHECK_MESSAGE(suite.code == 0, suite.err);
    CHECK_MESSAGE(features.code == 0, features.err);
    CHECK(fs::exists(folder / "results/verify.h5"));
    CHECK(fs::exists(folder / "results/features.h5"));
}

TEST_CASE("features whose squares leave the range of double are named, not called zero") {
    const TemporaryDirectory folder;
    for (const double size : {0.0, 1e-200, 1e200}) {
        const std::string path = folder / "odd.h5", out = folder / "out.h5";
        write_features(path, {size, 2 * size, -size, size}, {2, 2});
        const Outcome outcome = run({"verify", "--embeddings", path, "--out", out});
        CHECK(outcome.code == 2);
        CHECK_MESSAGE(contains(outcome.err, size == 0.0 ? "odd: kappa = " : "odd: the mean square"),
                      outcome.err);
        CHECK(contains(outcome.err, "hint: scale the features"));
        CHECK(!fs::exists(out));
        CHECK(contains(run({"verify", "--embeddings", path, "--labels", "y.npy", "--out", out}).err,
                       "drop --labels"));
    }
}

TEST_CASE("a step size beyond 2 / kappa is recorded, its claims are not applicable") {
    const TemporaryDirectory folder;
    const Outcome done = run({"simulate", "--eta-kappa", "2.5", "--out", folder / "run.h5"});
    CHECK(done.code == 0);
    CHECK(contains(done.out, "not_applicable  eta * kappa = 2.5 > 2"));
}

TEST_CASE("divergence is a stop reason") {
    const TemporaryDirectory folder;
    const Outcome done = run({"simulate", "--eta", "1e300", "--sigma", "1e9", "--beta", "1e6",
                              "--out", folder / "r.h5"});
    CHECK(done.code == 0);
    CHECK(h5::Reader(folder / "r.h5").strings("stop_reason") ==
          std::vector<std::string>{"diverged"});
}

TEST_CASE("a run at the end of the range of double says nothing infinite") {
    const TemporaryDirectory folder;
    for (const std::string engine : {"reduced", "dense"})
        for (const std::string method : {"gd", "adam"}) {
            CAPTURE(engine);
            CAPTURE(method);
            const Outcome done = run({"simulate", "--samples", "100", "--dimension", "4", "--eta",
                                      "1e300", "--method", method, "--engine", engine, "--held-out",
                                      "20", "--out", folder / "r.h5", "--force"});
            REQUIRE_MESSAGE(done.code == 0, done.err);
            const h5::Reader file(folder / "r.h5");
            for (const std::string name :
                 {"loss", "eval_loss", "rewards_margins", "head_change", "head_change_spectral",
                  "update_rate", "linear_remainder"})
                for (const double x : file.numbers(name)) CHECK_MESSAGE(!std::isinf(x), name);
        }
    const std::string path = folder / "odd.h5";
    write_features(path, {1e200, 2e200, -1e200, 1e200}, {2, 2});
    const Outcome refused =
        run({"simulate", "--features", path, "--eta", "1", "--out", folder / "none.h5"});
    CHECK(refused.code == 2);
    CHECK_MESSAGE(contains(refused.err, "the mean square of the features = inf"), refused.err);
    CHECK(!fs::exists(folder / "none.h5"));
}

TEST_CASE("an interrupted run leaves nothing behind") {
    const TemporaryDirectory folder;
    cancel_flag = true;
    const Outcome simulate = run({"simulate", "--out", folder / "s.h5"});
    const Outcome verify = run({"verify", "--quick", "--out", folder / "v.h5"});
    cancel_flag = false;
    CHECK(simulate.code == 130);
    CHECK(verify.code == 130);
    CHECK(fs::is_empty(fs::path(folder / "s.h5").parent_path()));
}

TEST_CASE("help names every option with range and default") {
    const Outcome help = run({"simulate", "--help"});
    CHECK(help.code == 0);
    CHECK(contains(help.out, "--distinguishability"));
    CHECK(contains(help.out, "default 64"));
    CHECK(run({"--help"}).code == 0);
    CHECK(contains(run({"claims", "T2b"}).out, "||Delta W(t)||_F <= min"));
}

TEST_CASE("help of a command is its --help, and the program says its version") {
    const Outcome help = run({"help", "simulate"});
    CHECK(help.code == 0);
    CHECK(help.out == run({"simulate", "--help"}).out);
    CHECK(help.out == run({"simulate", "-h"}).out);
    CHECK(contains(run({"help", "simulat"}).err, "did you mean 'simulate'?"));
    CHECK(contains(run({"--version"}).out, "prefdyn 0."));
}

TEST_CASE("claims takes several, in small letters too") {
    CHECK(run({"claims", "t2b"}).out == run({"claims", "T2b"}).out);
    const std::string both = run({"claims", "T1", "T2b"}).out;
    CHECK(contains(both, run({"claims", "T1"}).out));
    CHECK(contains(both, run({"claims", "T2b"}).out));
    CHECK(run({"claims", "t99"}).code == 2);
}

TEST_CASE("the given behaviours of verify are run alone, and their priorities and leads are told") {
    const TemporaryDirectory folder;
    const Outcome got = run({"verify", "--quick", "--gram", "16, 6; 6, 9", "--weights", "0.3, 0.7",
                             "-o", folder / "x.h5"});
    CHECK(got.code == 0);
    for (const char* said :
         {"your behaviours, the given Gram matrix, gradient descent, beta = 0.1, eta = ", "leads",
          "t* = ", "T8a holds", "T8b holds"})
        CHECK_MESSAGE(contains(got.out, said), said);
    // P_k is proportional to the mixture's products: 0.3 * 16 + 0.7 * 6 = 9 and 0.3 * 6 + 0.7 * 9
    // = 8.1.
    CHECK(got.out.find("behaviour 1: share 0.3") < got.out.find("behaviour 2: share 0.7"));
    CHECK(h5::Reader(folder / "x.h5").shape("priority_setting")[0] == 2);
}

TEST_CASE("claims ID says how the claim is checked: kind, grounds, every control, search") {
    const auto all = controls(theory::claims());
    for (const auto& claim : theory::claims()) {
        CAPTURE(claim.id);
        const std::string page = run({"claims", claim.id}).out;
        for (const std::string& part :
             {claim.title, claim.statement, claim.source, theory::origin_text(claim.origin),
              "verify --claims " + claim.id + "`"})
            CHECK_MESSAGE(contains(page, part), part);
        std::size_t planted = 0, studied = 0;
        for (const Control& control : all) {
            const bool own = control.claim == claim.id;
            planted += own ? 1 : 0;
            if (own) CHECK(contains(page, "- " + control.name + ": " + control.fault + "\n"));
        }
        for (const Study& study : studies())
            if (std::ranges::count(study.claims, claim.id) > 0) {
                ++studied;
                CHECK(contains(page, "study \"" + study.name + "\""));
            }
        CHECK(planted >= 1);
        CHECK(contains(page, "every run of the suite") == (claim.scope == theory::Scope::kRun));
        CHECK((studied > 0 || claim.scope == theory::Scope::kRun));
        CHECK(contains(page, "falsify --claim " + claim.id) == has_search_space(claim));
    }
    CHECK(contains(run({"claims", "T5a"}).out, "a constant is fitted"));
    CHECK(contains(run({"claims", "T5g"}).out, "exact binomial test"));
    CHECK(contains(run({"claims", "T7"}).out, "search for a counterexample: none, it is a pred"));
}

TEST_CASE("a claim of one's own about margins is certified without kept data") {
    if (!certify::available()) {
        MESSAGE("SKIPPED: built without FLINT");
        return;
    }
    const TemporaryDirectory folder;
    const WorkingDirectory inside(folder / "");
    std::ofstream("own.claim") << "[X1]\nneeds = loss sigmoid; from reference\n"
                                  "claim = mean(m) <= 2 * R0 * head_change\n"
                                  "[X2]\nneeds = from reference; full gradient 1; convex\n"
                                  "claim = t * rate^2 <= L0 - loss\n"
                                  "[X3]\nclaim = 1 / t >= 0.00001\n"
                                  "[X4]\nneeds = from reference\nclaim = head_change <= t * R0\n"
                                  "[X5]\nneeds = loss ipo\nclaim = rate <= R0 * 1.1\n";
    const Outcome found =
        run({"simulate", "--samples", "12", "--dimension", "2", "--steps", "3", "--records", "3",
             "--claim-file", "own.claim", "--certify", "--out", "run.h5"});
    CHECK(contains(found.out, "X1   proved for this run"));
    CHECK(contains(found.out, "X2   proved for this run"));
    CHECK(contains(found.out, "own.claim:8: division by zero at step 0"));
    const auto falsified = [&](const std::string& claim) {
        return run({"falsify", "--claim", claim, "--claim-file", "own.claim", "--budget", "500",
                    "--out", claim + ".ini"});
    };
    CHECK(falsified("X4").code == 1);  // only beyond 2 / kappa
    CHECK(contains(falsified("X5").out, "NOTHING WAS TESTED: the loss is sigmoid"));
    const Outcome later = run({"certify", "run.h5", "--claim", "X1", "--claim-file", "own.claim"});
    CHECK_MESSAGE(contains(later.out, "X1   proved for this run"), later.err);
}

TEST_CASE("what falsify finds of behaviours, embeddings and contexts is certified, too") {
    if (!certify::available()) {
        MESSAGE("SKIPPED: built without FLINT");
        return;
    }
    const TemporaryDirectory folder;
    const WorkingDirectory inside(folder / "");
    for (const std::string claim : {"T8a", "T9a", "T12c"}) {
        const Outcome found = run({"falsify", "--claim", claim, "--budget", "40"});
        REQUIRE_MESSAGE(found.code == 0, found.err);
        CHECK_MESSAGE(contains(found.out, "certificate: proved for this run"), claim, found.out);
    }
}

TEST_CASE("falsify takes a prefix: a line, a certificate and a config for each searchable claim") {
    const TemporaryDirectory folder;
    const WorkingDirectory inside(folder / "");
    const Outcome found = run({"falsify", "--claim", "T2", "--budget", "100"});
    REQUIRE_MESSAGE(found.code == 0, found.err);
    const auto searched = theory::select_claims("T2");
    const auto searchable = std::ranges::count_if(searched, has_search_space);
    std::istringstream lines(found.out);
    std::ptrdiff_t said = 0, certified = 0;
    for (std::string line; std::getline(lines, line);)
        ++(line.starts_with("certificate: ") ? certified : said);
    CHECK(said == searchable);
    CHECK((certified == searchable || certified == 0));  // 0: built without FLINT
    for (const theory::Claim& claim : searched) {
        if (!has_search_space(claim)) continue;
        CHECK(contains(found.out, claim.id));
        const std::string path = "results/falsify_" + claim.id + ".ini";
        CHECK(contains(found.out, path));
        CHECK(run({"simulate", "--config", path, "--out", "run.h5", "--force"}).code == 0);
    }
    const Outcome refused = run({"falsify", "--claim", "T2", "--budget", "100"});
    CHECK(contains(refused.err, "--force"));
    const Outcome some = run({"falsify", "--claim", "T6", "--budget", "20", "--out", "six"});
    REQUIRE_MESSAGE(some.code == 0, some.err);
    for (const std::string id : {"T6a", "T6b", "T6e"}) {
        CHECK(contains(some.out, id));
        CHECK(fs::exists("six/falsify_" + id + ".ini"));
    }
    const Outcome one = run({"falsify", "--claim", "T12b", "--budget", "20"});
    REQUIRE_MESSAGE(one.code == 0, one.err);
    const Outcome again =
        run({"falsify", "--config", "results/falsify_T12b.ini", "--out", "again.ini"});
    CHECK_MESSAGE(again.code == 0, again.err);
}

TEST_CASE("falsify leaves a case that simulate replays") {
    const TemporaryDirectory folder;
    const std::string path = folder / "case.ini";
    const Outcome found = run({"falsify", "--claim", "T3b", "--budget", "200", "--out", path});
    REQUIRE_MESSAGE(found.code == 0, found.err);
    CHECK(contains(found.out, "T3b"));
    CHECK(contains(found.out, "not broken"));
    const Outcome again = run({"simulate", "--config", path, "--out", folder / "run.h5"});
    REQUIRE_MESSAGE(again.code == 0, again.err);
    const h5::Reader replayed(folder / "run.h5");
    CHECK(replayed.numbers("head_change").size() > 1);
    const NpyArray rows = read_npy(path + ".features.npy"), labels = read_npy(path + ".labels.npy");
    REQUIRE(rows.shape.size() == 2);
    CHECK(labels.shape == std::vector<std::size_t>{rows.shape[0]});
    const Outcome given = run({"simulate", "--features", path + ".features.npy", "--labels",
                               path + ".labels.npy", "--steps", "1", "--out", folder / "npy.h5"});
    REQUIRE_MESSAGE(given.code == 0, given.err);
    CHECK(h5::Reader(folder / "npy.h5").numbers("zbar_norm") == replayed.numbers("zbar_norm"));
}

TEST_CASE("falsify leaves a case of a study that falsify replays") {
    const TemporaryDirectory folder;
    const std::string path = folder / "case.ini", again = folder / "again.ini";
    const Outcome found = run({"falsify", "--claim", "T8b", "--budget", "200", "--after", "0.5",
                               "--seed", "4", "--out", path});
    REQUIRE_MESSAGE(found.code == 0, found.err);
    const Outcome replayed = run({"falsify", "--config", path, "--out", again});
    REQUIRE_MESSAGE(replayed.code == 0, replayed.err);
    const auto verdict = [](const std::string& text) {
        const auto from = text.find("not broken"), to = text.find(", after", from);
        REQUIRE(to != std::string::npos);
        return text.substr(from, to - from);
    };
    CHECK(verdict(replayed.out) == verdict(found.out));
    const h5::Reader features(path + ".h5");
    CHECK(features.numbers("behaviour").size() == features.numbers("label").size());
}

TEST_CASE("falsify names what it cannot search") {
    const TemporaryDirectory folder;
    const std::string path = folder / "case.ini";
    for (const auto& [arguments, words] :
         std::vector<std::pair<std::vector<std::string>, std::string>>{
             {{"--claim", "T3b", "--budget", "0"}, "budget"},
             {{"--claim", "T99"}, "T99"},
             {{"--claim", "T2"}, "several claims need a folder"},
             {{"--claim", "T2", "--replay", "0 0.5"}, "several claims"},
             {{"--claim", "T5"}, "T5g cannot be searched"},
             {{"--claim", "T5g"}, "T5g"},
             {{"--claim", "T10a"}, "choose one of T1"},
             {{"--claim", "T8b", "--replay", "0 0.5 2"}, "[0, 1]"},
             {{"--claim", "T8b", "--replay", "0 0.5"}, "coordinates"},
             {{"--claim", "T8b", "--replay", "first"}, "[0, 1]"},
             {{}, "claim"}}) {
        std::vector<std::string> line = {"falsify", "--out", path};
        line.insert(line.end(), arguments.begin(), arguments.end());
        const Outcome refused = run(line);
        CHECK(refused.code == 2);
        CHECK_MESSAGE(contains(refused.err, words), refused.err);
        CHECK(!fs::exists(path));
    }
}

}  // namespace prefdyn::test
