#pragma once
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

namespace prefdyn {

/// A stop in bounded time where single steps of the work may take longer. As soon as one is
/// requested a thread of its own calls `seen`; if this object is still there a second later it
/// calls `overdue`, which is to end the process. Neither may throw.
class StopGuard {
  public:
    StopGuard(std::function<void()> seen, std::function<void()> overdue);
    ~StopGuard();
    StopGuard(const StopGuard&) = delete;
    StopGuard& operator=(const StopGuard&) = delete;

  private:
    void watch();
    std::function<void()> seen_, overdue_;
    std::mutex door_;
    std::condition_variable changed_;
    bool over_ = false;
    std::thread thread_;  // the last: it uses the others
};

}  // namespace prefdyn
