#pragma once
// Random tabular worlds for tests.

#include "sim/tabular/tabular.hpp"
#include "tests/support/support.hpp"

namespace prefdyn::test {

inline TabularWorld random_world(Index P, Index A, std::uint64_t index, double scale = 1.0) {
    Vector weight = Vector::LinSpaced(P, 1.0, 3.0);
    weight /= weight.sum();
    return make_world(weight, log_softmax(gaussian(P, A, 1000 + index)).array().exp(),
                      scale * gaussian(P, A, 2000 + index));
}

/// Index of response a in a permutation that reverses the responses.
inline RowMatrix reversed(const RowMatrix& m) { return m.rowwise().reverse(); }

}  // namespace prefdyn::test
