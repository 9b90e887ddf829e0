#pragma once
#include <cmath>
#include <cstring>
#include <vector>

#include "sim/base/levels/level.hpp"

namespace prefdyn::test {

/// A level while it lives.
class AtLevel {
  public:
    explicit AtLevel(Level at) : before_(level()) { use_level(at); }
    ~AtLevel() { use_level(before_); }
    AtLevel(const AtLevel&) = delete;
    AtLevel& operator=(const AtLevel&) = delete;

  private:
    Level before_;
};

/// The same bits; of NaN any.
inline bool same_numbers(const std::vector<double>& a, const std::vector<double>& b) {
    if (a.size() != b.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i)
        if (std::memcmp(&a[i], &b[i], sizeof(double)) != 0 &&
            !(std::isnan(a[i]) && std::isnan(b[i])))
            return false;
    return true;
}

}  // namespace prefdyn::test
