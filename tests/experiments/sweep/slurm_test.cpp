// The script as bash runs it, without Slurm; slurm_real_test.py has one.
#include "experiments/sweep/slurm.hpp"

#include <doctest/doctest.h>
#include <sys/wait.h>

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
    const auto done =
        sweep::finished_points(options.out, sweep::spec_of_folder(options.out), damaged);
    CHECK(done == std::vector<char>{0, 1, 0, 0});
}

TEST_CASE("the program is this one unless named, and a bare name is left to the node") {
    sweep::SlurmOptions options;
    options.spec = options.out = "x";
    const std::string self = std::filesystem::read_symlink("/proc/self/exe").string();
    CHECK(contains(sweep::slurm_script(options), "\nprogram='" + self + "'\n"));
    options.program = "prefdyn";
    CHECK(contains(sweep::slurm_script(options), "\nprogram='prefdyn'\n"));
    options.program = "bin/prefdyn";
    CHECK(contains(sweep::slurm_script(options),
                   std::filesystem::current_path().string() + "/bin/prefdyn'\n"));
}
