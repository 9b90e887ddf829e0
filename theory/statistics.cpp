#include "theory/statistics.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "sim/base/largest_eigenvalue.hpp"

namespace prefdyn::theory {

namespace {

/// Rows of one class.
RowMatrix class_rows(const Dataset& data, int sign) {
    RowMatrix rows(data.count(sign), data.dimension());
    Index next = 0;
    for (Index i = 0; i < data.samples(); ++i)
        if (data.label[static_cast<std::size_t>(i)] == sign)
            rows.row(next++) = data.features.row(i);
    return rows;
}

struct Spread {
    double trace, norm;
};

Spread class_spread(const Dataset& data, int sign, const Vector& mean) {
    RowMatrix rows = class_rows(data, sign);
    if (rows.rows() < 2) {
        constexpr double nan = std::numeric_limits<double>::quiet_NaN();
        return {nan, nan};
    }
    rows.rowwise() -= mean.transpose();
    const double divisor = static_cast<double>(rows.rows() - 1);
    return {rows.squaredNorm() / divisor, gram_norm(rows, divisor)};
}

void project_on_mean(const Dataset& data, DatasetStatistics& out) {
    out.cosine = out.projection = Vector::Zero(out.n);
    out.row_norm = data.features.rowwise().norm();
    out.label = data.label;
    if (out.zbar_norm == 0.0) return;
    for (Index i = 0; i < out.n; ++i) {
        const double s = data.label[static_cast<std::size_t>(i)];
        const double length = data.features.row(i).norm();
        out.projection(i) = s * data.features.row(i).dot(out.zbar) / out.zbar_norm;
        if (length > 0.0) out.cosine(i) = out.projection(i) / length;
    }
}

}  // namespace

double gram_norm(const RowMatrix& x, double divisor) {
    const bool tall = x.cols() <= x.rows();
    Matrix gram = Matrix::Zero(std::min(x.rows(), x.cols()), std::min(x.rows(), x.cols()));
    if (tall)
        gram.selfadjointView<Eigen::Lower>().rankUpdate(x.transpose(), 1.0 / divisor);
    else
        gram.selfadjointView<Eigen::Lower>().rankUpdate(x, 1.0 / divisor);
    return largest_eigenvalue(gram);
}

double DatasetStatistics::noise_floor_squared() const {
    return trace_plus / static_cast<double>(n_plus) + trace_minus / static_cast<double>(n_minus);
}

double DatasetStatistics::distinguishability_debiased() const {
    const double squared = distinguishability * distinguishability - noise_floor_squared();
    return std::isnan(squared) ? squared : std::sqrt(std::max(0.0, squared));
}

MeanStatistics mean_statistics(const Dataset& data) {
    MeanStatistics out;
    out.n = data.samples();
    out.mean_plus = out.mean_minus = Vector::Zero(data.dimension());
    for (Index i = 0; i < out.n; ++i) {
        const bool plus = data.label[static_cast<std::size_t>(i)] > 0;
        (plus ? out.mean_plus : out.mean_minus) += data.features.row(i).transpose();
        ++(plus ? out.n_plus : out.n_minus);
        out.mean_square += data.features.row(i).squaredNorm();
    }
    const double n = static_cast<double>(out.n);
    out.mean_square /= n;
    out.zbar = (out.mean_plus - out.mean_minus) / n;
    out.mean_plus /= static_cast<double>(out.n_plus);
    out.mean_minus /= static_cast<double>(out.n_minus);
    out.p_plus = static_cast<double>(out.n_plus) / n;
    out.zbar_norm = out.zbar.stableNorm();
    out.distinguishability = (out.mean_plus - out.mean_minus).stableNorm();
    return out;
}

DatasetStatistics statistics_without_spread(const Dataset& data, std::optional<double> lambda_max) {
    DatasetStatistics out;
    static_cast<MeanStatistics&>(out) = mean_statistics(data);
    project_on_mean(data, out);
    out.lambda_max =
        lambda_max ? *lambda_max : gram_norm(data.features, static_cast<double>(out.n));
    return out;
}

DatasetStatistics dataset_statistics(const Dataset& data) {
    DatasetStatistics out = statistics_without_spread(data);
    const Spread plus = class_spread(data, +1, out.mean_plus);
    const Spread minus = class_spread(data, -1, out.mean_minus);
    out.trace_plus = plus.trace;
    out.norm_plus = plus.norm;
    out.trace_minus = minus.trace;
    out.norm_minus = minus.norm;
    return out;
}

}  // namespace prefdyn::theory
