// The script as bash runs it, without Slurm; slurm_real_test.py has one.
#include "experiments/sweep/slurm.hpp"

#include <doctest/doctest.h>
#include <sys/wait.h>

#include <chrono>
#include <cstdlib>
#include <fstream>

#include "experiments/sweep/folder.hpp"
#include "tests/support/support.hpp"

using namespace prefdyn;
using test::contains;
using test::TemporaryDirectory;

namespace {

/// Exit code of the second task.
int run_task(const TemporaryDirectory& dir, const sweep::SlurmOptions& options) {
    std::ofstream(dir / "job.sbatch") << sweep::slurm_script(options);
    const std::string call = "SLURM_ARRAY_TASK_ID=2 SLURM_CPUS_PER_TASK=1 bash " +
                             (dir / "job.sbatch") + " >" + (dir / "log") + " 2>&1";
    return WEXITSTATUS(std::system(call.c_str()));
}

}  // namespace

TEST_CASE("a task runs its shard, whatever the paths hold, and ends with the worker's exit code") {
    const TemporaryDirectory dir;
    const std::string folder = dir / "it's `a` \"b\" $HOME\n*";
    std::filesystem::create_directory(folder);
    std::filesystem::create_symlink(PREFDYN_EXECUTABLE, folder + "/prefdyn");
    sweep::SlurmOptions options;
    options.spec = folder + "/s p.ini";
    options.out = folder + "/out";
    options.program = folder + "/prefdyn";
    options.array = 3;
    CHECK(run_task(dir, options) == 2);  // no spec
    std::ofstream(options.spec) << "distinguishability = 1, 2\nsamples = 20\ndimension = 4\n"
                                   "steps = 4\nrecords = 2\nreplicates = 2\n";
    CHECK(run_task(dir, options) == 0);
    std::vector<std::string> damaged;
    sweep::Origins origins;
    const auto done = sweep::finished_points(options.out, sweep::spec_of_folder(options.out),
                                             damaged, origins, [](const auto&) {});
    CHECK(done == std::vector<char>{0, 1, 0, 0});
}

TEST_CASE("the program is this one unless named, and a bare name is left to the node") {
    sweep::SlurmOptions options;
    options.spec = options.out = "x";
    const std::string self = std::filesystem::read_symlink("/proc/self/exe").string();
    CHECK(contains(sweep::slurm_script(options), "\nprogram=('" + self + "')\n"));
    options.program = "prefdyn";
    CHECK(contains(sweep::slurm_script(options), "\nprogram=('prefdyn')\n"));
    options.program = "bin/prefdyn";
    CHECK(contains(sweep::slurm_script(options),
                   std::filesystem::current_path().string() + "/bin/prefdyn')\n"));
}

TEST_CASE("what the site asks for is in the script, before anything that can be stopped") {
    sweep::SlurmOptions o;
    o.spec = o.out = "x";
    const std::string plain = sweep::slurm_script(o);
    for (const char* name : {"--mem", "--partition", "--account", "--qos", "--mail", "sbatch "})
        CHECK_FALSE(contains(plain, name));
    o.memory = "3G";
    o.partition = "long";
    o.account = "group";
    o.qos = "high";
    o.mail = "me@here";
    o.merged = "m.h5";
    o.container = "image.sif";
    const std::string script = sweep::slurm_script(o);
    for (const char* line :
         {"\n#SBATCH --mem=3G\n", "\n#SBATCH --partition=long\n", "\n#SBATCH --account=group\n",
          "\n#SBATCH --qos=high\n", "\n#SBATCH --mail-user=me@here\n",
          "same=( --partition=long --account=group --qos=high )\n", "image.sif' prefdyn)\n"})
        CHECK_MESSAGE(contains(script, line), line);
    for (const std::string& text : {plain, script})
        CHECK(text.find("trap 'warned") < text.find("module load"));
    for (const auto field : {&sweep::SlurmOptions::partition, &sweep::SlurmOptions::memory}) {
        sweep::SlurmOptions bad = o;
        bad.*field = "a\n#SBATCH --x";
        CHECK(contains(test::input_error([&] { sweep::slurm_script(bad); }), "has a blank"));
    }
}

TEST_CASE("times as sbatch takes them, and a warning that is not before the start") {
    const std::vector<std::pair<std::string, double>> times = {
        {"90", 5400.0},    {"1:30", 90.0},       {"01:00:00", 3600.0},
        {"2-3", 183600.0}, {"2-3:30", 185400.0}, {"2-3:30:10", 185410.0}};
    for (const auto& [text, seconds] : times) CHECK(sweep::slurm_seconds(text) == seconds);
    for (const char* bad : {"", "tomorrow", "1:", "1:2:3:4", "-1", "1-", "1.5", "1h"})
        CHECK(contains(test::input_error([&] { sweep::slurm_seconds(bad); }), "is no time"));
    sweep::SlurmOptions o;
    o.spec = o.out = "x";
    o.time = "2";
    o.warn = 120;
    CHECK(contains(test::input_error([&] { sweep::slurm_script(o); }), "is not below --time 2"));
    o.warn = 119;
    CHECK(test::input_error([&] { sweep::slurm_script(o); }).empty());
}

TEST_CASE("a warning that comes before the worker listens does not kill the script") {
    const TemporaryDirectory dir;
    std::ofstream(dir / "slow") << "#!/bin/bash\ntrap 'exit 130' USR1\nsleep 20 & wait\n";
    std::filesystem::permissions(dir / "slow", std::filesystem::perms::owner_all);
    sweep::SlurmOptions options;
    options.spec = dir / "s.ini";
    options.out = dir / "out";
    options.program = dir / "slow";
    std::ofstream(dir / "job.sbatch") << sweep::slurm_script(options);
    const std::string call = "SLURM_ARRAY_TASK_ID=1 SLURM_CPUS_PER_TASK=1 bash " +
                             (dir / "job.sbatch") + " >" + (dir / "log") +
                             " 2>&1 & sleep 0.3; kill -USR1 $!; wait $!";
    const auto begin = std::chrono::steady_clock::now();
    CHECK(WEXITSTATUS(std::system(call.c_str())) == 130);
    CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(15));
}
