#include "sim/head/dense_engine.hpp"

#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>

#include "sim/base/levels/arrays.hpp"
#include "sim/base/numerics.hpp"
#include "sim/loss/sorted_margins.hpp"

namespace prefdyn {

namespace {

constexpr Index kBlockRows = 128;                // prompts at a time: bounds the (rows, V) logits
constexpr Index kDeviceLogits = Index{1} << 27;  // of a block there
constexpr double kParallelProducts = 4e6,
                 kParallelExponentials = 2e5;  // about a millisecond of them
constexpr Index kSliceRows = 1024;  // head rows a matrix product; fixed, so threads change no bit

using HeadMap = Eigen::Map<const RowMatrix>;

constexpr Vector Responses::*kColumns[] = {&Responses::margin, &Responses::logp_chosen,
                                           &Responses::logp_rejected, &Responses::reward_chosen,
                                           &Responses::reward_rejected};

void resize(Responses& out, Index n) {
    for (const auto column : kColumns) (out.*column).resize(n);
}

void copy_block(const Responses& block, Index first, Responses& out) {
    for (const auto column : kColumns)
        (out.*column).segment(first, (block.*column).size()) = block.*column;
}

}  // namespace

/// A block of prompts on its way through the head.
struct DenseEngine::Block {
    RowMatrix features;              ///< (b, d), no columns where a device has them
    std::vector<std::int8_t> label;  ///< (b)
    std::vector<Index> row;          ///< (b) row of each prompt in its split
    RowMatrix log_pi;                ///< (b, V) logits, then log-softmax, then gradient
    Responses out;                   ///< (b)
};

DenseEngine::DenseEngine(const PreferenceTask& task)
    : task_(task),
      device_(make_layer_device(
          task.train.features, task.held_out.features,
          static_cast<double>(task.train.samples()) * static_cast<double>(size()), task.device)),
      sorts_(task.loss->facts().form == LossForm::kSorted) {
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
    const Index batch = rows.empty() ? data(split).samples() : static_cast<Index>(rows.size());
    const auto device = device_pass(theta);
    const Vector matched = sorts_ ? matched_margins(theta, device.get(), split, rows) : Vector();
    if (out) {
        resize(*out, batch);
        out->matched = matched;
    }
    if (direction) direction->setZero(size());
    double total = 0.0;
    const Index rows_a_block = block_rows();
    for (Index first = 0; first < batch; first += rows_a_block) {
        Block block = gather(split, rows, first, std::min(rows_a_block, batch - first));
        forward(theta, device.get(), split, block);
        if (sorts_) block.out.matched = matched.segment(first, block.features.rows());
        total += loss(block);
        if (out) copy_block(block.out, first, *out);
        if (direction)
            backward(block, task_.policy.beta / static_cast<double>(batch), device.get(),
                     *direction);
    }
    if (device && direction && batch > 0) *direction = device->sum();
    return total / static_cast<double>(std::max<Index>(batch, 1));
}

/// A forward pass of its own, since the ranks are those of the whole batch.
Vector DenseEngine::matched_margins(const Vector& theta, SoftmaxDevice* device, Split split,
                                    std::span<const Index> rows) const {
    const Index batch = rows.empty() ? data(split).samples() : static_cast<Index>(rows.size());
    const Responses& reference = reference_[static_cast<int>(split)];
    Vector margin(batch), before(batch);
    const Index rows_a_block = block_rows();
    for (Index first = 0; first < batch; first += rows_a_block) {
        Block block = gather(split, rows, first, std::min(rows_a_block, batch - first));
        forward(theta, device, split, block);
        margin.segment(first, block.features.rows()) = block.out.margin;
        for (std::size_t b = 0; b < block.row.size(); ++b)
            before(first + static_cast<Index>(b)) =
                reference.logp_chosen(block.row[b]) - reference.logp_rejected(block.row[b]);
    }
    return match_by_rank(margin, before, task_.policy.beta);
}

DenseEngine::Block DenseEngine::gather(Split split, std::span<const Index> rows, Index first,
                                       Index count) const {
    const Dataset& set = data(split);
    Block block;
    block.features.resize(count, device_ ? 0 : set.dimension());
    resize(block.out, count);
    for (Index b = 0; b < count; ++b) {
        const Index i = rows.empty() ? first + b : rows[static_cast<std::size_t>(first + b)];
        block.row.push_back(i);
        block.label.push_back(set.label[static_cast<std::size_t>(i)]);
        if (!device_) block.features.row(b) = set.features.row(i);
    }
    return block;
}

std::unique_ptr<SoftmaxDevice> DenseEngine::device_pass(const Vector& theta) const {
    return device_ ? device_->softmax(theta, task_.policy.vocabulary) : nullptr;
}

Index DenseEngine::block_rows() const {
    return device_ ? std::max<Index>(1, kDeviceLogits / task_.policy.vocabulary) : kBlockRows;
}

/// log_pi = log softmax(G W^T) row by row, and its entries of the two responses.
void DenseEngine::softmax(const Vector& theta, Block& block) const {
    const Index V = task_.policy.vocabulary, count = block.features.rows();
    const HeadMap head(theta.data(), V, task_.train.dimension());
    block.log_pi.resize(count, V);
    const double entries = static_cast<double>(count) * static_cast<double>(V);
    const double products = entries * static_cast<double>(head.cols());
#pragma omp parallel for schedule(static) if (products >= kParallelProducts)
    for (Index k = 0; k < V; k += kSliceRows) {
        const Index slice = std::min(kSliceRows, V - k);
        block.log_pi.middleCols(k, slice).noalias() =
            block.features * head.middleRows(k, slice).transpose();
    }
#pragma omp parallel for schedule(static) if (entries >= kParallelExponentials)
    for (Index b = 0; b < count; ++b) {
        block.log_pi.row(b).array() -= array_functions().logsumexp(block.log_pi.row(b).data(), V);
        block.out.logp_chosen(b) = block.log_pi(b, chosen(block, b));
        block.out.logp_rejected(b) = block.log_pi(b, rejected(block, b));
    }
}

Index DenseEngine::chosen(const Block& block, Index b) const {
    return block.label[static_cast<std::size_t>(b)] > 0 ? task_.policy.yes : task_.policy.no;
}

Index DenseEngine::rejected(const Block& block, Index b) const {
    return block.label[static_cast<std::size_t>(b)] > 0 ? task_.policy.no : task_.policy.yes;
}

/// Log-probabilities, and margins against those of the reference.
void DenseEngine::forward(const Vector& theta, SoftmaxDevice* device, Split split,
                          Block& block) const {
    const Index count = block.features.rows();
    Responses& out = block.out;
    if (device) {
        SoftmaxDevice::Rows rows;
        for (Index b = 0; b < count; ++b) {
            rows.row.push_back(block.row[static_cast<std::size_t>(b)]);
            rows.chosen.push_back(static_cast<std::int32_t>(chosen(block, b)));
            rows.rejected.push_back(static_cast<std::int32_t>(rejected(block, b)));
        }
        device->forward(split == Split::kHeldOut, rows);
        out.logp_chosen = rows.logp_chosen;
        out.logp_rejected = rows.logp_rejected;
    } else {
        softmax(theta, block);
    }
    const Responses& reference = reference_[static_cast<int>(split)];
    const Policy& policy = task_.policy;
    for (Index b = 0; b < count; ++b) {
        const Index i = block.row[static_cast<std::size_t>(b)];
        const double rise = out.logp_chosen(b) - reference.logp_chosen(i);
        const double fall = out.logp_rejected(b) - reference.logp_rejected(i);
        out.margin(b) = policy.beta * (rise - fall);
        out.reward_chosen(b) = policy.beta * rise;
        out.reward_rejected(b) = policy.beta * fall;
    }
}

double DenseEngine::loss(const Block& block) const {
    const Responses& r = block.out;
    const MarginLoss* phi = task_.loss->margin();
    const Vector& margin = sorts_ ? r.matched : r.margin;
    double total = 0.0;
    for (Index b = 0; b < r.margin.size(); ++b)
        total += phi ? phi->value(margin(b))
                     : task_.loss->value(r.reward_chosen(b), r.reward_rejected(b));
    return total;
}

LossSlopes DenseEngine::slopes(const Block& block, Index b) const {
    const Responses& r = block.out;
    const MarginLoss* phi = task_.loss->margin();
    if (!phi) return task_.loss->slopes(r.reward_chosen(b), r.reward_rejected(b));
    const double slope = phi->derivative(sorts_ ? r.matched(b) : r.margin(b));
    return {slope, -slope};
}

/// direction += -scale * sum_b [ phi_w (e_w - pi_b) + phi_l (e_l - pi_b) ] g_b^T, phi_w and phi_l
/// the slopes in r_w and r_l. Written as phi_w ((e_w - pi) - (e_l - pi)) + (phi_w + phi_l) (e_l -
/// pi), so that what cancels for a loss of the margin cancels without rounding.
void DenseEngine::backward(Block& block, double scale, SoftmaxDevice* device,
                           Vector& direction) const {
    const Index V = task_.policy.vocabulary, d = task_.train.dimension();
    Vector weight(block.features.rows()), excess(block.features.rows());
    for (Index b = 0; b < weight.size(); ++b) {
        const LossSlopes slope = slopes(block, b);
        weight(b) = -scale * slope.chosen;
        excess(b) = -scale * (slope.chosen + slope.rejected);
    }
    if (device) return device->backward(weight, excess);
    const double entries = static_cast<double>(weight.size()) * static_cast<double>(V);
    const double products = entries * static_cast<double>(d);
#pragma omp parallel for schedule(static) if (entries >= kParallelExponentials)
    for (Index b = 0; b < weight.size(); ++b) {
        const Index up_token = chosen(block, b), down_token = rejected(block, b);
        double* const row = block.log_pi.row(b).data();
        array_functions().exp(row, V, row);
        for (Index k = 0; k < V; ++k) {
            const double pi = row[k];
            const double up = (k == up_token ? 1.0 : 0.0) - pi;
            const double down = (k == down_token ? 1.0 : 0.0) - pi;
            row[k] = weight(b) * (up - down) + excess(b) * down;
        }
    }
    Eigen::Map<RowMatrix> out(direction.data(), V, d);
#pragma omp parallel for schedule(static) if (products >= kParallelProducts)
    for (Index k = 0; k < V; k += kSliceRows) {
        const Index slice = std::min(kSliceRows, V - k);
        out.middleRows(k, slice).noalias() +=
            block.log_pi.middleCols(k, slice).transpose() * block.features;
    }
}

/// Logits are sums of d products, a normaliser one of V exponentials; a gradient's entry passes
/// through a softmax and sums n rows.
Roundings DenseEngine::roundings() const {
    const auto d = static_cast<double>(task_.train.dimension());
    const auto V = static_cast<double>(task_.policy.vocabulary);
    const RowMatrix& head = task_.policy.reference;
    return {.beta = task_.policy.beta,
            .inner = d + 6.0,
            .outer = static_cast<double>(task_.train.samples()) + V + 16.0,
            .reference = head.size() == 0 ? 0.0 : head.stableNorm(),
            .normaliser = V + 16.0,
            .tokens = V,
            .reference_logit = reference_logit_error(task_.policy)};
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
    const RowMatrix active = moved(rows, Eigen::seqN(0, moved.cols()));
    const Matrix gram = active * active.transpose();
    const Eigen::SelfAdjointEigenSolver<Matrix> solver(gram, Eigen::EigenvaluesOnly);
    return {moved.stableNorm(), std::sqrt(std::max(0.0, solver.eigenvalues().maxCoeff()))};
}

}  // namespace prefdyn
