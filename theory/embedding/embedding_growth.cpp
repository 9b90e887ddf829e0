#include "theory/embedding/embedding_growth.hpp"

#include <algorithm>
#include <cmath>
#include <sstream>

#include "theory/statistics.hpp"

namespace prefdyn::theory {

namespace {

RowMatrix signed_rows(const Dataset& data) {
    RowMatrix z = data.features;
    for (Index i = 0; i < z.rows(); ++i)
        z.row(i) *= static_cast<double>(data.label[static_cast<std::size_t>(i)]);
    return z;
}

/// Every two rows have an inner product that is clear of its rounding: `size` (n) is at least the
/// length of what each row was computed from.
bool all_acute(const RowMatrix& rows, const Vector& size, double gamma) {
    for (Index i = 0; i < rows.rows(); ++i) {
        const Vector product = rows * rows.row(i).transpose();
        if (!(product.array() >= gamma * size(i) * size.array()).all()) return false;
    }
    return true;
}

/// The same of every row and the head.
bool all_with(const Vector& head, const RowMatrix& rows, const Vector& size, double gamma) {
    if (head.isZero(0.0)) return true;
    return ((rows * head).array() >= gamma * head.norm() * size.array()).all();
}

bool clear(const Ball& x) { return x.low() >= 0.0; }

/// Not negative where no change of norm `by` turns a vector of norm `from` by more than 45 degrees.
Ball room(const Ball& from, const Ball& by) { return from / sqrt(Ball(2.0)) - by; }

}  // namespace

EmbeddingGrowth embedding_growth(const Dataset& data, const TwoLayerModel& start) {
    const MeanStatistics means = mean_statistics(data);
    const RowMatrix& e = start.embedding;
    const double n = static_cast<double>(data.samples());
    const RowMatrix z = signed_rows(data), ez = z * e.transpose();
    const Vector q = 0.5 * means.zbar, delta = means.mean_plus - means.mean_minus;
    const Vector eq = e * q, ed = e * delta, kd = e.transpose() * ed;
    const Vector u = e.transpose() * start.head;
    const double gamma =
        gamma_of(static_cast<double>(data.samples() + data.dimension() + e.rows()) + 16.0);
    // What a result is a sum of, in place of the result: terms may cancel.
    const double x = std::sqrt(means.mean_square), wide = e.norm(), a = start.head.norm();
    const double apart = x * std::sqrt(n) *
                         (1.0 / std::sqrt(static_cast<double>(std::max<Index>(1, means.n_plus))) +
                          1.0 / std::sqrt(static_cast<double>(std::max<Index>(1, means.n_minus))));
    const auto ball = [&](double value, double size) { return Ball(value, 4.0 * gamma * size); };
    const double lambda = gram_norm(data.features, n);
    const auto bend = [&](const Vector& w, double size) {
        return ball(std::sqrt(lambda / n) * (z * w).norm(), x * x * size);
    };
    EmbeddingGrowth out;
    out.q = ball(q.norm(), x);
    out.eq = ball(eq.norm(), wide * x);
    out.kq = ball((e.transpose() * eq).norm(), wide * wide * x);
    out.embedding = ball(std::sqrt(gram_norm(e, 1.0)), wide);
    out.head = ball(a, a);
    out.turn = ball(q.dot(delta), x * apart);
    out.spread = ball(eq.dot(ed), wide * wide * x * apart);
    out.along = ball(u.dot(q), a * wide * x);
    out.pull = ball(u.dot(delta), a * wide * apart);
    out.bend_q = ball(lambda, x * x);
    out.bend_eq = ball(std::sqrt(lambda * gram_norm(ez, n)), wide * x * x);
    out.bend_turn = bend(delta, apart);
    out.bend_spread = bend(kd, wide * wide * apart);
    out.bend_along = bend(u, a * wide);
    out.difference = delta.norm();
    const Vector length = z.rowwise().norm(), moved = wide * length;
    out.acute = all_acute(z, length, 4.0 * gamma) && all_acute(ez, moved, 4.0 * gamma) &&
                all_with(start.head, ez, moved, 4.0 * gamma);
    return out;
}

std::string growth_unmet(const EmbeddingGrowth& s) {
    std::ostringstream reason;
    const auto needs = [&](const char* name, const Ball& x) {
        if (reason.str().empty() && !clear(x))
            reason << name << " = " << x.value << " is not known to be >= 0";
    };
    if (s.acute) return "";
    needs("zbar_x^T delta", s.turn);
    needs("zbar_x^T E^T E delta", s.spread);
    needs("a^T E zbar_x", s.along);
    needs("a^T E delta", s.pull);
    needs("||zbar_x||", room(s.q, Ball(0.0)));
    needs("||E zbar_x||", room(s.eq, Ball(0.0)));
    return reason.str();
}

/// While ||E_k^T a_k - u|| <= rho, q_k is off q_0 by at most `bend rho`. As long as that leaves
/// every two of them, and every two E q_k, within a right angle, each update adds what is not
/// negative to a^T E q, q^T K q', a^T E delta and q^T K delta.
std::vector<Ball> growth_of_squared(const EmbeddingGrowth& s, double beta, double eta,
                                    std::size_t steps) {
    std::vector<Ball> out;
    const bool at_rest = s.head.value == 0.0;  // u = 0: a^T E q starts at 0, and grows
    const Ball c = Ball(eta) * beta;
    Ball rho, head_moved, embedding_moved, through_embedding, pull = s.pull;
    while (out.size() < steps) {
        const Ball g = Ball(beta) * 0.25 * rho;
        const Ball turn = s.turn - g * s.bend_turn, spread = s.spread - g * s.bend_spread;
        const Ball along = s.along - g * s.bend_along;
        const Ball q = s.q + g * s.bend_q, eq = s.eq + g * s.bend_eq;
        if (!(clear(room(s.q, g * s.bend_q)) && clear(room(s.eq, g * s.bend_eq)) && clear(turn) &&
              clear(spread) && (at_rest || clear(along)) && clear(pull)))
            break;
        out.push_back(Ball(2.0) * c * turn * pull + square(c * s.head * turn));
        pull = pull + Ball(2.0) * c * spread + c * turn * square(s.head);
        through_embedding =
            through_embedding +
            Ball(2.0) * c * (s.kq + s.embedding * (g * s.bend_eq + embedding_moved * q));
        const Ball head = s.head + head_moved;
        head_moved = head_moved + Ball(2.0) * c * (eq + embedding_moved * q);
        embedding_moved = embedding_moved + c * head * q;
        rho = through_embedding + embedding_moved * (s.head + head_moved);
    }
    if (s.acute) out.resize(steps, Ball(0.0));
    return out;
}

}  // namespace prefdyn::theory
