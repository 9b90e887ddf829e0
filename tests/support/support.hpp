#pragma once
// What several tests share. Errors are compared as `error <= tolerance`, which NaN never passes.

#include <omp.h>

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "sim/base/failure.hpp"
#include "sim/base/numerics.hpp"
#include "sim/data/noise.hpp"
#include "sim/head/engine.hpp"

namespace prefdyn::test {

#ifdef __SANITIZE_ADDRESS__
inline constexpr bool kSanitized = true;  ///< long repetitions are cut there
#else
inline constexpr bool kSanitized = false;
#endif

/// Statistical checks fail beyond this many standard errors; they are never retried.
inline constexpr double kSigmas = 6.0;

/// Seed of every random test: PREFDYN_TEST_SEED, or a fixed one; printed on first use.
inline std::uint64_t seed() {
    static const std::uint64_t value = [] {
        const char* text = std::getenv("PREFDYN_TEST_SEED");
        const std::uint64_t chosen = text ? std::strtoull(text, nullptr, 0) : 20240318;
        std::cout << "PREFDYN_TEST_SEED=" << chosen << '\n';
        return chosen;
    }();
    return value;
}

/// The tree the tests read; $PREFDYN_SOURCE where it is not the one they were built from.
inline std::filesystem::path source_dir() {
    const char* place = std::getenv("PREFDYN_SOURCE");
    return place ? place : PREFDYN_SOURCE_DIR;
}

inline std::filesystem::path data_dir() {
    const char* place = std::getenv("PREFDYN_DATA");
    return place ? std::filesystem::path(place) : source_dir() / ".." / "shared" / "data";
}

/// Something is not tested here: a line that test.sh repeats in its summary.
inline void skipped(const std::string& reason) { std::cout << "SKIPPED: " << reason << '\n'; }

/// False, and says so loudly, if a test's input is not on this machine.
inline bool available(const std::filesystem::path& path) {
    if (std::filesystem::exists(path)) return true;
    skipped(path.string() + " is absent (set PREFDYN_DATA)");
    return false;
}

/// |got - want| / |want|; the plain difference if want = 0.
inline double relative_error(double got, double want) {
    const double difference = std::fabs(got - want);
    return want == 0.0 ? difference : difference / std::fabs(want);
}

/// ||got - want|| / ||want||, NaN if the shapes differ.
template <class A, class B>
double relative_error(const Eigen::DenseBase<A>& got, const Eigen::DenseBase<B>& want) {
    if (got.rows() != want.rows() || got.cols() != want.cols()) return kNan;
    const double difference = (got.derived() - want.derived()).norm();
    const double size = want.derived().norm();
    return size == 0.0 ? difference : difference / size;
}

/// Equal shapes and equal bytes.
template <class A>
bool same_bits(const A& a, const A& b) {
    return a.rows() == b.rows() && a.cols() == b.cols() &&
           std::memcmp(a.data(), b.data(),
                       static_cast<std::size_t>(a.size()) * sizeof(typename A::Scalar)) == 0;
}

/// what() of the InputError that `action` throws; empty if it throws none.
template <class Action>
std::string input_error(Action action) {
    try {
        action();
    } catch (const InputError& error) {
        return error.what();
    }
    return {};
}

/// The same of a MachineError.
template <class Action>
std::string machine_error(Action action) {
    try {
        action();
    } catch (const MachineError& error) {
        return error.what();
    }
    return {};
}

inline bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

/// Number of OpenMP threads while in scope.
class Threads {
  public:
    explicit Threads(int count) : before_(omp_get_max_threads()) { omp_set_num_threads(count); }
    ~Threads() { omp_set_num_threads(before_); }
    Threads(const Threads&) = delete;
    Threads& operator=(const Threads&) = delete;

  private:
    int before_;
};

/// A fresh directory, removed with everything in it.
class TemporaryDirectory {
  public:
    TemporaryDirectory() {
        std::string name = (std::filesystem::temp_directory_path() / "prefdyn-XXXXXX").string();
        if (!mkdtemp(name.data())) throw std::runtime_error("mkdtemp failed");
        path_ = name;
    }
    ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
    TemporaryDirectory(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
    std::string operator/(const std::string& name) const { return (path_ / name).string(); }

  private:
    std::filesystem::path path_;
};

/// Independent standard normal entries, named by (seed(), index).
inline RowMatrix gaussian(Index rows, Index columns, std::uint64_t index) {
    RowMatrix out(rows, columns);
    Stream stream(seed(), Purpose::kSuite, index);
    fill_noise(NoiseSpec{}, stream, out.data(), out.size());
    return out;
}

/// Gaussian features; every third label is -1 (n = 1: +1 only).
inline Dataset gaussian_dataset(Index n, Index d, std::uint64_t index) {
    Dataset data;
    data.name = "test";
    data.features = gaussian(n, d, index);
    for (Index i = 0; i < n; ++i) data.label.push_back(i % 3 == 1 ? -1 : 1);
    data.category = data.label;
    return data;
}

inline PreferenceTask make_task(Dataset train, double beta = 0.1) {
    PreferenceTask task;
    task.train = std::move(train);
    task.held_out.features.resize(0, task.train.dimension());
    task.policy.beta = beta;
    task.loss = make_loss("sigmoid");
    return task;
}

}  // namespace prefdyn::test
