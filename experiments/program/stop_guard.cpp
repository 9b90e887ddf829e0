#include "experiments/program/stop_guard.hpp"

#include <chrono>

#include "sim/base/cancel.hpp"

namespace prefdyn {

namespace {

constexpr std::chrono::milliseconds kPoll(10), kGrace(1000);

}  // namespace

StopGuard::StopGuard(std::function<void()> seen, std::function<void()> overdue)
    : seen_(std::move(seen)), overdue_(std::move(overdue)), thread_([this] { watch(); }) {}

StopGuard::~StopGuard() {
    {
        const std::lock_guard lock(door_);
        over_ = true;
    }
    changed_.notify_all();
    thread_.join();
}

void StopGuard::watch() {
    std::unique_lock lock(door_);
    while (!cancel_requested())
        if (changed_.wait_for(lock, kPoll, [this] { return over_; })) return;
    const auto deadline = std::chrono::steady_clock::now() + kGrace;
    lock.unlock();
    seen_();
    lock.lock();
    if (!changed_.wait_until(lock, deadline, [this] { return over_; })) overdue_();
}

}  // namespace prefdyn
