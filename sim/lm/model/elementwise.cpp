#include "sim/lm/model/elementwise.hpp"

#include <algorithm>
#include <vector>

#include "sim/lm/model/element.hpp"
#include "sim/lm/model/gemm/gemm.hpp"

namespace prefdyn::transformer {

namespace {

/// m and r of d numbers. Four sums, so that additions need not wait for each other.
struct Moments {
    double mean = 0.0, scale = 0.0;
};

template <class Real>
Moments moments(const Real* x, Index d, const NormSpec& spec) {
    constexpr Index kSums = 4;
    Moments out;
    const auto total = [d](auto term) {
        double sum[kSums] = {};
        for (Index j = 0; j < d; ++j) sum[j % kSums] += term(j);
        return (sum[0] + sum[1]) + (sum[2] + sum[3]);
    };
    if (spec.kind == NormKind::kLayer)
        out.mean =
            total([&](Index j) { return static_cast<double>(x[j]); }) / static_cast<double>(d);
    const double squares = total([&](Index j) {
        const double from_mean = static_cast<double>(x[j]) - out.mean;
        return from_mean * from_mean;
    });
    out.scale = inverse_rms(squares, static_cast<double>(d), spec.epsilon);
    return out;
}

template <class Real>
void norm_stretch(const Real* x, const NormWeights<Real>& w, const NormSpec& spec, Real* y) {
    const Moments m = moments(x, w.width, spec);
    const auto r = static_cast<Real>(m.scale), offset = static_cast<Real>(spec.offset);
    if (spec.kind == NormKind::kRms) {
        for (Index j = 0; j < w.width; ++j) y[j] = normed(offset + w.weight[j], x[j], r);
        return;
    }
    for (Index j = 0; j < w.width; ++j) {
        const auto from_mean = static_cast<Real>(static_cast<double>(x[j]) - m.mean);
        y[j] = normed(offset + w.weight[j], from_mean, r) + (w.bias ? w.bias[j] : Real(0));
    }
}

/// dx += of one stretch whose moments are m.
template <class Real>
void norm_stretch_backward(const Real* x, const NormWeights<Real>& w, const NormSpec& spec,
                           const Moments& m, const Real* dy, Real* dx) {
    const auto d = static_cast<double>(w.width);
    const auto weight = [&](Index j) { return static_cast<Real>(spec.offset) + w.weight[j]; };
    double along = 0.0, sum = 0.0;
    for (Index j = 0; j < w.width; ++j) {
        const double g = static_cast<double>(weight(j)) * static_cast<double>(dy[j]);
        along += g * (static_cast<double>(x[j]) - m.mean);
        sum += g;
    }
    const NormSlope slope(m.scale, along, d);
    const auto level = static_cast<Real>(spec.kind == NormKind::kLayer ? m.scale * sum / d : 0.0);
    for (Index j = 0; j < w.width; ++j)
        dx[j] +=
            slope(static_cast<Real>(static_cast<double>(x[j]) - m.mean), weight(j), dy[j]) - level;
}

/// dw += sum of dy u, db += sum of dy, over all stretches in order.
template <class Real>
void norm_weight_backward(const Rows<Real>& x, Index width, const std::vector<Moments>& all,
                          const Rows<Real>& dy, Real* dw, Real* db) {
    const Index stretches = x.size() / width;
    Column<double> weight = Column<double>::Zero(width), bias = Column<double>::Zero(width);
    constexpr Index kStretch = 64;  // columns of a thread, every one summed in the order of t
#pragma omp parallel for schedule(static)
    for (Index first = 0; first < width; first += kStretch)
        for (Index t = 0; t < stretches; ++t) {
            const Moments& m = all[static_cast<std::size_t>(t)];
            for (Index j = first; j < std::min(width, first + kStretch); ++j) {
                const double slope = static_cast<double>(dy.data()[t * width + j]);
                weight(j) +=
                    m.scale * slope * (static_cast<double>(x.data()[t * width + j]) - m.mean);
                bias(j) += slope;
            }
        }
    if (dw) Eigen::Map<Column<Real>>(dw, width) += weight.template cast<Real>();
    if (db) Eigen::Map<Column<Real>>(db, width) += bias.template cast<Real>();
}

template <class Real>
void rotate(const RopeTable& rope, std::span<const Prompt> sequences, Real direction,
            Rows<Real>& x) {
    const Index half = rope.cos.cols();
#pragma omp parallel for schedule(dynamic, 8)
    for (std::size_t s = 0; s < sequences.size(); ++s) {
        const bool far = rope.far_cos.rows() > 0 && sequences[s].length > rope.most;
        const RowsF &cosines = far ? rope.far_cos : rope.cos,
                    &sines = far ? rope.far_sin : rope.sin;
        for (Index p = 0; p < sequences[s].length; ++p) {
            Real* row = x.row(sequences[s].first + p).data();
            for (Index head = 0; head < x.cols(); head += rope.head_size)
                for (Index c = head; c < head + half; ++c) {
                    const Real cosine = cosines(p, c - head), sine = sines(p, c - head);
                    rotate_pair(row[c], row[c + half], cosine, direction * sine);
                }
        }
    }
}

}  // namespace

template <class Real>
void norm_forward(const Rows<Real>& x, const NormWeights<Real>& w, const NormSpec& spec,
                  Rows<Real>& y) {
    y.resize(x.rows(), x.cols());
#pragma omp parallel for schedule(static)
    for (Index t = 0; t < x.rows(); ++t)
        for (Index at = 0; at < x.cols(); at += w.width)
            norm_stretch(x.row(t).data() + at, w, spec, y.row(t).data() + at);
}

template <class Real>
void norm_backward(const Rows<Real>& x, const NormWeights<Real>& w, const NormSpec& spec,
                   const Rows<Real>& dy, Rows<Real>& dx, Real* dw, Real* db) {
    const Index stretches = x.size() / w.width;
    std::vector<Moments> all(static_cast<std::size_t>(stretches));
#pragma omp parallel for schedule(static)
    for (Index t = 0; t < stretches; ++t) {
        const Index at = t * w.width;
        Moments& m = all[static_cast<std::size_t>(t)];
        m = moments(x.data() + at, w.width, spec);
        norm_stretch_backward(x.data() + at, w, spec, m, dy.data() + at, dx.data() + at);
    }
    if (dw || db) norm_weight_backward(x, w.width, all, dy, dw, db);
}

template <class Real>
void rotate_forward(const RopeTable& rope, std::span<const Prompt> sequences, Rows<Real>& x) {
    rotate(rope, sequences, Real(1), x);
}

template <class Real>
void rotate_backward(const RopeTable& rope, std::span<const Prompt> sequences, Rows<Real>& dx) {
    rotate(rope, sequences, Real(-1), dx);
}

namespace {

bool is_swiglu(const ModelConfig& c) { return c.gated && c.activation == Activation::kSilu; }

void swiglu(const Rows<float>& g, const Rows<float>& u, Rows<float>& a) {
#pragma omp parallel for schedule(static)
    for (Index t = 0; t < g.rows(); ++t) {
        a.row(t) = g.row(t);
        best_kernels().gate(a.row(t).data(), u.row(t).data(), g.cols());
    }
}
void swiglu(const Rows<double>& g, const Rows<double>& u, Rows<double>& a) {
    a = g.binaryExpr(u, [](double x, double y) { return gate(x, y); });
}

void swiglu_backward(const Rows<float>& g, const Rows<float>& u, const Rows<float>& da,
                     Rows<float>& dg, Rows<float>& du) {
#pragma omp parallel for schedule(static)
    for (Index t = 0; t < g.rows(); ++t)
        best_kernels().gate_backward(g.row(t).data(), u.row(t).data(), da.row(t).data(),
                                     dg.row(t).data(), du.row(t).data(), g.cols());
}
void swiglu_backward(const Rows<double>& g, const Rows<double>& u, const Rows<double>& da,
                     Rows<double>& dg, Rows<double>& du) {
    for (Index k = 0; k < g.size(); ++k)
        transformer::gate_backward(g.data()[k], u.data()[k], da.data()[k], dg.data()[k],
                                   du.data()[k]);
}

}  // namespace

template <class Real>
void feed_forward(const ModelConfig& c, const Rows<Real>& g, const Rows<Real>& u, Rows<Real>& a) {
    a.resize(u.rows(), u.cols());
    if (is_swiglu(c)) return swiglu(g, u, a);
    const Real *gates = g.data(), *ups = u.data();
#pragma omp parallel for schedule(static)
    for (Index k = 0; k < u.size(); ++k)
        a.data()[k] =
            c.gated ? activated(c.activation, gates[k]) * ups[k] : activated(c.activation, ups[k]);
}

template <class Real>
void feed_backward(const ModelConfig& c, const Rows<Real>& g, const Rows<Real>& u,
                   const Rows<Real>& da, Rows<Real>& dg, Rows<Real>& du) {
    dg.resize(g.rows(), g.cols());
    du.resize(u.rows(), u.cols());
    if (is_swiglu(c)) return swiglu_backward(g, u, da, dg, du);
    const Real *gates = g.data(), *ups = u.data();
#pragma omp parallel for schedule(static)
    for (Index k = 0; k < u.size(); ++k) {
        const Real slope = da.data()[k];
        if (!c.gated) {
            du.data()[k] = slope * activation_slope(c.activation, ups[k]);
            continue;
        }
        dg.data()[k] = slope * ups[k] * activation_slope(c.activation, gates[k]);
        du.data()[k] = slope * activated(c.activation, gates[k]);
    }
}

namespace {

template <class Real>
void finish(const ModelConfig& c, Rows<Real>& z) {
    if (c.logit_scale != 1.0) z *= static_cast<Real>(c.logit_scale);
    if (!(c.logit_cap > 0.0)) return;
    const auto cap = static_cast<Real>(c.logit_cap);
#pragma omp parallel for schedule(static)
    for (Index t = 0; t < z.rows(); ++t) z.row(t) = cap * (z.row(t).array() / cap).tanh().matrix();
}

}  // namespace

void finish_logits(const ModelConfig& config, Rows<float>& z) { finish(config, z); }
void finish_logits(const ModelConfig& config, Rows<double>& z) { finish(config, z); }

#define PREFDYN_INSTANTIATE(Real)                                                             \
    template void norm_forward(const Rows<Real>&, const NormWeights<Real>&, const NormSpec&,  \
                               Rows<Real>&);                                                  \
    template void norm_backward(const Rows<Real>&, const NormWeights<Real>&, const NormSpec&, \
                                const Rows<Real>&, Rows<Real>&, Real*, Real*);                \
    template void rotate_forward(const RopeTable&, std::span<const Prompt>, Rows<Real>&);     \
    template void rotate_backward(const RopeTable&, std::span<const Prompt>, Rows<Real>&);    \
    template void feed_forward(const ModelConfig&, const Rows<Real>&, const Rows<Real>&,      \
                               Rows<Real>&);                                                  \
    template void feed_backward(const ModelConfig&, const Rows<Real>&, const Rows<Real>&,     \
                                const Rows<Real>&, Rows<Real>&, Rows<Real>&);
PREFDYN_INSTANTIATE(float)
PREFDYN_INSTANTIATE(double)
#undef PREFDYN_INSTANTIATE

}  // namespace prefdyn::transformer
