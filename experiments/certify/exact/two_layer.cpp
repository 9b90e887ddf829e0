#include "experiments/certify/exact/two_layer.hpp"

namespace prefdyn::certify {

namespace {

using theory::Relation;

/// Rows of a small dense matrix.
using RealRows = std::vector<RealVector>;

Real scalar(const RealVector& a, const RealVector& b) {
    return dot(a.data(), 1, b.data(), 1, static_cast<std::ptrdiff_t>(a.size()));
}

RealVector times(const RealRows& m, const RealVector& x) {
    RealVector out;
    for (const RealVector& row : m) out.push_back(scalar(row, x));
    return out;
}

/// m^T x.
RealVector back(const RealRows& m, const RealVector& x) {
    RealVector out(m.front().size());
    for (std::size_t k = 0; k < m.size(); ++k)
        for (std::size_t j = 0; j < out.size(); ++j) add_product(out[j], x[k], m[k][j]);
    return out;
}

/// m += c x y^T.
void add_outer(RealRows& m, const Real& c, const RealVector& x, const RealVector& y) {
    for (std::size_t k = 0; k < m.size(); ++k) {
        const Real factor = c * x[k];
        for (std::size_t j = 0; j < m[k].size(); ++j) add_product(m[k][j], factor, y[j]);
    }
}

RealRows zeros(std::size_t rows, std::size_t columns) { return {rows, RealVector(columns)}; }

Real frobenius(const RealRows& m) {
    Real out;
    for (const RealVector& row : m) out += scalar(row, row);
    return sqrt(out);
}

Real diagonal_norm(const RealRows& m) {
    Real out;
    for (std::size_t k = 0; k < m.size(); ++k) out += square(m[k][k]);
    return sqrt(out);
}

struct Model {
    RealRows embedding;
    RealVector head;

