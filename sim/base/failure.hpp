#pragma once
// What a command ends with other than a result: the user's input or the machine failed, or somebody
// asked to stop.

#include <stdexcept>
#include <string>

namespace prefdyn {

/// The message names the object, the place, the value and the allowed range; `hint` is the next
/// move.
class Failure : public std::runtime_error {
  public:
    explicit Failure(const std::string& what, std::string hint = {})
        : std::runtime_error(what), hint_(std::move(hint)) {}
    const std::string& hint() const noexcept { return hint_; }

  private:
    std::string hint_;
};

/// Something from outside (option, file, dataset) that cannot be used. The executable exits with 2.
class InputError : public Failure {
  public:
    using Failure::Failure;
};

/// Nothing is wrong with what was asked, but a part of the machine failed. The executable exits
/// with 3.
class MachineError : public Failure {
  public:
    using Failure::Failure;
};

/// A file that was open and would not take what is written: no room, a quota, a broken disk.
class WriteError : public MachineError {
  public:
    using MachineError::MachineError;
};

/// A card that is there and fails.
class DeviceError : public MachineError {
  public:
    using MachineError::MachineError;
};

/// The user or the scheduler asked to stop; nothing half-written is left behind.
class Interrupted : public std::runtime_error {
  public:
    Interrupted() : std::runtime_error("interrupted") {}
};

}  // namespace prefdyn
