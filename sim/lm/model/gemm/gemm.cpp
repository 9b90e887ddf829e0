#include "sim/lm/model/gemm/gemm.hpp"

#include <omp.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>

namespace prefdyn::transformer {

namespace {

constexpr Index kRowBlock = 192;   // rows of x times kBlockK floats stay in the second-level cache
constexpr std::size_t kLine = 64;  // bytes

Index panels_of(Index outputs) { return (outputs + kPanel - 1) / kPanel; }

typedef float Four __attribute__((vector_size(16)));

void transpose_four(const float* from, Index stride, float* to, Index to_stride) {
    Four a[4], b[4];
    for (Index r = 0; r < 4; ++r) std::memcpy(&a[r], from + r * stride, sizeof(Four));
    b[0] = __builtin_shufflevector(a[0], a[1], 0, 4, 1, 5);
    b[1] = __builtin_shufflevector(a[0], a[1], 2, 6, 3, 7);
    b[2] = __builtin_shufflevector(a[2], a[3], 0, 4, 1, 5);
    b[3] = __builtin_shufflevector(a[2], a[3], 2, 6, 3, 7);
    a[0] = __builtin_shufflevector(b[0], b[2], 0, 1, 4, 5);
    a[1] = __builtin_shufflevector(b[0], b[2], 2, 3, 6, 7);
    a[2] = __builtin_shufflevector(b[1], b[3], 0, 1, 4, 5);
    a[3] = __builtin_shufflevector(b[1], b[3], 2, 3, 6, 7);
    for (Index r = 0; r < 4; ++r) std::memcpy(to + r * to_stride, &a[r], sizeof(Four));
}

/// to (cols, rows) = from (rows, cols)^T.
void transpose(const float* from, Index stride, Index rows, Index cols, float* to,
               Index to_stride) {
    const Index whole_rows = rows / 4 * 4, whole_cols = cols / 4 * 4;
    for (Index c = 0; c < whole_cols; c += 4)
        for (Index r = 0; r < whole_rows; r += 4)
            transpose_four(from + r * stride + c, stride, to + c * to_stride + r, to_stride);
    for (Index r = 0; r < rows; ++r)
        for (Index c = r < whole_rows ? whole_cols : 0; c < cols; ++c)
            to[c * to_stride + r] = from[r * stride + c];
}

/// to (rows, cols) = x, its rows `to_stride` apart.
void copy_rows(const View<float>& x, float* to, Index to_stride) {
    if (x.stride != 1) return transpose(x.data, x.stride, x.cols, x.rows, to, to_stride);
    for (Index r = 0; r < x.rows; ++r)
        if (x.cols == kPanel)  // a length that the compiler knows
            std::copy_n(x.data + r * x.row_stride, kPanel, to + r * to_stride);
        else
            std::copy_n(x.data + r * x.row_stride, x.cols, to + r * to_stride);
}

/// Rows [row, row_end) and panels [p, p_end) of y.
struct Tile {
    Index row, row_end, p, p_end;
};

void multiply_tile(const CpuKernels& kernels, const View<float>& x, const PackedMatrix& w, float* y,
                   Index y_stride, bool add, const Tile& tile) {
    const Index rows = tile.row_end - tile.row;
    const std::unique_ptr<float[]> block(new float[static_cast<std::size_t>(rows * kStride)]);
    for (Index k = 0; k < w.inputs(); k += kBlockK) {
        const Index count = std::min<Index>(kBlockK, w.inputs() - k);
        copy_rows(x.block(tile.row, k, rows, count), block.get(), kStride);
        for (Index p = tile.p; p < tile.p_end; ++p)
            kernels.panel(block.get(), rows, w.panel(p) + k * kPanel, count,
                          y + tile.row * y_stride + p * kPanel, y_stride,
                          std::min<Index>(kPanel, w.outputs() - p * kPanel), add || k > 0,
                          w.panel(std::min(p + 1, tile.p_end - 1)) + k * kPanel);
    }
}

/// Panels a tile works on. A block of x is copied for every tile beside another: few, but enough
/// for threads to end at about the same time.
Index panels_of_tile(Index row_blocks, Index panels) {
    constexpr Index kLeast = 16, kTiles = 12;  // tiles a thread
    const Index threads = omp_in_parallel() ? 1 : omp_get_max_threads();
    if (threads == 1) return panels;
    const Index across = std::max<Index>(1, kTiles * threads / row_blocks);
    return std::max(kLeast, (panels + across - 1) / across);
}

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

std::size_t PackedMatrix::bytes(Index outputs, Index inputs) {
    const auto numbers = static_cast<std::size_t>(panels_of(outputs) * kPanel * inputs);
    return (numbers * sizeof(float) + kLine - 1) / kLine * kLine;
}

void PackedMatrix::resize(Index outputs, Index inputs) {
    outputs_ = outputs;
    inputs_ = inputs;
    const std::size_t wanted = bytes(outputs, inputs);
    if (wanted <= capacity_) return;
    data_.reset();
    capacity_ = 0;
    data_.reset(static_cast<float*>(std::aligned_alloc(kLine, wanted)));
    if (!data_) throw std::bad_alloc();
    capacity_ = wanted;
}

/// Panels hold 16 outputs of the same input side by side.
void PackedMatrix::pack_rows(const Tensor& tensor, Index first, Index count) {
    resize(count, tensor.shape[1]);
#pragma omp parallel for schedule(static)
    for (Index p = 0; p < panels_of(count); ++p) {
        float* panel = data_.get() + p * kPanel * inputs_;
        const Index lanes = std::min<Index>(kPanel, count - p * kPanel);
        if (lanes < kPanel) std::fill_n(panel, kPanel * inputs_, 0.0f);
        std::vector<float> row(static_cast<std::size_t>(inputs_));
        for (Index lane = 0; lane < lanes; ++lane) {
            to_float(tensor, (first + p * kPanel + lane) * inputs_, inputs_, row.data());
            for (Index t = 0; t < inputs_; ++t)
                panel[t * kPanel + lane] = row[static_cast<std::size_t>(t)];
        }
    }
}

void PackedMatrix::pack(const View<float>& w) {
    resize(w.rows, w.cols);
#pragma omp parallel for schedule(static)
    for (Index p = 0; p < panels_of(w.rows); ++p) {
        const Index lanes = std::min<Index>(kPanel, w.rows - p * kPanel);
        const View<float> part = w.block(p * kPanel, 0, lanes, w.cols);
        float* panel = data_.get() + p * kPanel * w.cols;
        if (lanes < kPanel) std::fill_n(panel, kPanel * w.cols, 0.0f);
        copy_rows(part.transposed(), panel, kPanel);
    }
}

void multiply(const CpuKernels& kernels, const View<float>& x, const PackedMatrix& w, float* y,
              Index y_stride, bool add) {
    const Index panels = panels_of(w.outputs()), down = (x.rows + kRowBlock - 1) / kRowBlock;
    if (down == 0) return;
    const Index wide = panels_of_tile(down, panels), across = (panels + wide - 1) / wide;
#pragma omp parallel for schedule(dynamic)
    for (Index t = 0; t < across * down; ++t) {
        const Index row = t / across * kRowBlock, p = t % across * wide;
        multiply_tile(kernels, x, w, y, y_stride, add,
                      {row, std::min(x.rows, row + kRowBlock), p, std::min(panels, p + wide)});
    }
}

}  // namespace prefdyn::transformer
