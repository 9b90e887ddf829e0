#include "sim/head/two_layer_engine.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "sim/base/failure.hpp"
#include "sim/base/numerics.hpp"

namespace prefdyn {

namespace {

constexpr Index kBlockRows = 64;  // prompts a matrix product; fixed, so threads change no bit
constexpr Index kMaxChunks = 16;
constexpr Index kParallelElements = Index{1} << 19;

using Embedding = Eigen::Map<RowMatrix>;

/// act(z) into z, act'(z) into slope.
void apply(Activation kind, RowMatrix& z, RowMatrix* slope) {
    if (slope) {
        slope->resize(z.rows(), z.cols());
        for (Index k = 0; k < z.size(); ++k) slope->data()[k] = activation_slope(kind, z.data()[k]);
    }
    for (Index k = 0; k < z.size(); ++k) z.data()[k] = activate(kind, z.data()[k]);
}

RowMatrix covariance_of_mean(const Dataset& data, int sign, const Vector& mean) {
    const double count = static_cast<double>(data.count(sign));
    RowMatrix sum = RowMatrix::Zero(data.dimension(), data.dimension());
    for (Index i = 0; i < data.samples(); ++i) {
        if (data.label[static_cast<std::size_t>(i)] != sign) continue;
        const Vector off = data.features.row(i).transpose() - mean;
        sum.noalias() += off * off.transpose();
    }
    return sum / ((count - 1.0) * count);  // NaN for a class of one
}

const MarginLoss& margin_loss(const PreferenceTask& task) {
    if (task.loss->facts().form == LossForm::kMargin) return *task.loss->margin();
    throw InputError(
        "loss: '" + std::string(task.loss->name()) + "' is not a function of each row's margin",
        "a trained embedding allows losses such as sigmoid, ipo and hinge");
}

}  // namespace

/// Rows [first, first + count) of a batch on their way through the model.
struct TwoLayerEngine::Block {
    std::vector<Index> row;  ///< (b) row of each prompt in its split
    RowMatrix x, g, slope;   ///< (b, d), (b, h), (b, h); the identity leaves g and slope empty
    Vector score, weight;    ///< (b) a^T g(x), -phi'(m) s
};

TwoLayerEngine::TwoLayerEngine(const PreferenceTask& task, TwoLayerSpec spec)
    : task_(task),
      loss_(margin_loss(task)),
      spec_(std::move(spec)),
      hidden_(spec_.start.embedding.rows()),
      dimension_(task.train.dimension()),
      device_(make_layer_device(
          task.train.features, task.held_out.features,
          static_cast<double>(task.train.features.size()) * static_cast<double>(hidden_),
          task.device)),
      class_mean_(RowMatrix::Zero(2, dimension_)) {
    validate(spec_.start, dimension_, "embedding model");
    const TwoLayerModel& reference = spec_.reference ? *spec_.reference : spec_.start;
    validate(reference, dimension_, "reference model");
    for (const Split split : {Split::kTrain, Split::kHeldOut})
        reference_[static_cast<int>(split)] = scores(reference, data(split).features);
    for (Index i = 0; i < task.train.samples(); ++i)
        class_mean_.row(task.train.label[static_cast<std::size_t>(i)] > 0 ? 0 : 1) +=
            task.train.features.row(i);
    class_mean_.row(0) /= static_cast<double>(task.train.count(+1));
    class_mean_.row(1) /= static_cast<double>(task.train.count(-1));
    if (spec_.start.activation == Activation::kIdentity)
        noise_of_mean_ = covariance_of_mean(task.train, +1, class_mean_.row(0).transpose()) +
                         covariance_of_mean(task.train, -1, class_mean_.row(1).transpose());
}

Vector TwoLayerEngine::initial() const {
    Vector theta = Vector::Zero(size());
    Embedding(theta.data(), hidden_, dimension_) = spec_.start.embedding;
    return theta;
}

TwoLayerModel TwoLayerEngine::model(const Vector& theta) const {
    return {Eigen::Map<const RowMatrix>(theta.data(), hidden_, dimension_),
            spec_.start.head + 2.0 * theta.tail(hidden_), spec_.start.activation};
}

/// x (b, d), z = x E^T (b, h), g = act(z), score = g a. The identity never forms z: a^T E x is
/// (E^T a)^T x.
void TwoLayerEngine::forward(const TwoLayerModel& model, Split split, Block& block) const {
    const auto count = static_cast<Index>(block.row.size());
    block.x.resize(count, dimension_);
    for (Index b = 0; b < count; ++b)
        block.x.row(b) = data(split).features.row(block.row[static_cast<std::size_t>(b)]);
    if (model.activation == Activation::kIdentity) {
        block.score = block.x * (model.embedding.transpose() * model.head);
        return;
    }
    block.g.noalias() = block.x * model.embedding.transpose();
    apply(model.activation, block.g, &block.slope);
    block.score = block.g * model.head;
}

/// Margins into `margins` (b) and weights into the block; returns the sum of phi.
double TwoLayerEngine::weigh(Split split, Block& block, double* margins) const {
    const auto count = static_cast<Index>(block.row.size());
    block.weight.resize(count);
    double loss = 0.0;
    for (Index b = 0; b < count; ++b) {
        const Index i = block.row[static_cast<std::size_t>(b)];
        const double s = data(split).label[static_cast<std::size_t>(i)];
        const double gain = block.score(b) - reference_[static_cast<int>(split)](i);
        margins[b] = task_.policy.beta * s * gain;
        loss += loss_.value(margins[b]);
        block.weight(b) = -loss_.derivative(margins[b]) * s;
    }
    return loss;
}

/// sum += ( [weight a^T o act'(z)]^T x, g^T weight ); for the identity a q^T and E q, q = x^T
/// weight.
void TwoLayerEngine::backward(const TwoLayerModel& model, Block& block, Vector& sum) const {
    auto head = sum.tail(hidden_);
    Embedding embedding(sum.data(), hidden_, dimension_);
    if (model.activation == Activation::kIdentity) {
        const Vector q = block.x.transpose() * block.weight;
        if (spec_.train_embedding) embedding.noalias() += model.head * q.transpose();
        head.noalias() += model.embedding * q;
        return;
    }
    head.noalias() += block.g.transpose() * block.weight;
    if (!spec_.train_embedding) return;
    block.slope.array().colwise() *= block.weight.array();
    block.slope.array().rowwise() *= model.head.transpose().array();
    embedding.noalias() += block.slope.transpose() * block.x;
}

/// Blocks are summed in chunks cut by the batch size alone, and chunks in order.
double TwoLayerEngine::pass(const TwoLayerModel& model, Split split, std::span<const Index> rows,
                            Responses* out, Vector* direction) const {
    const Index batch = rows.empty() ? data(split).samples() : static_cast<Index>(rows.size());
    if (direction) direction->setZero(size());
    if (batch == 0) return 0.0;
    if (device_) return device_pass(model, split, rows, out, direction);
    const Index blocks = (batch + kBlockRows - 1) / kBlockRows;
    const Index chunk = kBlockRows * ((blocks + kMaxChunks - 1) / kMaxChunks);
    const Index chunks = (batch + chunk - 1) / chunk;
    std::vector<Vector> partial(static_cast<std::size_t>(chunks));
    Vector loss = Vector::Zero(chunks), margin(batch);
#pragma omp parallel for schedule(static) if (batch * dimension_ >= kParallelElements)
    for (Index c = 0; c < chunks; ++c) {
        Vector& sum = partial[static_cast<std::size_t>(c)];
        if (direction) sum.setZero(size());
        const Index last = std::min(batch, (c + 1) * chunk);
        for (Index first = c * chunk; first < last; first += kBlockRows) {
            Block block;
            for (Index b = first; b < std::min(last, first + kBlockRows); ++b)
                block.row.push_back(rows.empty() ? b : rows[static_cast<std::size_t>(b)]);
            forward(model, split, block);
            loss(c) += weigh(split, block, margin.data() + first);
            if (direction) backward(model, block, sum);
            if (out) store_responses(split, block, first, *out);
        }
    }
    double total = 0.0;
    for (Index c = 0; c < chunks; ++c) {
        total += loss(c);
        if (direction) *direction += partial[static_cast<std::size_t>(c)];
    }
    if (direction) *direction *= task_.policy.beta / static_cast<double>(batch);
    if (out) out->margin = std::move(margin);
    return total / static_cast<double>(batch);
}

/// The batch as one block whose products a device makes.
double TwoLayerEngine::device_pass(const TwoLayerModel& model, Split split,
                                   std::span<const Index> rows, Responses* out,
                                   Vector* direction) const {
    Block block;
    block.row.assign(rows.begin(), rows.end());
    if (rows.empty()) {
        block.row.resize(static_cast<std::size_t>(data(split).samples()));
        std::iota(block.row.begin(), block.row.end(), Index{0});
    }
    const auto device = device_->two_layer(split == Split::kHeldOut, block.row, model);
    block.score = device->scores();
    const auto batch = static_cast<double>(block.row.size());
    Vector margin(block.score.size());
    const double total = weigh(split, block, margin.data());
    if (direction)
        *direction =
            device->backward(block.weight, spec_.train_embedding) * (task_.policy.beta / batch);
    if (out) {
        store_responses(split, block, 0, *out);
        out->margin = std::move(margin);
    }
    return total / batch;
}

void TwoLayerEngine::store_responses(Split split, const Block& block, Index first,
                                     Responses& out) const {
    for (std::size_t b = 0; b < block.row.size(); ++b) {
        const double s = data(split).label[static_cast<std::size_t>(block.row[b])];
        const Index at = first + static_cast<Index>(b);
        const double now = s * block.score(static_cast<Index>(b));
        const double before = s * reference_[static_cast<int>(split)](block.row[b]);
        out.logp_chosen(at) = log_sigmoid(now);
        out.logp_rejected(at) = log_sigmoid(-now);
        out.reward_chosen(at) = task_.policy.beta * (out.logp_chosen(at) - log_sigmoid(before));
        out.reward_rejected(at) =
            task_.policy.beta * (out.logp_rejected(at) - log_sigmoid(-before));
    }
}

double TwoLayerEngine::descent(const Vector& theta, std::span<const Index> rows,
                               Vector& direction) const {
    return pass(model(theta), Split::kTrain, rows, nullptr, &direction);
}

void TwoLayerEngine::evaluate(const Vector& theta, Split split, Responses& out,
                              Vector* direction) const {
    out.logp_chosen = out.logp_rejected = Vector(data(split).samples());
    out.reward_chosen = out.reward_rejected = out.logp_chosen;
    out.matched.resize(0);
    pass(model(theta), split, {}, &out, split == Split::kTrain ? direction : nullptr);
}

double TwoLayerEngine::frobenius(const Vector& flat) const {
    return std::sqrt(flat.head(hidden_ * dimension_).squaredNorm() +
                     2.0 * flat.tail(hidden_).squaredNorm());
}

HeadNorms TwoLayerEngine::change(const Vector& theta) const {
    const double norm = std::sqrt(2.0) * theta.tail(hidden_).norm();
    return {norm, norm};
}

}  // namespace prefdyn