    explicit Model(const TwoLayerModel& m) : head(m.head.begin(), m.head.end()) {
        for (Index k = 0; k < m.embedding.rows(); ++k)
            embedding.emplace_back(m.embedding.row(k).begin(), m.embedding.row(k).end());
    }
    RealVector pull() const { return back(embedding, head); }
    /// E E^T - a a^T / 2.
    RealRows balance() const {
        RealRows out;
        for (const RealVector& row : embedding) out.push_back(times(embedding, row));
        add_outer(out, Real(-0.5), head, head);
        return out;
    }
};

/// sigma(-m_i) / n of each row.
RealVector weights(const Rows& rows, const Real& beta, const Model& model,
                   const RealVector& old_pull) {
    RealVector moved = model.pull();
    for (std::size_t j = 0; j < moved.size(); ++j) moved[j] -= old_pull[j];
    RealVector out;
    const Real n = static_cast<double>(rows.n);
    for (Index i = 0; i < rows.n; ++i)
        out.push_back(Real(1.0) / (Real(1.0) + exp(beta * rows.product(i, moved))) / n);
    return out;
}

/// ||grad_E L||^2 + ||grad_W L||^2, row by row of the data.
Real squared_gradient(const Rows& rows, const Real& beta, const Model& model,
                      const RealVector& weight) {
    RealRows embedding = zeros(model.head.size(), place(rows.d));
    RealVector head(model.head.size());
    for (Index i = 0; i < rows.n; ++i) {
        const RealVector z(rows.row(i), rows.row(i) + rows.d);
        const RealVector g = times(model.embedding, z);
        add_outer(embedding, weight[place(i)], model.head, z);
        for (std::size_t k = 0; k < g.size(); ++k) add_product(head[k], weight[place(i)], g[k]);
    }
    const Real f = frobenius(embedding);
    return square(beta) * (square(f) + Real(2.0) * scalar(head, head));
}

RealVector class_difference(const Rows& rows, const Dataset& data) {
    const auto of = [&](int sign) {
        return rows.mean([&](Index i) { return data.label[place(i)] == sign; });
    };
    RealVector out = of(+1);  // means of z: mu_+ and -mu_-
    const RealVector minus = of(-1);
    for (std::size_t j = 0; j < out.size(); ++j) out[j] += minus[j];
    return out;
}

}  // namespace

ExactTwoLayer::ExactTwoLayer(const TwoLayerSubject& s)
    : told_eta(s.told_eta > 0.0 ? s.told_eta : s.eta), beta(s.beta) {
    const Rows trained(s.data), told(s.told_data ? *s.told_data : s.data);
    const RealVector delta = class_difference(told, s.told_data ? *s.told_data : s.data);
    const RealVector old_pull = Model(s.reference ? *s.reference : s.start).pull();
    const Model told_start(s.told_start ? *s.told_start : s.start);
    const RealVector zbar = told.mean([](Index) { return true; });
    const RealVector moved = times(told_start.embedding, zbar);
    told_rate = square(beta) / Real(4.0) *
                (Real(2.0) * scalar(moved, moved) +
                 scalar(told_start.head, told_start.head) * scalar(zbar, zbar));
    Model model(s.start);
    squared_rate = squared_gradient(trained, beta, model, weights(trained, beta, model, old_pull));
    const RealRows start = model.balance();
    RealRows drift = zeros(start.size(), start.size());
    const Real c = Real(s.eta) * beta;
    for (Index step = 0;; ++step) {
        const RealVector q = told.weighted(weights(told, beta, model, old_pull));
        RealRows change = model.balance();
        for (std::size_t k = 0; k < change.size(); ++k)
            for (std::size_t j = 0; j < change.size(); ++j) change[k][j] -= start[k][j];
        points.push_back({norm(times(model.embedding, delta)),
                          scalar(q, delta) * scalar(model.pull(), delta), frobenius(change),
                          diagonal_norm(change), frobenius(drift), diagonal_norm(drift)});
        if (step == s.steps) return;
        const RealVector done = trained.weighted(weights(trained, beta, model, old_pull));
        const RealVector eq = times(model.embedding, q), moves = times(model.embedding, done);
        add_outer(drift, scalar(q, q), model.head, model.head);
        add_outer(drift, Real(-2.0), eq, eq);
        add_outer(model.embedding, c, model.head, done);
        const Real twice = Real(2.0 * s.head_factor) * c;
        for (std::size_t k = 0; k < moves.size(); ++k) add_product(model.head[k], twice, moves[k]);
    }
}

namespace {

using Comparisons = std::vector<ExactComparison>;

Comparisons initial_rate_of(const ExactTwoLayer& e) {
    return {{0, e.squared_rate, e.told_rate, Relation::kEqual}};
}

Comparisons distinguishability_grows(const ExactTwoLayer& e) {
    Comparisons out;
    const Real gain = Real(2.0) * e.told_eta * e.beta;
    for (std::size_t k = 1; k < e.points.size(); ++k) {
        const TwoLayerPoint& before = e.points[k - 1];
        const Real rise = gain * max(0.0, before.condition);
        out.push_back({static_cast<Index>(k), e.points[k].distinguishability,
                       sqrt(square(before.distinguishability) + rise), Relation::kAtLeast});
    }
    return out;
}

Comparisons balance_drifts(const ExactTwoLayer& e) {
    Comparisons out;
    const Real c = square(e.told_eta * e.beta);
    for (std::size_t k = 1; k < e.points.size(); ++k) {
        const TwoLayerPoint& p = e.points[k];
        const auto step = static_cast<Index>(k);
        out.push_back({step, p.balance, c * p.drift, Relation::kEqual});
        out.push_back({step, p.unit_balance, c * p.unit_drift, Relation::kEqual});
    }
    return out;
}

}  // namespace

TwoLayerExactClaim two_layer_claim(const std::string& id) {
    if (id == "T9a") return initial_rate_of;
    if (id == "T9bp") return distinguishability_grows;
    if (id == "T9d") return balance_drifts;
    return nullptr;
}

}  // namespace prefdyn::certify
