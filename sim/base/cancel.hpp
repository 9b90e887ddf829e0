#pragma once
#include <atomic>

#include "sim/base/failure.hpp"

namespace prefdyn {

/// Set by a signal handler or a time limit; every long loop looks at it and stops at a clean point.
inline std::atomic<bool> cancel_flag{false};

inline bool cancel_requested() { return cancel_flag.load(std::memory_order_relaxed); }

inline void stop_if_requested() {
    if (cancel_requested()) throw Interrupted();
}

}  // namespace prefdyn
