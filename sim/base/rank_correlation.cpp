#include "sim/base/rank_correlation.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "sim/base/numerics.hpp"
#include "sim/base/types.hpp"

namespace prefdyn {

namespace {

std::vector<double> ranks(const std::vector<double>& x) {
    std::vector<std::size_t> order(x.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(), [&](auto a, auto b) { return x[a] < x[b]; });
    std::vector<double> out(x.size());
    for (std::size_t i = 0; i < order.size();) {
        std::size_t j = i;
        while (j < order.size() && x[order[j]] == x[order[i]]) ++j;
        for (std::size_t k = i; k < j; ++k) out[order[k]] = 0.5 * static_cast<double>(i + j - 1);
        i = j;
    }
    return out;
}

bool any_nan(const std::vector<double>& x) {
    return std::any_of(x.begin(), x.end(), [](double value) { return std::isnan(value); });
}

}  // namespace

double rank_correlation(const std::vector<double>& x, const std::vector<double>& y) {
    if (x.size() < 3 || x.size() != y.size() || any_nan(x) || any_nan(y)) return kNan;
    const auto rx = ranks(x), ry = ranks(y);
    const auto n = static_cast<Index>(x.size());
    Vector a = Eigen::Map<const Vector>(rx.data(), n), b = Eigen::Map<const Vector>(ry.data(), n);
    a.array() -= a.mean();
    b.array() -= b.mean();
    return a.dot(b) / (a.norm() * b.norm());
}

}  // namespace prefdyn
