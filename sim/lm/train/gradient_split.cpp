#include "sim/lm/train/gradient_split.hpp"

#include <numeric>

namespace prefdyn::finetune {

double GradientSplit::total() const {
    return std::accumulate(layers.begin(), layers.end(), embedding + final_norm + head + tied);
}

template <class Real>
Parameters<Real> cut_loose(const Parameters<Real>& weights, const Layout& layout) {
    Parameters<Real> out(layout);
    for (int b = 0; b < layout.count(); ++b) {
        const bool copied = b == layout.head() && weights.layout().tied();
        out.matrix(b) = weights.matrix(copied ? weights.layout().embedding() : b);
    }
    return out;
}

template Parameters<float> cut_loose(const Parameters<float>&, const Layout&);
template Parameters<double> cut_loose(const Parameters<double>&, const Layout&);

GradientSplit gradient_split(Pass& pass, const Layout& layout, bool tied,
                             std::span<const PairTokens> pairs,
                             std::span<const ReferenceLogps> reference, const Objective& objective,
                             const GradientPlan& plan) {
    std::vector<std::size_t> all(pairs.size());
    std::iota(all.begin(), all.end(), std::size_t{0});
    pass.clear_gradient();
    add_mean_gradient(pass, pairs, all, reference, objective, plan);
    const std::vector<double> squares = pass.gradient_squares();
    const auto of = [&](int b) { return squares[static_cast<std::size_t>(b)]; };
    GradientSplit out;
    out.layers.assign(static_cast<std::size_t>(layout.layers()), 0.0);
    for (int b = 0; b < layout.count(); ++b)
        if (layout.block(b).layer >= 0)
            out.layers[static_cast<std::size_t>(layout.block(b).layer)] += of(b);
    const auto if_there = [&](int b) { return b < 0 ? 0.0 : of(b); };
    out.embedding = of(layout.embedding()) + if_there(layout.positions());
    out.final_norm = of(layout.final_norm()) + if_there(layout.final_norm_bias());
    out.head = of(layout.head());
    if (tied) out.tied = 2.0 * pass.gradient_product(layout.embedding(), layout.head());
    return out;
}

}  // namespace prefdyn::finetune
