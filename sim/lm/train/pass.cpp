#include "sim/lm/train/pass.hpp"

namespace prefdyn::finetune {

template <class Real>
LogitScores ModelPass<Real>::forward(const PairBatch& batch, Keep keep) {
    LogitScores out = score_logits(model_.forward(weights_, batch.tokens, batch.rows, keep), batch);
    logsumexp_ = out.rows.logsumexp;
    return out;
}

template <class Real>
void ModelPass<Real>::backward(const LogitGradient& gradient) {
    fill_logit_gradient(model_.logits(), logsumexp_, gradient, dlogits_);
    model_.backward(dlogits_, gradient_);
}

namespace {

template <class X, class Y>
double product(const X& x, const Y& y) {
    double sum = 0.0;
    for (Index i = 0; i < x.size(); ++i)
        sum += static_cast<double>(x.data()[i]) * static_cast<double>(y.data()[i]);
    return sum;
}

}  // namespace

template <class Real>
double ModelPass<Real>::gradient_product(int a, int b) {
    return product(gradient_.matrix(a), gradient_.matrix(b));
}

template <class Real>
std::vector<double> ModelPass<Real>::gradient_squares() {
    std::vector<double> out(static_cast<std::size_t>(gradient_.layout().count()), 0.0);
    for (int b = 0; b < gradient_.layout().count(); ++b)
        if (gradient_.has(b)) out[static_cast<std::size_t>(b)] = gradient_product(b, b);
    return out;
}

template class ModelPass<float>;
template class ModelPass<double>;

}  // namespace prefdyn::finetune
