#pragma once
#include <stdexcept>
#include <string>

namespace prefdyn {

/// Something from outside (option, file, dataset) that cannot be used. The message names the
/// object, the place, the value and the allowed range; `hint` is the next move. The executable
/// exits with 2.
class InputError : public std::runtime_error {
  public:
    explicit InputError(const std::string& what, std::string hint = {})
        : std::runtime_error(what), hint_(std::move(hint)) {}
    const std::string& hint() const noexcept { return hint_; }

  private:
    std::string hint_;
};

/// The user or the scheduler asked to stop; nothing half-written is left behind.
class Interrupted : public std::runtime_error {
  public:
    Interrupted() : std::runtime_error("interrupted") {}
};

}  // namespace prefdyn
