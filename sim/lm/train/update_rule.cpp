#include "sim/lm/train/update_rule.hpp"

#include <algorithm>
#include <cmath>

namespace prefdyn::finetune {

UpdateRule::UpdateRule(const UpdateSpec& spec, Index size, std::vector<Stretch> stretches)
    : spec_(spec),
      stretches_(stretches.empty() ? std::vector{Stretch{0, size}} : std::move(stretches)),
      mean_(Column<float>::Zero(has_mean(spec.kind) ? size : 0)),
      square_(Column<float>::Zero(has_square(spec.kind) ? size : 0)) {}

/// On the vector units where it can be.
void UpdateRule::update(Column<float>& theta, const Column<float>& gradient, float clip,
                        double eta) {
    ++steps_;
    for (const Stretch& s : stretches_)
        with_element(s.of(spec_), steps_, [&]<class Element>(const Element& element) {
            const Step<Element> step{element,      eta,          clip,          gradient.data(),
                                     theta.data(), mean_.data(), square_.data()};
            const Index end = s.begin + s.count;
#pragma omp parallel for simd schedule(static) firstprivate(step)
            for (Index k = s.begin; k < end; ++k) step(k);
        });
}

double norm_of(const Column<float>& x) {
    constexpr Index kPiece = 1 << 14;  // of a fixed length, which the threads share
    const Index pieces = (x.size() + kPiece - 1) / kPiece;
    Column<double> sums(pieces);
#pragma omp parallel for schedule(static)
    for (Index p = 0; p < pieces; ++p) {
        double sum = 0.0;
        for (Index k = p * kPiece; k < std::min(x.size(), (p + 1) * kPiece); ++k)
            sum += static_cast<double>(x(k)) * x(k);
        sums(p) = sum;
    }
    double total = 0.0;
    for (Index p = 0; p < pieces; ++p) total += sums(p);
    return std::sqrt(total);
}

float clip_factor(double norm, double max_norm) {
    return max_norm > 0.0 ? static_cast<float>(std::min(1.0, max_norm / (norm + 1e-6))) : 1.0f;
}

}  // namespace prefdyn::finetune
