#pragma once
// One coordinate of noise after the other from the words of a stream: the same code on the
// processor and on a card. How many words a draw takes and every bit it gives are part of what a
// seed means. They are those of Boost.Random 1.74, from which all results up to now were drawn.

#include <cmath>
#include <cstdint>
#include <type_traits>

#include "sim/base/numerics.hpp"
#include "sim/data/noise.hpp"
#include "sim/data/ziggurat_edges.hpp"

namespace prefdyn {

/// What the draws of a family need, worked out once.
struct NoiseLaw {
    double scale = 1.0;  ///< makes the variance 1; of the uniform law its edge
    double shape = 1.0;  ///< of the gamma law behind the generalised normal and Student's t
    double split = 0.0;  ///< e / (shape + e): where a gamma law with shape < 1 is cut
    double power = 1.0;  ///< generalised normal: |x| = scale gamma^power
    double degrees_of_freedom = 1.0;
};
NoiseLaw noise_law(const NoiseSpec& noise);

/// True if every value drawn comes of +, -, *, / and square roots, which are rounded alike
/// everywhere; exp then only decides what is rejected, and two that differ in their last bit
/// decide otherwise once in about 1e15 draws. Else the values hang on exp, log, pow and tan too.
bool draws_alike_everywhere(const NoiseSpec& noise);

struct StandardMath {
    PREFDYN_HD static double exp(double x) { return std::exp(x); }
    PREFDYN_HD static double log(double x) { return std::log(x); }
    PREFDYN_HD static double pow(double x, double y) { return std::pow(x, y); }
    PREFDYN_HD static double tan(double x) { return std::tan(x); }
};

/// The double nearest to 2^-64 word. In halves: half of all words are too large for the processor's
/// own conversion, and no branch can guess which.
PREFDYN_HD inline double fraction(std::uint64_t word) {
    return static_cast<double>(static_cast<std::int64_t>(word >> 32)) * 0x1p-32 +
           static_cast<double>(static_cast<std::int64_t>(word & 0xffffffffu)) * 0x1p-64;
}

/// Words() gives 64 random bits. Without contraction of products and sums.
template <class Words, class Math = StandardMath>
class NoiseDraw {
  public:
    PREFDYN_HD NoiseDraw(Words& words, const ZigguratEdges& edges) : words_(words), edges_(edges) {}

    /// U[0, 1).
    PREFDYN_HD double uniform() {
        for (;;) {
            const double u = fraction(words_());
            if (u < 1.0) return u;
        }
    }

    /// Exp(1).
    PREFDYN_HD double exponential() {
        const double* const edge = edges_.exponential_x;
        for (double shift = 0.0;;) {
            const Layer at(words_());
            const double x = at.u * edge[at.number];
            if (x < edge[at.number + 1]) return x + shift;
            if (at.number == 0)
                shift += edge[1];  // the tail is the whole law again
            else if (below_exponential(at.number, x))
                return x + shift;
        }
    }

    /// N(0, 1).
    PREFDYN_HD double normal() {
        const double* const edge = edges_.normal_x;
        for (;;) {
            const Layer at(words_());
            const double sign = 2.0 * (at.number & 1) - 1.0;
            const int layer = at.number >> 1;
            const double x = at.u * edge[layer];
            if (x < edge[layer + 1]) return x * sign;
            if (layer == 0) return normal_tail() * sign;
            if (below_normal(layer, x)) return x * sign;
        }
    }

    /// Gamma(law.shape).
    PREFDYN_HD double gamma(const NoiseLaw& law) {
        if (law.shape == 1.0) return exponential();
        return law.shape > 1.0 ? large_gamma(law.shape) : small_gamma(law.shape, law.split);
    }

    PREFDYN_HD double generalized_normal(const NoiseLaw& law) {
        const double g = gamma(law);
        const double magnitude = law.scale * (law.power == 1.0 ? g : Math::pow(g, law.power));
        return std::copysign(magnitude, 0.5 - fraction(words_()));
    }

    /// U(-edge, edge).
    PREFDYN_HD double symmetric_uniform(double edge) {
        for (;;) {
            const double x = fraction(words_()) * (edge + edge) - edge;
            if (x < edge) return x;
        }
    }

    PREFDYN_HD double student(const NoiseLaw& law) {
        const double z = normal();
        const double chi_squared = 2.0 * gamma(law);
        return law.scale * (z / std::sqrt(chi_squared / law.degrees_of_freedom));
    }

