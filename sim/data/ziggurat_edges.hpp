#pragma once
// The layers of two ziggurats (Marsaglia & Tsang 2000).

namespace prefdyn {

/// A decreasing density f with f(0) = 1 cut into layers of equal area: the tail begins at x[1],
/// x[0] f(x[1]) is the area of a layer, of the tail's with what lies under it too; y = f(x) from
/// layer 1 on, y[0] = 0, and the last layer ends at x = 0, y = 1.
struct ZigguratEdges {
    double normal_x[129], normal_y[129];            ///< f(x) = exp(-x^2 / 2)
    double exponential_x[257], exponential_y[257];  ///< f(x) = exp(-x)
};

/// Each number rounded once from its exact value; noise_draw_test solves for them anew.
const ZigguratEdges& ziggurat_edges();

}  // namespace prefdyn
