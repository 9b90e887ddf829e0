#include "experiments/results/provenance.hpp"

#include <H5public.h>
#include <omp.h>
#include <unistd.h>

#include <Eigen/Core>
#include <boost/version.hpp>
#include <ctime>
#include <string_view>

#include "build_info.hpp"
#include "sim/base/arithmetic.hpp"

namespace prefdyn {

namespace {

const char* const kCompiler =
#if defined(__clang__)
    "clang " __clang_version__;
#else
    "g++ " __VERSION__;
#endif

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

Provenance provenance(Device device) {
    return {
        {"version", build_info::kVersion}, {"commit", build_info::kCommit},
            {"commit_dirty", build_info::kDirty}, {"compiler", kCompiler},
            {"build_type", build_info::kBuildType}, {"flags", build_info::kFlags},
#if EIGEN_MAJOR_VERSION >= 5  // no longer part of version 3
            {"eigen", dotted(EIGEN_MAJOR_VERSION, EIGEN_MINOR_VERSION, EIGEN_PATCH_VERSION)},
#else
            {"eigen", dotted(EIGEN_WORLD_VERSION, EIGEN_MAJOR_VERSION, EIGEN_MINOR_VERSION)},
#endif
            {"boost",
             dotted(BOOST_VERSION / 100000, BOOST_VERSION / 100 % 1000, BOOST_VERSION % 100)},
            {"hdf5", dotted(H5_VERS_MAJOR, H5_VERS_MINOR, H5_VERS_RELEASE)}, {"host", host_name()},
            {"device", describe(device)}, {"arithmetic", arithmetic_mark()},
            {"threads", std::to_string(omp_get_max_threads())}, {"written", utc_now()},
    };
}

std::string program_name() {
    return std::string(build_info::kVersion) + " " + build_info::kCommit +
           (std::string_view(build_info::kDirty) == "true" ? " with changes, " : ", ") + kCompiler +
           ", " + build_info::kFlags;
}

}  // namespace prefdyn
