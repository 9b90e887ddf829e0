#pragma once
// Work on files from outside in a process of its own: whatever a library does with a damaged or
// hostile file, this process goes on.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

namespace prefdyn {

/// GiB that reading one file from outside may take; an option raises it.
inline std::int64_t read_limit_gib = 16;

struct ChildLimits {
    std::size_t bytes;  ///< of memory beside what this process holds
    double seconds;     ///< of processor time
};

/// One end of the pipe between the two.
class Channel {
  public:
    explicit Channel(int file) : file_(file) {}
    void write(const void* bytes, std::size_t count);
    /// Throws ChannelEnded if less than that comes, Interrupted if a stop is requested.
    void read(void* bytes, std::size_t count);

  private:
    int file_;
};

class ChannelEnded {};

/// `work` computes in the child and writes to the channel, from which `take` reads here. Throws the
/// InputError or MachineError that `work` throws; an InputError that names `path` if the child
/// dies, or exceeds the limits.
void in_child(const std::string& path, const ChildLimits& limits,
              const std::function<void(Channel&)>& work, const std::function<void(Channel&)>& take);

}  // namespace prefdyn
