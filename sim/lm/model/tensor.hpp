#pragma once
// A named array in a file: its type, shape and bytes, and its values in single precision.

#include <Eigen/Dense>
#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace prefdyn::transformer {

using Index = Eigen::Index;
template <class Real>
using Rows = Eigen::Matrix<Real, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
template <class Real>
using RowsMap = Eigen::Map<Rows<Real>>;
template <class Real>
using ConstRows = Eigen::Map<const Rows<Real>>;
template <class Real>
using Column = Eigen::Matrix<Real, Eigen::Dynamic, 1>;
using RowsF = Rows<float>;

/// The types a weight may have; kOther is a type of the format that holds no weight.
enum class Dtype { kF32, kF16, kBF16, kOther };

/// Tokens [first, first + length) of a batch are one prompt, in order.
struct Prompt {
    Index first = 0, length = 0;
};

struct Tensor {
    std::string name, file, dtype_name;
    Dtype dtype = Dtype::kOther;
    std::vector<Index> shape;
    std::span<const std::byte> bytes;
    bool mapped = true;  ///< the bytes are a file's, not made here

    bool present() const { return bytes.data() != nullptr; }
    Index elements() const;
};

/// values [first, first + count) of a tensor of type F32, F16 or BF16, converted exactly.
void to_float(const Tensor& tensor, Index first, Index count, float* out);

/// InputError naming the first NaN or infinity among values [first, first + count).
void require_finite(const Tensor& tensor, Index first, Index count);

std::string shape_text(const std::vector<Index>& shape);

}  // namespace prefdyn::transformer
