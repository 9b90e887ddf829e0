#pragma once
#include <atomic>
#include <chrono>
#include <string>

namespace prefdyn {

/// One line on a terminal's standard error with share done and time left; silent elsewhere.
/// `advance` may be called from any thread.
class Progress {
  public:
    Progress(std::string label, std::size_t total);
    ~Progress();
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;
    void advance();

  private:
    void draw(std::size_t done);
    std::string label_;
    std::size_t total_;
    bool visible_;
    std::atomic<std::size_t> done_{0};
    std::chrono::steady_clock::time_point start_, last_;
};

}  // namespace prefdyn
