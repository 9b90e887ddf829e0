#pragma once
// How many threads work, and how they wait.

#include <filesystem>
#include <optional>
#include <string>

namespace prefdyn {

/// First thing in main: threads that wait for others sleep, and there are as many as the cores that
/// this process may use. OMP_WAIT_POLICY, GOMP_SPINCOUNT and OMP_NUM_THREADS say otherwise. The
/// library reads how to wait before main begins, so that the program starts itself once more.
void prepare_threads(char** arguments);

/// Cores that the group of processes may use at a time: its quota, rounded up, and those of the
/// groups above it; none where there is no quota. `self` is /proc/self/cgroup, `root` is
/// /sys/fs/cgroup (version 2 of control groups, or 1 with the controller's folders).
std::optional<int> cores_of_quota(const std::string& self, const std::filesystem::path& root);

}  // namespace prefdyn
