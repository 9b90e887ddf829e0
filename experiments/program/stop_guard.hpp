#pragma once
#include <functional>
#include <thread>

namespace prefdyn {

/// A stop in bounded time where single steps of the work may take longer. As soon as one is
/// requested a thread of its own calls `seen`; if this object is still there a second later it
/// calls `overdue`, which is to end the process. Neither may throw.
class StopGuard {
  public:
    StopGuard(std::function<void()> seen, std::function<void()> overdue);

  private:
    std::jthread thread_;
};

}  // namespace prefdyn
