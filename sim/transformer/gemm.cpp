#include "sim/transformer/gemm.hpp"

#include <algorithm>
#include <cstdlib>
#include <new>

namespace prefdyn::transformer {

namespace {

constexpr Index kRowBlock = 192;   // rows of x times kBlockK floats stay in the second-level cache
constexpr Index kPanelBlock = 16;  // panels a task works on
constexpr std::size_t kLine = 64;  // bytes

Index panels_of(Index outputs) { return (outputs + kPanel - 1) / kPanel; }

}  // namespace

std::vector<const CpuKernels*> runnable_kernels() {
    std::vector<const CpuKernels*> out = {portable_kernels()};
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (avx2_kernels() && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        out.push_back(avx2_kernels());
    if (avx512_kernels() && __builtin_cpu_supports("avx512f") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512bw"))
        out.push_back(avx512_kernels());
#endif
    return out;
}

const CpuKernels& best_kernels() {
    static const CpuKernels* const best = runnable_kernels().back();
    return *best;
}

void PackedMatrix::Free::operator()(float* data) const { std::free(data); }

void PackedMatrix::resize(Index outputs, Index inputs) {
    outputs_ = outputs;
    inputs_ = inputs;
    const auto wanted = static_cast<std::size_t>(panels_of(outputs) * kPanel * inputs);
    if (wanted <= capacity_) return;
    data_.reset();
    capacity_ = 0;
    data_.reset(static_cast<float*>(
        std::aligned_alloc(kLine, (wanted * sizeof(float) + kLine - 1) / kLine * kLine)));
    if (!data_) throw std::bad_alloc();
    capacity_ = wanted;
}

/// Rows [first, first + count) of the tensor become outputs [output, output + count): panels
/// hold 16 outputs of the same input side by side.
void PackedMatrix::fill(const Tensor& tensor, Index first, Index count, Index output) {
    const Index begin = output / kPanel, end = panels_of(output + count);
#pragma omp parallel for schedule(static)
    for (Index p = begin; p < end; ++p) {
        float* panel = data_.get() + p * kPanel * inputs_;
        std::vector<float> row(static_cast<std::size_t>(inputs_));
        for (Index lane = 0; lane < kPanel; ++lane) {
            const Index r = p * kPanel + lane - output;
            if (r < 0 || r >= count) continue;
            to_float(tensor, (first + r) * inputs_, inputs_, row.data());
            for (Index t = 0; t < inputs_; ++t)
                panel[t * kPanel + lane] = row[static_cast<std::size_t>(t)];
        }
    }
}

void PackedMatrix::pack(std::span<const Tensor* const> parts) {
    Index outputs = 0;
    for (const Tensor* part : parts) outputs += part->shape[0];
    resize(outputs, parts[0]->shape[1]);
    std::fill_n(data_.get() + outputs / kPanel * kPanel * inputs_,
                (panels_of(outputs) - outputs / kPanel) * kPanel * inputs_, 0.0f);
    Index output = 0;
    for (const Tensor* part : parts) {
        fill(*part, 0, part->shape[0], output);
        output += part->shape[0];
    }
}

void PackedMatrix::pack_rows(const Tensor& tensor, Index first, Index count) {
    resize(count, tensor.shape[1]);
    std::fill_n(data_.get(), panels_of(count) * kPanel * inputs_, 0.0f);
    fill(tensor, first, count, 0);
}

void PackedMatrix::pack(const float* w, Index outputs, Index output_stride, Index inputs,
                        Index input_stride) {
    resize(outputs, inputs);
#pragma omp parallel for schedule(static)
    for (Index p = 0; p < panels_of(outputs); ++p) {
        float* panel = data_.get() + p * kPanel * inputs;
        const Index lanes = std::min<Index>(kPanel, outputs - p * kPanel);
        const float* first = w + p * kPanel * output_stride;
        for (Index i = 0; i < inputs; ++i, panel += kPanel) {
            for (Index lane = 0; lane < lanes; ++lane)
                panel[lane] = first[lane * output_stride + i * input_stride];
            std::fill(panel + lanes, panel + kPanel, 0.0f);
        }
    }
}

namespace {

/// Rows [row, row_end) and panels [p, p_end) of y.
struct Tile {
    Index row, row_end, p, p_end;
};

/// Rows of x, kBlockK inputs at a time, kStride apart: close together for the kernel.
void copy_block(const float* x, Index x_stride, Index rows, Index k, float* block) {
    for (Index r = 0; r < rows; ++r) std::copy_n(x + r * x_stride, k, block + r * kStride);
}

void multiply_tile(const CpuKernels& kernels, const float* x, Index x_stride, const PackedMatrix& w,
                   float* y, Index y_stride, bool add, const Tile& tile) {
    const Index rows = tile.row_end - tile.row;
    const std::unique_ptr<float[]> block(new float[static_cast<std::size_t>(rows * kStride)]);
    for (Index k = 0; k < w.inputs(); k += kBlockK) {
        const Index count = std::min<Index>(kBlockK, w.inputs() - k);
        copy_block(x + tile.row * x_stride + k, x_stride, rows, count, block.get());
        for (Index p = tile.p; p < tile.p_end; ++p)
            kernels.panel(block.get(), rows, w.panel(p) + k * kPanel, count,
                          y + tile.row * y_stride + p * kPanel, y_stride,
                          std::min<Index>(kPanel, w.outputs() - p * kPanel), add || k > 0);
    }
}

}  // namespace

void multiply(const CpuKernels& kernels, const float* x, Index x_stride, Index rows,
              const PackedMatrix& w, float* y, Index y_stride, bool add) {
    const Index panels = panels_of(w.outputs());
    const Index across = (panels + kPanelBlock - 1) / kPanelBlock;
    const Index tiles = across * ((rows + kRowBlock - 1) / kRowBlock);
#pragma omp parallel for schedule(static)
    for (Index t = 0; t < tiles; ++t) {
        const Index row = t / across * kRowBlock, p = t % across * kPanelBlock;
        multiply_tile(kernels, x, x_stride, w, y, y_stride, add,
                      {row, std::min(rows, row + kRowBlock), p, std::min(panels, p + kPanelBlock)});
    }
}

}  // namespace prefdyn::transformer
