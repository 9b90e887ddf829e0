#pragma once
#include "sim/base/failure.hpp"

namespace prefdyn {

/// Everything that is wrong with an input, said in one error.
class Complaints {
  public:
    explicit Complaints(const char* between = "\n") : between_(between) {}

    void unless(bool fine, const std::string& what) {
        if (!fine) text_ += (text_.empty() ? "" : between_) + what;
    }
    bool none() const { return text_.empty(); }
    void raise(const std::string& hint, const std::string& object = {}) const {
        if (!none()) throw InputError(object + text_, hint);
    }

  private:
    std::string between_, text_;
};

}  // namespace prefdyn
