#pragma once
// The numbers that everything is computed with.

#include <Eigen/Core>

namespace prefdyn {

using Index = Eigen::Index;
using Vector = Eigen::VectorXd;
using Matrix = Eigen::MatrixXd;
/// One prompt a row: row i is contiguous, which is what a one-pass training step needs.
using RowMatrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

}  // namespace prefdyn
