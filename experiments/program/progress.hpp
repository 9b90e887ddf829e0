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
    /// The same to `done` of the total, from one thread.
    void reach(std::size_t done);
    /// What is being done, behind the share; shown at once.
    void note(std::string text);
    /// Takes the line away until the next call: something else is to be printed.
    void clear() const;

  private:
    void draw(std::size_t done);
    void write(std::size_t done) const;
    std::string label_, note_;
    std::size_t total_;
    bool visible_;
    std::atomic<std::size_t> done_{0};
    std::chrono::steady_clock::time_point start_, last_;
};

}  // namespace prefdyn
