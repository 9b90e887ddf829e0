#include "sim/finetune/gradient_split.hpp"

#include <numeric>

namespace prefdyn::finetune {

double GradientSplit::total() const {
    return std::accumulate(layers.begin(), layers.end(), embedding + final_norm + head + tied);
}

namespace {

/// The same numbers, the head a tensor of its own.
template <class Real>
Parameters<Real> cut_loose(const Parameters<Real>& weights, const Layout& layout) {
    Parameters<Real> out(layout);
    for (int b = 0; b < layout.count(); ++b) {
        const bool copied = b == layout.head() && weights.layout().tied();
        out.matrix(b) = weights.matrix(copied ? weights.layout().embedding() : b);
    }
    return out;
}

template <class Map>
double squared(const Map& x) {
    double sum = 0.0;
    for (Index i = 0; i < x.size(); ++i)
        sum += static_cast<double>(x.data()[i]) * static_cast<double>(x.data()[i]);
    return sum;
}

}  // namespace

template <class Real>
GradientSplit gradient_split(const ModelConfig& config, const Parameters<Real>& weights,
                             std::span<const PairTokens> pairs,
                             std::span<const ReferenceLogps> reference, const Objective& objective,
                             const GradientPlan& plan) {
    const Layout layout(config, true);
    const Parameters<Real> loose = cut_loose(weights, layout);
    Parameters<Real> gradient(layout);
    SequenceModel<Real> model(config, longest_read(pairs));
    std::vector<std::size_t> all(pairs.size());
    std::iota(all.begin(), all.end(), std::size_t{0});
    add_mean_gradient<Real>(model, loose, pairs, all, reference, objective, plan, gradient);
    GradientSplit out;
    out.layers.assign(static_cast<std::size_t>(config.layers), 0.0);
    for (int b = 0; b < layout.count(); ++b)
        if (layout.block(b).layer >= 0)
            out.layers[static_cast<std::size_t>(layout.block(b).layer)] +=
                squared(gradient.matrix(b));
    out.embedding = squared(gradient.matrix(layout.embedding()));
    out.final_norm = squared(gradient.matrix(layout.final_norm()));
    out.head = squared(gradient.matrix(layout.head()));
    if (weights.layout().tied())
        out.tied = 2.0 * gradient.matrix(layout.embedding())
                             .template cast<double>()
                             .cwiseProduct(gradient.matrix(layout.head()).template cast<double>())
                             .sum();
    return out;
}

template GradientSplit gradient_split(const ModelConfig&, const Parameters<float>&,
                                      std::span<const PairTokens>, std::span<const ReferenceLogps>,
                                      const Objective&, const GradientPlan&);
template GradientSplit gradient_split(const ModelConfig&, const Parameters<double>&,
                                      std::span<const PairTokens>, std::span<const ReferenceLogps>,
                                      const Objective&, const GradientPlan&);

}  // namespace prefdyn::finetune
