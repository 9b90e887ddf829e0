#include "experiments/program/cores.hpp"

#include <omp.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <sstream>

namespace prefdyn {

namespace {

namespace fs = std::filesystem;

std::string text_of(const fs::path& path) {
    std::ifstream in(path);
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

/// "200000 100000", or "max 100000".
std::optional<double> share(const std::string& quota_and_period) {
    std::istringstream in(quota_and_period);
    double quota = 0.0, period = 0.0;
    if (!(in >> quota >> period) || !(quota > 0.0) || !(period > 0.0)) return std::nullopt;
    return quota / period;
}

std::optional<double> share_of(const fs::path& group, bool version_2) {
    if (version_2) return share(text_of(group / "cpu.max"));
    return share(text_of(group / "cpu.cfs_quota_us") + " " + text_of(group / "cpu.cfs_period_us"));
}

/// Of a group and all above it. Within a container the group's own path may not be there.
std::optional<double> least_share(const fs::path& root, const fs::path& group, bool version_2) {
    std::optional<double> least;
    for (fs::path at = group.relative_path();; at = at.parent_path()) {
        if (const auto here = share_of(root / at, version_2))
            least = least ? std::min(*least, *here) : *here;
        if (at.empty()) return least;
    }
}

bool is_controller_of_cores(const std::string& controllers) {
    std::istringstream in(controllers);
    for (std::string name; std::getline(in, name, ',');)
        if (name == "cpu") return true;
    return false;
}

/// Nothing if it cannot: threads then wait as the library lets them.
void start_again(char** arguments) {
    setenv("OMP_WAIT_POLICY", "passive", 0);
    std::error_code failed;
    const fs::path program = fs::read_symlink("/proc/self/exe", failed);
    if (!failed) execv(program.c_str(), arguments);
}

}  // namespace

std::optional<int> cores_of_quota(const std::string& self, const fs::path& root) {
    std::optional<double> least;
    std::istringstream lines(self);
    for (std::string line; std::getline(lines, line);) {  // number:controllers:path
        const auto first = line.find(':'), second = line.find(':', first + 1);
        if (first == line.npos || second == line.npos) continue;
        const std::string controllers = line.substr(first + 1, second - first - 1);
        const bool version_2 = controllers.empty();
        if (!version_2 && !is_controller_of_cores(controllers)) continue;
        const auto here =
            least_share(version_2 ? root : root / "cpu", line.substr(second + 1), version_2);
        if (here) least = least ? std::min(*least, *here) : *here;
    }
    if (!least) return std::nullopt;
    return static_cast<int>(std::clamp(std::ceil(*least), 1.0, 4096.0));
}

void prepare_threads(char** arguments) {
    if (!std::getenv("OMP_WAIT_POLICY") && !std::getenv("GOMP_SPINCOUNT")) start_again(arguments);
    if (std::getenv("OMP_NUM_THREADS")) return;
    if (const auto cores = cores_of_quota(text_of("/proc/self/cgroup"), "/sys/fs/cgroup"))
        omp_set_num_threads(std::min(*cores, omp_get_max_threads()));
}

}  // namespace prefdyn
