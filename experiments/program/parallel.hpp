#pragma once
#include <exception>

#include "experiments/program/progress.hpp"
#include "sim/base/cancel.hpp"
#include "sim/base/failure.hpp"

namespace prefdyn {

/// body(i) for i in [0, count), dynamically scheduled over the OpenMP threads. The first exception
/// is rethrown after the loop; a cancel request throws Interrupted.
template <class Body>
void parallel_for(std::size_t count, Body body) {
    std::exception_ptr failure;
#pragma omp parallel for schedule(dynamic, 1)
    for (std::size_t i = 0; i < count; ++i) {
        bool stop = cancel_requested();
#pragma omp critical(prefdyn_parallel_failure)
        stop = stop || failure != nullptr;
        if (stop) continue;
        try {
            body(i);
        } catch (...) {
#pragma omp critical(prefdyn_parallel_failure)
            if (!failure) failure = std::current_exception();
        }
    }
    if (failure) std::rethrow_exception(failure);
    if (cancel_requested()) throw Interrupted();
}

/// The same with progress on a terminal.
template <class Body>
void parallel_for(const std::string& label, std::size_t count, Body body) {
    Progress progress(label, count);
    parallel_for(count, [&](std::size_t i) {
        body(i);
        progress.advance();
    });
}

}  // namespace prefdyn
