#include "experiments/verify/own_mixture.hpp"

#include <algorithm>
#include <cmath>

#include "experiments/program/parameter_table.hpp"
#include "sim/base/failure.hpp"

namespace prefdyn {

namespace {

constexpr Index kSmallest = 60;     // samples of the rarest behaviour
constexpr double kRarest = 1e-3;    // least weight: it sets the number of samples
constexpr std::size_t kMost = 128;  // behaviours
constexpr Index kDimension = 24;    // d, unless there are as many behaviours
constexpr Index kRoom = 32;         // then d is that much more than there are

std::vector<std::string> parts_of(const std::string& text, char separator) {
    std::vector<std::string> out(1);
    for (const char c : text)
        if (c == separator)
            out.emplace_back();
        else
            out.back() += c;
    return out;
}

std::vector<double> numbers_of(const std::string& text, const std::string& place) {
    std::vector<double> out;
    for (const std::string& part : parts_of(text, ',')) {
        double value = 0.0;
        if (!parse_real(part, value))
            throw InputError(place + ": '" + part + "' is not a finite number",
                             "numbers are apart by commas, rows of --gram by semicolons");
        out.push_back(value);
    }
    return out;
}

Matrix matrix_of(const std::string& text) {
    const auto rows = parts_of(text, ';');
    if (rows.size() < 2 || rows.size() > kMost)
        throw InputError("--gram: " + std::to_string(rows.size()) + " behaviours, must be 2 to " +
                             std::to_string(kMost),
                         "one row a behaviour, as in --gram \"16, 8; 8, 9\"");
    const auto K = static_cast<Index>(rows.size());
    Matrix out(K, K);
    for (Index k = 0; k < K; ++k) {
        const std::string place = "--gram, row " + std::to_string(k + 1);
        const auto row = numbers_of(rows[static_cast<std::size_t>(k)], place);
        if (row.size() != rows.size())
            throw InputError(place + ": " + std::to_string(row.size()) + " numbers, must be " +
                                 std::to_string(K) + ", one a row",
                             "the matrix is square: delta_j . delta_k");
        out.row(k) = Eigen::Map<const Eigen::RowVectorXd>(row.data(), K);
    }
    return out;
}

std::vector<double> weights_of(const std::string& text, std::size_t K) {
    if (text.empty()) return std::vector<double>(K, 1.0 / static_cast<double>(K));
    auto out = numbers_of(text, "--weights");
    if (out.size() != K)
        throw InputError("--weights: " + std::to_string(out.size()) + " numbers for " +
                             std::to_string(K) + " behaviours",
                         "give one a row of --gram");
    if (const double least = *std::ranges::min_element(out); !(least >= kRarest))
        throw InputError(
            "--weights: " + format_real(least) + ", must be at least " + format_real(kRarest),
            "weights are shares of the samples and add up to 1");
    return out;
}

}  // namespace

MixtureSpec own_mixture(const std::string& gram, const std::string& weights) {
    MixtureSpec out;
    out.gram = matrix_of(gram);
    const Index K = out.gram.rows();
    const auto shares = weights_of(weights, static_cast<std::size_t>(K));
    for (const double share : shares) out.behaviours.emplace_back().weight = share;
    const double rarest = *std::ranges::min_element(shares);
    out.samples = static_cast<Index>(std::ceil(static_cast<double>(kSmallest) / rarest));
    out.dimension = K < kDimension ? kDimension : K + kRoom;
    out.moments = K < kDimension ? Moments::kSample : Moments::kPopulation;
    validate(out);
    return out;
}

}  // namespace prefdyn
