#include "experiments/finetune/pair_numbers.hpp"

namespace prefdyn {

RowMatrix pair_numbers(const finetune::Objective& objective,
                       std::span<const finetune::PairScore> scores,
                       std::span<const finetune::ReferenceLogps> reference) {
    RowMatrix out(static_cast<Index>(scores.size()), Index{kPairColumns});
    if (scores.empty()) return out;
    const auto values = objective.at(scores, reference);
    for (std::size_t i = 0; i < scores.size(); ++i) {
        const auto m = objective.metrics(scores[i], reference[i], values[i].loss);
        out.row(static_cast<Index>(i)) << m.loss, m.reward[0], m.reward[1],
            m.reward[0] - m.reward[1], m.logp[0], m.logp[1];
    }
    return out;
}

PairRecord pair_record(const RowMatrix& single_precision, const RowMatrix& double_precision) {
    constexpr double kOfDouble = 0x1p-26;
    PairRecord out{single_precision, (single_precision - double_precision).cwiseAbs()};
    if (out.error.rows() == 0) return out;
    const Eigen::RowVectorXd most = out.error.colwise().maxCoeff();
    out.error.rowwise() += kOfDouble * most;
    return out;
}

namespace {

finetune::Parameters<double> in_double(const finetune::Parameters<float>& weights) {
    finetune::Parameters<double> out(weights.layout());
    out.values() = weights.values().cast<double>();
    return out;
}

}  // namespace

DoubleModel::DoubleModel(const transformer::ModelConfig& config,
                         const finetune::Parameters<float>& base,
                         const finetune::TrainableSpec& spec, std::uint64_t seed, Index longest)
    : trainable_(base.layout(), spec, seed),
      base_(in_double(base)),
      weights_(base_),
      pass_(config, weights_,
            std::vector<bool>(static_cast<std::size_t>(base.layout().count()), false), longest) {}

void DoubleModel::set(const finetune::Column<float>& theta) {
    trainable_.apply(theta.cast<double>(), base_, weights_);
}

}  // namespace prefdyn
