#pragma once
#include "sim/error.hpp"

namespace prefdyn {

/// A file that was open and would not take what is written: no room, a quota, a broken disk. Not
/// the fault of what was asked: the executable exits with 3.
class WriteError : public InputError {
  public:
    using InputError::InputError;
};

}  // namespace prefdyn