    template <Tails kTails>
    PREFDYN_HD double next(const NoiseLaw& law) {
        if constexpr (kTails == Tails::kGaussian) return normal();
        if constexpr (kTails == Tails::kGeneralizedNormal) return generalized_normal(law);
        if constexpr (kTails == Tails::kUniform) return symmetric_uniform(law.scale);
        if constexpr (kTails == Tails::kStudentT) return student(law);
    }

  private:
    /// A word cut into the number of a layer and how far x lies in it, 0 <= u <= 1. One of the 56
    /// bits of u is always 0.
    struct Layer {
        int number;
        double u;
        PREFDYN_HD explicit Layer(std::uint64_t word)
            : number(static_cast<int>(word & 0xff)),
              u(static_cast<double>(
                    static_cast<std::int64_t>((word & ~std::uint64_t{0x800}) >> 8)) *
                0x1p-56) {}
    };

    /// Whether a height drawn in layer i lies below the density f at x, x[i + 1] <= x <= x[i]. On
    /// the edges' rectangle f lies between its chord and a tangent, so that few need exp.
    PREFDYN_HD bool below_exponential(int i, double x) {
        const double* const edge = edges_.exponential_x;
        const double* const height = edges_.exponential_y;
        const double u = uniform();
        const double y = height[i] + u * (height[i + 1] - height[i]);
        const double above_chord = (edge[i] - edge[i + 1]) * u - (edge[i] - x);
        const double above_tangent = y - (height[i + 1] + (edge[i + 1] - x) * height[i + 1]);
        return above_chord < 0.0 && (above_tangent < 0.0 || y < Math::exp(-x));
    }
    PREFDYN_HD bool below_normal(int i, double x) {
        const double* const edge = edges_.normal_x;
        const double* const height = edges_.normal_y;
        const double u = uniform();
        const double y = height[i] + u * (height[i + 1] - height[i]);
        const double above_chord = (edge[i] - edge[i + 1]) * u - (edge[i] - x);
        const double above_tangent = y - (height[i] + (edge[i] - x) * height[i] * edge[i]);
        const bool convex = edge[i] >= 1.0;  // the layer of the turning point counts as convex
        const double above_upper = convex ? above_chord : above_tangent;
        const double above_lower = convex ? above_tangent : above_chord;
        return above_upper < 0.0 && (above_lower < 0.0 || y < Math::exp(-(x * x / 2.0)));
    }

    /// N(0, 1) beyond its first layer (Marsaglia 1964).
    PREFDYN_HD double normal_tail() {
        const double start = edges_.normal_x[1];
        for (;;) {
            const double x = exponential() / start;
            const double y = exponential();
            if (2.0 * y > x * x) return x + start;
        }
    }

    /// a > 1, by rejection from a Cauchy law (Knuth, 3.4.1).
    PREFDYN_HD double large_gamma(double a) {
        const double width = std::sqrt(2.0 * a - 1.0), mode = a - 1.0;
        for (;;) {
            const double y = Math::tan(kPi * uniform());
            const double x = width * y + a - 1.0;
            if (x <= 0.0) continue;
            const double log_ratio = mode * Math::log(x / mode) - width * y;
            if (uniform() <= (1.0 + y * y) * Math::exp(log_ratio)) return x;
        }
    }

    /// a < 1, from a power law below 1 and an exponential one above (Ahrens & Dieter 1974).
    PREFDYN_HD double small_gamma(double a, double split) {
        for (;;) {
            const double u = uniform();
            const double y = exponential();
            const bool below = u < split;
            const double x = below ? Math::exp(-y / a) : 1.0 + y;
            const double most =
                below ? split * Math::exp(-x) : split + (1.0 - split) * Math::pow(x, a - 1.0);
            if (u < most) return x;
        }
    }

    Words& words_;
    const ZigguratEdges& edges_;
};

/// Calls work(std::integral_constant<Tails, tails>).
template <class Work>
void with_tails(Tails tails, Work work) {
    switch (tails) {
        case Tails::kGaussian:
            return work(std::integral_constant<Tails, Tails::kGaussian>());
        case Tails::kGeneralizedNormal:
            return work(std::integral_constant<Tails, Tails::kGeneralizedNormal>());
        case Tails::kUniform:
            return work(std::integral_constant<Tails, Tails::kUniform>());
        case Tails::kStudentT:
            return work(std::integral_constant<Tails, Tails::kStudentT>());
    }
}

}  // namespace prefdyn
