#include "sim/dense_engine.hpp"

#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>

#include "sim/numerics.hpp"

namespace prefdyn {

namespace {

constexpr Index kBlockRows = 128;   // prompts at a time: bounds the (rows, V) logits
constexpr Index kSliceRows = 1024;  // head rows a matrix product; fixed, so threads change no bit

using HeadMap = Eigen::Map<const RowMatrix>;

}  // namespace

/// A block of prompts on its way through the head.
struct DenseEngine::Block {
    RowMatrix features;               ///< (b, d)
    std::vector<std::int8_t> label;   ///< (b)
    RowMatrix log_pi;                 ///< (b, V) logits, then log-softmax, then gradient
    Vector margin, chosen, rejected;  ///< (b)
    std::vector<Index> row;           ///< (b) row of each prompt in its split
};

DenseEngine::DenseEngine(const PreferenceTask& task) : task_(task) {
    const Vector theta = initial();
    for (const Split split : {Split::kTrain, Split::kHeldOut}) {
        Responses out;
        Responses& reference = reference_[static_cast<int>(split)];
        reference.logp_chosen = reference.logp_rejected = Vector::Zero(data(split).samples());
        pass(theta, split, {}, &out, nullptr);
        reference = out;
    }
}

Vector DenseEngine::initial() const {
    const RowMatrix& head = task_.policy.reference;
    if (head.size() == 0) return Vector::Zero(size());
    return Eigen::Map<const Vector>(head.data(), head.size());
}

double DenseEngine::descent(const Vector& theta, std::span<const Index> rows,
                            Vector& direction) const {
    return pass(theta, Split::kTrain, rows, nullptr, &direction);
}

void DenseEngine::evaluate(const Vector& theta, Split split, Responses& out,
                           Vector* direction) const {
    pass(theta, split, {}, &out, split == Split::kTrain ? direction : nullptr);
}

double DenseEngine::pass(const Vector& theta, Split split, std::span<const Index> rows,
                         Responses* out, Vector* direction) const {
    const Dataset& set = data(split);
    const Index batch = rows.empty() ? set.samples() : static_cast<Index>(rows.size());
    if (out) out->margin = out->logp_chosen = out->logp_rejected = Vector(batch);
    if (direction) direction->setZero(size());
    double loss = 0.0;
    for (Index first = 0; first < batch; first += kBlockRows) {
        const Index count = std::min(kBlockRows, batch - first);
        Block block;
        block.features.resize(count, set.dimension());
        for (Index b = 0; b < count; ++b) {
            const Index i = rows.empty() ? first + b : rows[static_cast<std::size_t>(first + b)];
            block.row.push_back(i);
            block.label.push_back(set.label[static_cast<std::size_t>(i)]);
            block.features.row(b) = set.features.row(i);
        }
        forward(theta, split, block);
        for (Index b = 0; b < count; ++b) loss += task_.loss->value(block.margin(b));
        if (out) {
            out->margin.segment(first, count) = block.margin;
            out->logp_chosen.segment(first, count) = block.chosen;
            out->logp_rejected.segment(first, count) = block.rejected;
        }
        if (direction) backward(block, task_.policy.beta / static_cast<double>(batch), *direction);
    }
    return loss / static_cast<double>(std::max<Index>(batch, 1));
}

/// log_pi = log softmax(G W^T) row by row, margins against the reference log-probabilities.
void DenseEngine::forward(const Vector& theta, Split split, Block& block) const {
    const Index V = task_.policy.vocabulary, count = block.features.rows();
    const HeadMap head(theta.data(), V, task_.train.dimension());
    block.log_pi.resize(count, V);
#pragma omp parallel for schedule(static)
    for (Index k = 0; k < V; k += kSliceRows) {
        const Index slice = std::min(kSliceRows, V - k);
        block.log_pi.middleCols(k, slice).noalias() =
            block.features * head.middleRows(k, slice).transpose();
    }
    block.margin.resize(count);
    block.chosen.resize(count);
    block.rejected.resize(count);
    const Responses& reference = reference_[static_cast<int>(split)];
#pragma omp parallel for schedule(static)
    for (Index b = 0; b < count; ++b) {
        block.log_pi.row(b).array() -= logsumexp(block.log_pi.row(b).data(), V);
        const bool yes = block.label[static_cast<std::size_t>(b)] > 0;
        const Index i = block.row[static_cast<std::size_t>(b)];
        block.chosen(b) = block.log_pi(b, yes ? task_.policy.yes : task_.policy.no);
        block.rejected(b) = block.log_pi(b, yes ? task_.policy.no : task_.policy.yes);
        block.margin(b) = task_.policy.beta * ((block.chosen(b) - reference.logp_chosen(i)) -
                                               (block.rejected(b) - reference.logp_rejected(i)));
    }
}

/// direction += scale * sum_b (-phi'(m_b)) [ (e_w - pi_b) - (e_l - pi_b) ] g_b^T, both softmax
/// terms written out: that they cancel is a result, not an assumption of this engine.
void DenseEngine::backward(Block& block, double scale, Vector& direction) const {
    const Index V = task_.policy.vocabulary, d = task_.train.dimension();
#pragma omp parallel for schedule(static)
    for (Index b = 0; b < block.features.rows(); ++b) {
        const double weight = -scale * task_.loss->derivative(block.margin(b));
        const bool yes = block.label[static_cast<std::size_t>(b)] > 0;
        const Index chosen = yes ? task_.policy.yes : task_.policy.no;
        const Index rejected = yes ? task_.policy.no : task_.policy.yes;
        for (Index k = 0; k < V; ++k) {
            const double pi = std::exp(block.log_pi(b, k));
            const double up = (k == chosen ? 1.0 : 0.0) - pi;
            const double down = (k == rejected ? 1.0 : 0.0) - pi;
            block.log_pi(b, k) = weight * (up - down);
        }
    }
    Eigen::Map<RowMatrix> out(direction.data(), V, d);
#pragma omp parallel for schedule(static)
    for (Index k = 0; k < V; k += kSliceRows) {
        const Index slice = std::min(kSliceRows, V - k);
        out.middleRows(k, slice).noalias() +=
            block.log_pi.middleCols(k, slice).transpose() * block.features;
    }
}

/// The spectral norm through the Gram matrix of the rows that moved.
HeadNorms DenseEngine::change(const Vector& theta) const {
    const RowMatrix moved =
        HeadMap(theta.data(), task_.policy.vocabulary, task_.train.dimension()) -
        HeadMap(initial().data(), task_.policy.vocabulary, task_.train.dimension());
    std::vector<Index> rows;
    for (Index k = 0; k < moved.rows(); ++k)
        if (!(moved.row(k).array() == 0.0).all()) rows.push_back(k);
    if (rows.empty()) return {0.0, 0.0};
    const RowMatrix active = moved(rows, Eigen::all);
    const Matrix gram = active * active.transpose();
    const Eigen::SelfAdjointEigenSolver<Matrix> solver(gram, Eigen::EigenvaluesOnly);
    return {moved.norm(), std::sqrt(std::max(0.0, solver.eigenvalues().maxCoeff()))};
}

}  // namespace prefdyn
