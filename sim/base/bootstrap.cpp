#include "sim/base/bootstrap.hpp"

#include <algorithm>
#include <boost/random/uniform_int_distribution.hpp>
#include <cmath>
#include <numeric>

#include "sim/base/numerics.hpp"
#include "sim/base/rank_correlation.hpp"

namespace prefdyn {

namespace {

constexpr std::size_t kResamples = 1000;

std::vector<double> pick(const std::vector<double>& from, const std::vector<std::size_t>& rows) {
    std::vector<double> out;
    for (const std::size_t i : rows) out.push_back(from[i]);
    return out;
}

}  // namespace

Interval bootstrap(std::size_t size,
                   const std::function<double(const std::vector<std::size_t>& rows)>& statistic,
                   Stream stream) {
    if (size == 0) return {kNan, kNan, kNan};
    std::vector<std::size_t> rows(size);
    std::iota(rows.begin(), rows.end(), std::size_t{0});
    const double estimate = statistic(rows);
    boost::random::uniform_int_distribution<std::size_t> draw(0, size - 1);
    std::vector<double> found;
    for (std::size_t k = 0; k < kResamples; ++k) {
        for (std::size_t& row : rows) row = draw(stream);
        const double value = statistic(rows);
        if (!std::isnan(value)) found.push_back(value);
    }
    if (found.empty()) return {estimate, kNan, kNan};
    std::sort(found.begin(), found.end());
    const auto quantile = [&](std::size_t thousandths) {
        return found[thousandths * (found.size() - 1) / 1000];
    };
    return {estimate, quantile(25), quantile(975)};
}

Interval bootstrap_mean(std::vector<double> sample, Stream stream) {
    sample.erase(
        std::remove_if(sample.begin(), sample.end(), [](double t) { return std::isnan(t); }),
        sample.end());
    const double size = static_cast<double>(sample.size());
    return bootstrap(
        sample.size(),
        [&](const auto& rows) {
            double sum = 0.0;
            for (const std::size_t i : rows) sum += sample[i];
            return sum / size;
        },
        stream);
}

Interval bootstrap_rank_correlation(const std::vector<double>& x, const std::vector<double>& y,
                                    Stream stream) {
    return bootstrap(
        x.size(), [&](const auto& rows) { return rank_correlation(pick(x, rows), pick(y, rows)); },
        stream);
}

}  // namespace prefdyn
