// Attention against plain loops over all scores, for sequences of one token to several tiles.
#include "sim/lm/model/attention.hpp"

#include <doctest/doctest.h>

#include "tests/support/support.hpp"

using namespace prefdyn;
using namespace prefdyn::transformer;

namespace {

const std::vector<Prompt> kSequences = {{0, 1}, {1, 31}, {32, 64}, {96, 65}, {161, 150}};
constexpr Index kTokens = 311;

struct Inputs {
    RowMatrix query, key, value;
    Inputs(const Heads& s, std::uint64_t index)
        : query(test::gaussian(kTokens, s.heads * s.size, index)),
          key(test::gaussian(kTokens, s.kv_heads * s.size, index + 1)),
          value(test::gaussian(kTokens, s.kv_heads * s.size, index + 2)) {}
};

RowMatrix plain(const Heads& s, const Inputs& x) {
    RowMatrix out = RowMatrix::Zero(kTokens, s.heads * s.size);
    for (const Prompt& sequence : kSequences)
        for (Index i = 0; i < sequence.length; ++i)
            for (Index head = 0; head < s.heads; ++head) {
                const Index row = sequence.first + i, kv = head / (s.heads / s.kv_heads);
                double total = 0.0;
                const Index begin = s.window > 0 ? std::max<Index>(0, i - s.window + 1) : 0;
                for (Index j = sequence.first + begin; j <= row; ++j) {
                    double score = 0.0;
                    for (Index c = 0; c < s.size; ++c)
                        score += x.query(row, head * s.size + c) * x.key(j, kv * s.size + c);
                    const double weight = std::exp(score / std::sqrt(double(s.size)));
                    total += weight;
                    for (Index c = 0; c < s.size; ++c)
                        out(row, head * s.size + c) += weight * x.value(j, kv * s.size + c);
                }
                for (Index c = 0; c < s.size; ++c) out(row, head * s.size + c) /= total;
            }
    return out;
}

template <class Real>
Rows<Real> attended(const Heads& s, const Inputs& x, int threads) {
    const test::Threads scope(threads);
    const Rows<Real> q = x.query.cast<Real>(), k = x.key.cast<Real>(), v = x.value.cast<Real>();
    Rows<Real> out = Rows<Real>::Constant(1, 1, Real(NAN));
    attention_forward(s, std::span(kSequences), q, k, v, out);
    return out;
}

const std::vector<Heads> kShapes = {{4, 2, 6, 0}, {2, 2, 20, 1}, {3, 1, 5, 7}, {4, 4, 8, 70}};

}  // namespace

TEST_CASE("attention equals plain loops, with the same bits for any threads") {
    for (const Heads& s : kShapes) {
        CAPTURE(s.window);
        const Inputs x(s, 8800);
        const RowMatrix want = plain(s, x);
        CHECK(test::relative_error(attended<double>(s, x, 1), want) <= 1e-14);
        const Rows<float> one = attended<float>(s, x, 1);
        CHECK(test::relative_error(one.cast<double>(), want) <= 1e-6);
        CHECK(test::same_bits(one, attended<float>(s, x, 3)));
    }
}

TEST_CASE("gradients of attention are central differences of plain loops") {
    for (const Heads& s : kShapes) {
        CAPTURE(s.window);
        const Inputs x(s, 8810), u(s, 8820);
        const RowMatrix c = test::gaussian(kTokens, s.heads * s.size, 8830);
        RowMatrix dq, dk, dv;
        attention_backward(s, std::span(kSequences), x.query, x.key, x.value, c, dq, dk, dv);
        const auto value = [&](double h) {
            Inputs at = x;
            at.query += h * u.query;
            at.key += h * u.key;
            at.value += h * u.value;
            return plain(s, at).cwiseProduct(c).sum();
        };
        constexpr double h = 1e-5;
        const double want = (value(h) - value(-h)) / (2.0 * h);
        const double got = dq.cwiseProduct(u.query).sum() + dk.cwiseProduct(u.key).sum() +
                           dv.cwiseProduct(u.value).sum();
        const double size = dq.norm() * u.query.norm() + dv.norm() * u.value.norm();
        CHECK(std::fabs(got - want) <= 1e-7 * size);
        Rows<float> fq, fk, fv;
        attention_backward<float>(s, std::span(kSequences), x.query.cast<float>(),
                                  x.key.cast<float>(), x.value.cast<float>(), c.cast<float>(), fq,
                                  fk, fv);
        CHECK(test::relative_error(fq.cast<double>(), dq) <= 5e-6);
        CHECK(test::relative_error(fk.cast<double>(), dk) <= 5e-6);
        CHECK(test::relative_error(fv.cast<double>(), dv) <= 5e-6);
    }
}
