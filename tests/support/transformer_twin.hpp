#pragma once
// The forward pass from the formulas, plain loops in double precision, nothing shared with
// sim/lm/model.

#include <functional>
#include <numbers>

#include "tests/support/transformer_support.hpp"

namespace prefdyn::test {

using Row = std::vector<double>;

struct Twin {
    const SmallModel& m;
    const Weights& w;
    std::function<double(Index pair)> frequency;  ///< radians a position
    std::function<Index(Index layer)> window;     ///< 0: none

    const Weight* find(const std::string& name) const {
        const auto found = w.find(name);
        return found == w.end() ? nullptr : &found->second;
    }
    /// W x + b.
    Row linear(const std::string& name, const Row& x) const {
        const Weight& matrix = w.at(name + ".weight");
        const Weight* bias = find(name + ".bias");
        Row y;
        for (Index i = 0; i < matrix.shape[0]; ++i) {
            double sum = bias ? (*bias)(i) : 0.0;
            for (std::size_t j = 0; j < x.size(); ++j) sum += matrix(i, Index(j)) * x[j];
            y.push_back(sum);
        }
        return y;
    }
    Row norm(const std::string& name, const Row& x) const {
        double square = 0.0;
        for (const double v : x) square += v * v / double(x.size());
        Row y;
        for (std::size_t j = 0; j < x.size(); ++j)
            y.push_back(w.at(name)(Index(j)) * x[j] / std::sqrt(square + m.epsilon));
        return y;
    }
    /// Rotates every head of x, a token at `position`: (x_c + i x_{c+h/2}) exp(i p f_c).
    void rotate(Row& x, Index position) const {
        const auto h = static_cast<std::size_t>(m.head_size);
        for (std::size_t head = 0; head < x.size(); head += h)
            for (std::size_t c = 0; c < h / 2; ++c) {
                const double angle = double(position) * frequency(Index(c));
                const double a = x[head + c], b = x[head + c + h / 2];
                x[head + c] = a * std::cos(angle) - b * std::sin(angle);
                x[head + c + h / 2] = a * std::sin(angle) + b * std::cos(angle);
            }
    }
    /// sum_j softmax_j(q . k_j / sqrt h) v_j for one head of token i.
    Row head(const std::vector<Row>& q, const std::vector<Row>& k, const std::vector<Row>& v,
             Index i, Index which, Index reach) const {
        const Index h = m.head_size, kv = which / (m.heads / m.kv_heads);
        const Index begin = reach > 0 ? std::max<Index>(0, i - reach + 1) : 0;
        Row out(static_cast<std::size_t>(h), 0.0);
        double total = 0.0;
        for (Index j = begin; j <= i; ++j) {
            double score = 0.0;
            for (Index c = 0; c < h; ++c)
                score += q[std::size_t(i)][std::size_t(which * h + c)] *
                         k[std::size_t(j)][std::size_t(kv * h + c)];
            const double weight = std::exp(score / std::sqrt(double(h)));
            total += weight;
            for (Index c = 0; c < h; ++c)
                out[std::size_t(c)] += weight * v[std::size_t(j)][std::size_t(kv * h + c)];
        }
        for (double& value : out) value /= total;
        return out;
    }
    void attention(std::vector<Row>& x, Index layer) const {
        const std::string at = "model.layers." + std::to_string(layer) + ".";
        std::vector<Row> q, k, v;
        for (std::size_t i = 0; i < x.size(); ++i) {
            const Row y = norm(at + "input_layernorm.weight", x[i]);
            q.push_back(linear(at + "self_attn.q_proj", y));
            k.push_back(linear(at + "self_attn.k_proj", y));
            v.push_back(linear(at + "self_attn.v_proj", y));
            rotate(q.back(), Index(i));
            rotate(k.back(), Index(i));
        }
        for (std::size_t i = 0; i < x.size(); ++i) {
            Row mixed;
            for (Index which = 0; which < m.heads; ++which) {
                const Row one = head(q, k, v, Index(i), which, window(layer));
                mixed.insert(mixed.end(), one.begin(), one.end());
            }
            const Row y = linear(at + "self_attn.o_proj", mixed);
            for (std::size_t c = 0; c < y.size(); ++c) x[i][c] += y[c];
        }
    }
    void mlp(std::vector<Row>& x, Index layer) const {
        const std::string at = "model.layers." + std::to_string(layer) + ".";
        for (Row& row : x) {
            const Row y = norm(at + "post_attention_layernorm.weight", row);
            Row gate = linear(at + "mlp.gate_proj", y);
            const Row up = linear(at + "mlp.up_proj", y);
            for (std::size_t c = 0; c < gate.size(); ++c)
                gate[c] = gate[c] / (1.0 + std::exp(-gate[c])) * up[c];
            const Row down = linear(at + "mlp.down_proj", gate);
            for (std::size_t c = 0; c < down.size(); ++c) row[c] += down[c];
        }
    }
    /// The last token's hidden state after `norms` final norms.
    Row embed(const std::vector<std::int32_t>& ids, int norms) const {
        std::vector<Row> x;
        for (const auto id : ids) {
            x.emplace_back();
            for (Index c = 0; c < m.hidden; ++c)
                x.back().push_back(w.at("model.embed_tokens.weight")(id, c));
        }
        for (Index layer = 0; layer < m.layers; ++layer) {
            attention(x, layer);
            mlp(x, layer);
        }
        Row last = x.back();
        for (int times = 0; times < norms; ++times) last = norm("model.norm.weight", last);
        return last;
    }
};

}  // namespace prefdyn::test
