#include "theory/convergence.hpp"

#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <sstream>

namespace prefdyn::theory {

namespace {

double mean(const std::vector<double>& x) {
    double sum = 0.0;
    for (const double value : x) sum += value;
    return sum / static_cast<double>(x.size());
}

std::vector<double> logs(const std::vector<double>& x) {
    std::vector<double> out;
    for (const double value : x) out.push_back(std::log(value));
    return out;
}

double least_squares_slope(const std::vector<double>& x, const std::vector<double>& y) {
    const double x_mean = mean(x), y_mean = mean(y);
    double xx = 0.0, xy = 0.0;
    for (std::size_t k = 0; k < x.size(); ++k) {
        xx += (x[k] - x_mean) * (x[k] - x_mean);
        xy += (x[k] - x_mean) * (y[k] - y_mean);
    }
    return xy / xx;
}

}  // namespace

PowerLaw fit_power_law(const Convergence& c) {
    const auto log_size = logs(c.size);
    std::vector<double> slopes;
    for (const auto& row : c.error) slopes.push_back(least_squares_slope(log_size, logs(row)));
    const double centre = mean(slopes), count = static_cast<double>(slopes.size());
    double squares = 0.0;
    for (const double slope : slopes) squares += (slope - centre) * (slope - centre);
    const boost::math::students_t_distribution<double> law(count - 1.0);
    const double quantile = boost::math::quantile(complement(law, 0.5 * kSlopeLevel));
    return {centre, quantile * std::sqrt(squares / (count * (count - 1.0)))};
}

double rms_error(const Convergence& c, std::size_t k) {
    double squares = 0.0;
    for (const auto& row : c.error) squares += row[k] * row[k];
    return std::sqrt(squares / static_cast<double>(c.error.size()));
}

Assumption resolved_slope() {
    return {"errors were measured at several sizes, in enough replicates to know the slope",
            [](const Evidence& e) -> std::string {
                if (!e.find<Convergence>()) return "no convergence was measured";
                const PowerLaw law = fit_power_law(e.get<Convergence>());
                // A slope that is not a number goes on to fail the comparison.
                if (!(law.half_width > e.get<Convergence>().slope_resolution)) return "";
                std::ostringstream reason;
                reason << "the slope is known to +- " << law.half_width << " only, "
                       << e.get<Convergence>().slope_resolution << " is needed";
                return reason.str();
            }};
}

std::vector<Comparison> convergence_comparisons(const Evidence& e) {
    const Convergence& c = e.get<Convergence>();
    const PowerLaw law = fit_power_law(c);
    const double largest = c.size.back();
    return {{largest, 0.0, rms_error(c, c.size.size() - 1), c.tolerance, Relation::kAtMost},
            {largest,
             0.0,
             {law.slope, law.half_width},
             c.slope,
             Relation::kEqual,
             {.scale = 1.0, .resolution = c.slope_resolution}}};
}

}  // namespace prefdyn::theory
