// The designs other than the grid.
#include <boost/random/sobol.hpp>
#include <boost/random/uniform_01.hpp>
#include <boost/random/uniform_int_distribution.hpp>
#include <cmath>
#include <numeric>

#include "experiments/sweep/spec.hpp"
#include "sim/base/substream.hpp"

namespace prefdyn::sweep {

namespace {

Stream design_stream(const Spec& spec, std::uint64_t index) {
    return stream_of(spec.seed, Substream::kDesign, index);
}

/// A stream a point: points do not depend on how many there are.
RowMatrix uniform(const Spec& spec, Index points, Index keys) {
    RowMatrix out(points, keys);
    boost::random::uniform_01<double> draw;
    for (Index i = 0; i < points; ++i) {
        Stream stream = design_stream(spec, static_cast<std::uint64_t>(i));
        for (Index k = 0; k < keys; ++k) out(i, k) = draw(stream);
    }
    return out;
}

/// Sobol's sequence without its first point (all zero), shifted by the seed on the torus.
RowMatrix sobol(const Spec& spec, Index points, Index keys) {
    RowMatrix out(points, keys);
    const RowMatrix shift = uniform(spec, 1, keys);
    boost::random::sobol sequence(static_cast<std::size_t>(keys));
    sequence.discard(static_cast<std::uintmax_t>(keys));
    for (Index i = 0; i < points; ++i)
        for (Index k = 0; k < keys; ++k) {
            const double u = std::ldexp(static_cast<double>(sequence() >> 11), -53) + shift(0, k);
            out(i, k) = u - std::floor(u);
        }
    return out;
}

/// Every key has one point in each of `points` cells of equal size.
RowMatrix latin_hypercube(const Spec& spec, Index points, Index keys) {
    RowMatrix out = uniform(spec, points, keys);
    std::vector<Index> cell(static_cast<std::size_t>(points));
    for (Index k = 0; k < keys; ++k) {
        std::iota(cell.begin(), cell.end(), Index{0});
        Stream stream = design_stream(spec, static_cast<std::uint64_t>(points + k));
        for (std::size_t i = cell.size(); i > 1; --i) {
            boost::random::uniform_int_distribution<std::size_t> pick(0, i - 1);
            std::swap(cell[i - 1], cell[pick(stream)]);
        }
        for (Index i = 0; i < points; ++i)
            out(i, k) = (static_cast<double>(cell[static_cast<std::size_t>(i)]) + out(i, k)) /
                        static_cast<double>(points);
    }
    return out;
}

}  // namespace

RowMatrix design_matrix(const Spec& spec) {
    const auto points = static_cast<Index>(spec.points);
    const auto keys = static_cast<Index>(spec.random.size());
    if (spec.design == Design::kRandom) return uniform(spec, points, keys);
    if (spec.design == Design::kSobol) return sobol(spec, points, keys);
    if (spec.design == Design::kLatinHypercube) return latin_hypercube(spec, points, keys);
    return RowMatrix(0, 0);
}

}  // namespace prefdyn::sweep
