#include "sim/lm/train/parameters.hpp"

namespace prefdyn::finetune {

namespace {

using transformer::Checkpoint;
using transformer::LayerTensors;
using transformer::Tensor;

struct PartSource {
    const char* name;
    Tensor LayerTensors::*tensor;
};

/// In the order of Part.
constexpr std::array<PartSource, kParts> kSources = {{
    {"input_layernorm.weight", &LayerTensors::input_norm},
    {"self_attn.q_proj.weight", &LayerTensors::query},
    {"self_attn.k_proj.weight", &LayerTensors::key},
    {"self_attn.v_proj.weight", &LayerTensors::value},
    {"self_attn.o_proj.weight", &LayerTensors::output},
    {"post_attention_layernorm.weight", &LayerTensors::post_norm},
    {"mlp.gate_proj.weight", &LayerTensors::gate},
    {"mlp.up_proj.weight", &LayerTensors::up},
    {"mlp.down_proj.weight", &LayerTensors::down},
    {"self_attn.q_proj.bias", &LayerTensors::query_bias},
    {"self_attn.k_proj.bias", &LayerTensors::key_bias},
    {"self_attn.v_proj.bias", &LayerTensors::value_bias},
    {"self_attn.o_proj.bias", &LayerTensors::output_bias},
    {"mlp.gate_proj.bias", &LayerTensors::gate_bias},
    {"mlp.up_proj.bias", &LayerTensors::up_bias},
    {"mlp.down_proj.bias", &LayerTensors::down_bias},
}};

struct Extent {
    bool present, vector;
    Index rows, cols;
};

Extent extent_of(const ModelConfig& c, Part part) {
    const Index q = c.heads * c.head_size, kv = c.kv_heads * c.head_size;
    const auto matrix = [](Index out, Index in) { return Extent{true, false, out, in}; };
    const auto vector = [](bool present, Index n) { return Extent{present, true, 1, n}; };
    switch (part) {
        case Part::kInputNorm:
        case Part::kPostNorm:
            return vector(true, c.hidden);
        case Part::kQuery:
            return matrix(q, c.hidden);
        case Part::kKey:
        case Part::kValue:
            return matrix(kv, c.hidden);
        case Part::kOutput:
            return matrix(c.hidden, q);
        case Part::kGate:
        case Part::kUp:
            return matrix(c.ffn, c.hidden);
        case Part::kDown:
            return matrix(c.hidden, c.ffn);
        case Part::kQueryBias:
            return vector(c.qkv_bias, q);
        case Part::kKeyBias:
        case Part::kValueBias:
            return vector(c.qkv_bias, kv);
        case Part::kOutputBias:
            return vector(c.output_bias, c.hidden);
        case Part::kGateBias:
        case Part::kUpBias:
            return vector(c.mlp_bias, c.ffn);
        case Part::kDownBias:
            return vector(c.mlp_bias, c.hidden);
    }
    return {false, false, 0, 0};
}

const Tensor& tensor_of(const Checkpoint& checkpoint, const Layout& layout, int block) {
    if (block == layout.embedding()) return checkpoint.embedding();
    if (block == layout.final_norm()) return checkpoint.final_norm();
    if (block == layout.head()) return checkpoint.head();
    const Index layer = layout.block(block).layer;
    for (std::size_t p = 0; p < kParts; ++p)
        if (layout.part(layer, static_cast<Part>(p)) == block)
            return checkpoint.layer(layer).*kSources[p].tensor;
    throw std::logic_error("no such block");
}

/// Row after row, so that no more than a row is held twice.
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

Index size_of(const Layout& layout, const std::vector<bool>& held) {
    Index size = 0;
    for (int b = 0; b < layout.count(); ++b)
        if (held[static_cast<std::size_t>(b)]) size += layout.block(b).size();
    return size;
}

}  // namespace

const char* part_name(Part part) { return kSources[static_cast<std::size_t>(part)].name; }

int Layout::add(Block block) {
    blocks_.push_back(std::move(block));
    return count() - 1;
}

Layout::Layout(const ModelConfig& config, bool own_head) {
    const Index V = config.vocabulary, d = config.hidden;
    add({"model.embed_tokens.weight", V, d});
    for (Index layer = 0; layer < config.layers; ++layer) {
        layers_.emplace_back().fill(-1);
        for (std::size_t p = 0; p < kParts; ++p) {
            const Extent e = extent_of(config, static_cast<Part>(p));
            if (!e.present) continue;
            std::string name = "model.layers.";
            name.append(std::to_string(layer)).append(".").append(kSources[p].name);
            layers_.back()[p] = add({name, e.rows, e.cols, e.vector, static_cast<int>(layer)});
        }
    }
    final_norm_ = add({"model.norm.weight", 1, d, true});
    if (!config.tied || own_head) head_ = add({"lm_head.weight", V, d});
}

int Layout::find(const std::string& name) const {
    for (int b = 0; b < count(); ++b)
        if (block(b).name == name) return b;
    return -1;
}

template <class Real>
Parameters<Real>::Parameters(const Layout& layout, const std::vector<bool>& held)
    : layout_(&layout), values_(Column<Real>::Zero(size_of(layout, held))) {
    Index next = 0;
    for (int b = 0; b < layout.count(); ++b) {
        const bool here = held[static_cast<std::size_t>(b)];
        offset_.push_back(here ? next : -1);
        if (here) next += layout.block(b).size();
    }
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

}  // namespace prefdyn::finetune
