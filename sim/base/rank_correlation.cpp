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

/// Mean 0 and norm 1; NaN where all ranks are one.
Vector standardised_ranks(const std::vector<double>& x) {
    const auto r = ranks(x);
    Vector out = Eigen::Map<const Vector>(r.data(), static_cast<Index>(r.size()));
    out.array() -= out.mean();
    return out / out.norm();
}

bool has_none(const std::vector<double>& x, const std::vector<double>& y) {
    return x.size() < 3 || x.size() != y.size() || any_nan(x) || any_nan(y);
}

}  // namespace

double rank_correlation(const std::vector<double>& x, const std::vector<double>& y) {
    return has_none(x, y) ? kNan : standardised_ranks(x).dot(standardised_ranks(y));
}

double rank_correlation_p(const std::vector<double>& x, const std::vector<double>& y) {
    if (has_none(x, y) || x.size() > kMostPermuted) return kNan;
    const Vector a = standardised_ranks(x), b = standardised_ranks(y);
    constexpr double kRounding = 1e-12;
    const double found = std::abs(a.dot(b)) - kRounding;
    if (std::isnan(found)) return kNan;
    std::vector<Index> order(x.size());
    std::iota(order.begin(), order.end(), Index{0});
    double as_far = 0.0, all = 0.0;
    do {
        double r = 0.0;
        for (std::size_t i = 0; i < order.size(); ++i) r += a(static_cast<Index>(i)) * b(order[i]);
        as_far += std::abs(r) >= found ? 1.0 : 0.0;
        all += 1.0;
    } while (std::ranges::next_permutation(order).found);
    return as_far / all;
}

}  // namespace prefdyn
