#include "experiments/results/provenance.hpp"

#include <H5public.h>
#include <omp.h>
#include <unistd.h>

#include <Eigen/Core>
#include <boost/version.hpp>
#include <ctime>

#include "build_info.hpp"

namespace prefdyn {

namespace {

std::string dotted(int a, int b, int c) {
    return std::to_string(a) + "." + std::to_string(b) + "." + std::to_string(c);
}

std::string host_name() {
    char name[256] = {};
    return gethostname(name, sizeof name - 1) == 0 ? name : "unknown";
}

std::string utc_now() {
    char text[32];
    const std::time_t now = std::time(nullptr);
    std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", std::gmtime(&now));
    return text;
}

}  // namespace

std::vector<std::pair<std::string, std::string>> provenance(Device device) {
    return {
        {"version", build_info::kVersion},
        {"commit", build_info::kCommit},
        {"commit_dirty", build_info::kDirty ? "true" : "false"},
        {"compiler",
#if defined(__clang__)
         "clang " __clang_version__
#else
         "g++ " __VERSION__
#endif
        },
        {"build_type", build_info::kBuildType},
        {"flags", build_info::kFlags},
        {"eigen", dotted(EIGEN_WORLD_VERSION, EIGEN_MAJOR_VERSION, EIGEN_MINOR_VERSION)},
        {"boost", dotted(BOOST_VERSION / 100000, BOOST_VERSION / 100 % 1000, BOOST_VERSION % 100)},
        {"hdf5", dotted(H5_VERS_MAJOR, H5_VERS_MINOR, H5_VERS_RELEASE)},
        {"host", host_name()},
        {"device", describe(device)},
        {"threads", std::to_string(omp_get_max_threads())},
        {"written", utc_now()},
    };
}

}  // namespace prefdyn
