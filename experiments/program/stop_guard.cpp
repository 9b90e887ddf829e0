#include "experiments/program/stop_guard.hpp"

#include <chrono>
#include <condition_variable>
#include <mutex>

#include "sim/base/cancel.hpp"

namespace prefdyn {

namespace {

constexpr std::chrono::milliseconds kPoll(10), kGrace(1000);

void watch(const std::stop_token& over, const std::function<void()>& seen,
           const std::function<void()>& overdue) {
    std::mutex door;
    std::unique_lock lock(door);
    std::condition_variable_any changed;
    const auto is_over = [&] { return over.stop_requested(); };
    while (!cancel_requested())
        if (changed.wait_for(lock, over, kPoll, is_over)) return;
    const auto deadline = std::chrono::steady_clock::now() + kGrace;
    seen();
    if (!changed.wait_until(lock, over, deadline, is_over)) overdue();
}

}  // namespace

StopGuard::StopGuard(std::function<void()> seen, std::function<void()> overdue)
    : thread_(watch, std::move(seen), std::move(overdue)) {}

}  // namespace prefdyn
