#include "sim/data/ziggurat_edges.hpp"

#include <boost/multiprecision/cpp_bin_float.hpp>
#include <utility>

namespace prefdyn {

namespace {

using Wide = boost::multiprecision::cpp_bin_float_quad;  // 33 digits

/// n layers of this area above the tail, which begins at `start`.
template <class Density, class Inverse>
void stack(int n, Wide start, const Wide& area, Density f, Inverse inverse, double* x, double* y) {
    x[0] = static_cast<double>(area / f(start));
    Wide edge = std::move(start), height = f(edge);
    for (int i = 1; i < n; ++i) {
        x[i] = static_cast<double>(edge);
        y[i] = static_cast<double>(height);
        height += area / edge;
        if (i + 1 < n) edge = inverse(height);
    }
    y[n] = 1.0;
}

}  // namespace

const ZigguratEdges& ziggurat_edges() {
    // Where the tail begins is solved for: the last layer must end at f(0) = 1.
    static const ZigguratEdges edges = [] {
        ZigguratEdges out{};
        stack(
            128, Wide("3.442619855896652121424320491467339704338"),
            Wide("0.00991256303533646107909568530581016219738"),
            [](const Wide& x) { return Wide(exp(-x * x / 2)); },
            [](const Wide& y) { return Wide(sqrt(-2 * log(y))); }, out.normal_x, out.normal_y);
        stack(
            256, Wide("7.697117470131049714044628048015215499114"),
            Wide("0.003949659822581557219977571956814861091913"),
            [](const Wide& x) { return Wide(exp(-x)); },
            [](const Wide& y) { return Wide(-log(y)); }, out.exponential_x, out.exponential_y);
        return out;
    }();
    return edges;
}

}  // namespace prefdyn
