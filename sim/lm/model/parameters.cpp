#include "sim/lm/model/parameters.hpp"

namespace prefdyn::transformer {

namespace {

const Tensor& tensor_of(const Checkpoint& checkpoint, const Layout& layout, int block) {
    if (block == layout.embedding()) return checkpoint.embedding();
    if (block == layout.positions()) return checkpoint.positions();
    if (block == layout.final_norm_bias()) return checkpoint.final_norm_bias();
    if (block == layout.final_norm()) return checkpoint.final_norm();
    if (block == layout.head()) return checkpoint.head();
    const Index layer = layout.block(block).layer;
    for (std::size_t p = 0; p < kParts; ++p)
        if (layout.part(layer, static_cast<Part>(p)) == block)
            return checkpoint.layer(layer).parts[p];
    throw std::logic_error("no such block");
}

/// Row after row, so that no more than a row is chosen twice.
template <class Real>
void copy_values(const Tensor& tensor, RowsMap<Real> out) {
    require_finite(tensor, 0, tensor.elements());
    const Index rows = out.rows(), cols = out.cols();
#pragma omp parallel for schedule(static)
    for (Index i = 0; i < rows; ++i) {
        Column<float> row(cols);
        to_float(tensor, i * cols, cols, row.data());
        out.row(i) = row.transpose().template cast<Real>();
    }
}

}  // namespace

int Layout::add(Block block) {
    blocks_.push_back(std::move(block));
    return count() - 1;
}

Layout::Layout(const ModelConfig& config, bool own_head) {
    const Index V = config.vocabulary, d = config.hidden;
    const OuterNames names = outer_names(config);
    add({names.embedding, V, d});
    if (names.positions) positions_ = add({names.positions, config.context, d});
    for (Index layer = 0; layer < config.layers; ++layer) {
        layers_.emplace_back().fill(-1);
        for (std::size_t p = 0; p < kParts; ++p) {
            const auto part = static_cast<Part>(p);
            const std::vector<Index> shape = part_shape(config, part);
            if (shape.empty()) continue;
            const bool vector = shape.size() == 1;
            layers_.back()[p] =
                add({part_name(config, layer, part), vector ? 1 : shape[0], shape.back(), vector,
                     lies_transposed(config, part), static_cast<int>(layer)});
        }
    }
    final_norm_ = add({names.final_norm, 1, d, true});
    if (names.final_norm_bias) final_norm_bias_ = add({names.final_norm_bias, 1, d, true});
    if (!config.tied || own_head) head_ = add({names.head, V, d});
}

Index Layout::size(const std::vector<bool>& chosen) const {
    Index sum = 0;
    for (int b = 0; b < count(); ++b)
        if (chosen[static_cast<std::size_t>(b)]) sum += block(b).size();
    return sum;
}

Index Layout::lowest(const std::vector<bool>& chosen) const {
    if (chosen[0] || (positions_ >= 0 && chosen[static_cast<std::size_t>(positions_)])) return -1;
    for (Index layer = 0; layer < layers(); ++layer)
        for (const int block : layers_[static_cast<std::size_t>(layer)])
            if (block >= 0 && chosen[static_cast<std::size_t>(block)]) return layer;
    return layers();
}

int Layout::find(const std::string& name) const {
    for (int b = 0; b < count(); ++b)
        if (block(b).name == name) return b;
    return -1;
}

template <class Real>
Parameters<Real>::Parameters(const Layout& layout, const std::vector<bool>& chosen)
    : layout_(&layout), values_(Column<Real>::Zero(layout.size(chosen))) {
    Index next = 0;
    for (int b = 0; b < layout.count(); ++b) {
        const bool here = chosen[static_cast<std::size_t>(b)];
        offset_.push_back(here ? next : -1);
        if (here) next += layout.block(b).size();
    }
}

template <class Real>
std::vector<bool> Parameters<Real>::chosen() const {
    std::vector<bool> out;
    for (const Index at : offset_) out.push_back(at >= 0);
    return out;
}

template <class Real>
void Parameters<Real>::clear() {
#pragma omp parallel for schedule(static)
    for (Index k = 0; k < values_.size(); ++k) values_(k) = Real(0);
}

template <class Real>
Parameters<Real> read_parameters(const Checkpoint& checkpoint, const Layout& layout) {
    Parameters<Real> out(layout);
    for (int b = 0; b < layout.count(); ++b)
        copy_values<Real>(tensor_of(checkpoint, layout, b), out.matrix(b));
    return out;
}

template class Parameters<float>;
template class Parameters<double>;
template Parameters<float> read_parameters(const Checkpoint&, const Layout&);
template Parameters<double> read_parameters(const Checkpoint&, const Layout&);

}  // namespace prefdyn::transformer
