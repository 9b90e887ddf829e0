#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>
#include <limits>

#include "sim/base/levels/arrays.hpp"
#include "theory/rlhf.hpp"

namespace prefdyn::theory {

RowMatrix kl_regularised_optimum(const RowMatrix& reference, const RowMatrix& reward, double beta) {
    RowMatrix out = reference.array().log() + reward.array() / beta;
    for (Index x = 0; x < out.rows(); ++x) {
        const double top = out.row(x).maxCoeff();
        out.row(x).array() -= top + std::log((out.row(x).array() - top).exp().sum());
    }
    return out;
}

namespace {

/// Responses that response 0 leads to along won(a, b) > 0.
std::vector<bool> reached_from_first(const Matrix& won) {
    std::vector<bool> seen(static_cast<std::size_t>(won.rows()), false);
    std::vector<Index> todo = {0};
    seen[0] = true;
    while (!todo.empty()) {
        const Index a = todo.back();
        todo.pop_back();
        for (Index b = 0; b < won.cols(); ++b)
            if (b != a && won(a, b) > 0.0 && !seen[static_cast<std::size_t>(b)]) {
                seen[static_cast<std::size_t>(b)] = true;
                todo.push_back(b);
            }
    }
    return seen;
}

std::string missing(const std::vector<bool>& seen, std::size_t prompt, const char* what) {
    const auto gap = std::find(seen.begin(), seen.end(), false);
    if (gap == seen.end()) return {};
    return "prompt " + std::to_string(prompt) + ": response " + std::to_string(gap - seen.begin()) +
           what;
}

}  // namespace

std::string ford_unmet(const std::vector<Matrix>& wins) {
    for (std::size_t x = 0; x < wins.size(); ++x) {
        const Matrix either = wins[x] + wins[x].transpose();
        for (const auto& reason : {missing(reached_from_first(either), x,
                                           " is not compared with response 0, even "
                                           "through others"),
                                   missing(reached_from_first(wins[x]), x,
                                           " never loses to response 0, even through "
                                           "others"),
                                   missing(reached_from_first(wins[x].transpose()), x,
                                           " never beats response 0, even through others")})
            if (!reason.empty()) return reason;
    }
    return {};
}

namespace {

/// Weight of the wins of a set of responses, its bits set, over the rest; of two sets, what is in
/// either.
double cut_weight(const Matrix& wins, std::uint64_t set, std::uint64_t other) {
    double out = 0.0;
    for (Index a = 0; a < wins.rows(); ++a) {
        const auto beaten = [a](std::uint64_t s) { return (s >> a & 1) == 1 ? ~s : 0; };
        const std::uint64_t rest = beaten(set) | beaten(other);
        for (Index b = 0; b < wins.cols(); ++b)
            if ((rest >> b & 1) == 1) out += wins(a, b);
    }
    return std::min(out, 1.0);
}

/// (1 - w)^samples of every weight, in place.
void none_of(Vector& weight, double samples) {
    weight = -weight;
    array_functions().log1p(weight.data(), weight.size(), weight.data());
    weight *= samples;
    array_functions().exp(weight.data(), weight.size(), weight.data());
}

}  // namespace

FordFailure ford_failure(const std::vector<Matrix>& wins, double samples) {
    FordFailure out{0.0, 0.0};
    for (const Matrix& prompt : wins) {
        const std::uint64_t all = (std::uint64_t{1} << prompt.rows()) - 1;
        double single = 0.0, two = 0.0, largest = 0.0;
        for (std::uint64_t set = 1; set < all; ++set) {
            Vector none(static_cast<Index>(set));  // of the set itself last, of two sets before
            for (std::uint64_t other = 1; other <= set; ++other)
                none(static_cast<Index>(other) - 1) = cut_weight(prompt, set, other);
            none_of(none, samples);
            const double p = none(none.size() - 1);
            single += p;
            largest = std::max(largest, p);
            two += none.head(none.size() - 1).sum();
        }
        out.most += single;
        out.least = std::max({out.least, largest, single - two});
    }
    out.most = std::min(out.most, 1.0);
    return out;
}

namespace {

using Eigensystem = Eigen::SelfAdjointEigenSolver<Matrix>;

/// Fisher information of one comparison about the rewards of prompt x, at the true ones.
Matrix reward_information(const TabularFacts& f, std::size_t x) {
    const auto r = f.reward.row(static_cast<Index>(x));
    Matrix out = Matrix::Zero(r.size(), r.size());
    for (Index a = 0; a < r.size(); ++a)
        for (Index b = 0; b < r.size(); ++b) {
            if (a == b) continue;
            const double p = 1.0 / (1.0 + std::exp(r(b) - r(a)));
            const double w = (f.wins[x](a, b) + f.wins[x](b, a)) * p * (1.0 - p);
            out(a, b) -= w;
            out(a, a) += w;
        }
    return out;
}

Matrix policy_information(const TabularFacts& f, const RowMatrix& log_policy, Index x) {
    const Vector p = log_policy.row(x).array().exp();
    return f.weight(x) * (Matrix(p.asDiagonal()) - p * p.transpose());
}

}  // namespace

GapLaw gap_law(const TabularFacts& f) {
    const RowMatrix optimum = kl_regularised_optimum(f.reference, f.reward, f.beta);
    double trace = 0.0, square = 0.0, worst = 0.0;
    for (std::size_t x = 0; x < f.wins.size(); ++x) {
        const Eigensystem system(reward_information(f, x));
        // Outside the kernel: the constant vector, and more where responses are not compared.
        const Vector& lambda = system.eigenvalues();
        const Index rest = (lambda.array() > 1e-12 * lambda.maxCoeff()).count();
        const Vector variance = lambda.tail(rest).cwiseInverse();
        const auto v = system.eigenvectors().rightCols(rest);
        const Matrix m = (v.transpose() * policy_information(f, optimum, static_cast<Index>(x)) *
                          v * variance.asDiagonal()) /
                         (f.beta * f.beta);
        trace += m.trace();
        square += (m * m).trace();
        worst = std::max(worst, variance.maxCoeff());
    }
    return {0.5 * trace, std::sqrt(0.5 * square), worst};
}

}  // namespace prefdyn::theory
