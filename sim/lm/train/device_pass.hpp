#pragma once
// A model's forward and backward pass on a Machine (see device_layer.hpp); formulae in
// sequence_model.hpp and objective.hpp.

#include "sim/base/cancel.hpp"
#include "sim/lm/model/device/device_layer.hpp"
#include "sim/lm/train/device_batch.hpp"
#include "sim/lm/train/device_rows.hpp"
#include "sim/lm/train/device_update.hpp"
#include "sim/lm/train/pass.hpp"

namespace prefdyn::finetune::device {

/// A batch where the machine can read it.
template <class Machine>
struct BatchArrays {
    template <class X>
    using Array = typename Machine::template Array<X>;
    Array<int> id, position, row, entry_row, entry, looked, begin, order;
    Array<Tile> tiles;
    long tokens = 0, rows = 0, entries = 0, lookups = 0, tile_count = 0;

    BatchArrays() = default;
    BatchArrays(Machine& m, const Batch& b)
        : id(on(m, b.id)),
          position(on(m, b.position)),
          row(on(m, b.row)),
          entry_row(on(m, b.entry_row)),
          entry(on(m, b.entry)),
          looked(on(m, b.looked)),
          begin(on(m, b.begin)),
          order(on(m, b.order)),
          tiles(on(m, b.tiles)),
          tokens(static_cast<long>(b.id.size())),
          rows(static_cast<long>(b.row.size())),
          entries(static_cast<long>(b.entry.size())),
          lookups(static_cast<long>(b.looked.size())),
          tile_count(static_cast<long>(b.tiles.size())) {}

    template <class X>
    static Array<X> on(Machine& m, const std::vector<X>& values) {
        auto out = m.template array<X>(values.size(), "a batch");
        out.upload(values.data(), values.size());
        return out;
    }
};

/// What the layers need for a batch of tokens; made anew where it grows.
template <class Machine, class T>
struct TokenRoom {
    long tokens = 0;
    std::unique_ptr<Work<Machine, T>> work;
    std::vector<typename Machine::template Array<float>> inputs;  ///< (T, d): of every layer, and
                                                                  ///< what the last one gives
    std::vector<std::unique_ptr<Tape<Machine, T>>> tapes;

    void grow(Machine& m, const ModelConfig& c, long wanted, Keep keep) {
        if (wanted > tokens) {
            tokens = wanted;
            inputs.clear();
            tapes.clear();
            work.reset();
            work = std::make_unique<Work<Machine, T>>(m, c, tokens);
        }
        const auto layers = static_cast<std::size_t>(c.layers);
        while (inputs.size() < (keep == Keep::kNothing ? 1 : layers + 1))
            inputs.push_back(m.template array<float>(static_cast<std::size_t>(tokens * c.hidden),
                                                     "what layers keep for the backward pass"));
        while (tapes.size() < (keep == Keep::kAll ? layers : 1))
            tapes.push_back(std::make_unique<Tape<Machine, T>>(m, c, tokens));
    }
};

/// What the head needs for n rows of logits; made anew where it grows.
template <class Machine, class T>
struct RowRoom {
    template <class X>
    using Array = typename Machine::template Array<X>;
    long rows = 0;
    Array<float> last, logits, dlast, dembeddings;  ///< (n, d), (n, V), (n, d) twice
    Array<T> embeddings, dlogits;                   ///< (n, d), (n, V)
    Array<double> scale, logsumexp, entropy, mean;  ///< (n)
    Array<int> top;                                 ///< (n)

    void grow(Machine& m, const ModelConfig& c, long wanted) {
        if (wanted <= rows) return;
        *this = RowRoom();  // what was there goes before more is asked for
        rows = wanted;
        const auto of = [&](long width) { return static_cast<std::size_t>(rows * width); };
        const char* purpose = "the rows of the head";
        for (Array<float>* each : {&last, &dlast, &dembeddings})
            *each = m.template array<float>(of(c.hidden), purpose);
        logits = m.template array<float>(of(c.vocabulary), "the logits");
        embeddings = m.template array<T>(of(c.hidden), "the embeddings");
        dlogits = m.template array<T>(of(c.vocabulary), "the logits' gradient");
        for (Array<double>* each : {&scale, &logsumexp, &entropy, &mean})
            *each = m.template array<double>(of(1), purpose);
        top = m.template array<int>(of(1), purpose);
    }
};

template <class Machine, class T>
class DevicePass final : public Pass {
  public:
    /// As ModelPass; the weights are copied, their layout must outlive this.
    DevicePass(std::unique_ptr<Machine> machine, const ModelConfig& config,
               const Parameters<float>& weights, const std::vector<bool>& trainable, Index longest)
        : machine_(std::move(machine)),
          m_(*machine_),
          c_(config),
          layout_(weights.layout()),
          weights_(m_, weights, trainable) {
        const RopeTable rope(config.ropes[0], config.head_size, longest);
        cosine_ = floats(rope.cos.size(), "the angles of positions");
        sine_ = floats(rope.sin.size(), "the angles of positions");
        cosine_.upload(rope.cos.data(), static_cast<std::size_t>(rope.cos.size()));
        sine_.upload(rope.sin.data(), static_cast<std::size_t>(rope.sin.size()));
        m_.wait();
    }

    LogitScores forward(const PairBatch& batch, Keep keep) override;
    RowsF embeddings() override;
    void backward(const LogitGradient& gradient) override;
    void clear_gradient() override { weights_.clear_gradient(); }
    std::vector<double> gradient_squares() override {
        std::vector<double> out;
        for (int b = 0; b < layout_.count(); ++b)
            out.push_back(weights_.trainable(b) ? gradient_product(b, b) : 0.0);
        return out;
    }
    double gradient_product(int a, int b) override {
        return product(weights_.gradient(a), weights_.gradient(b), layout_.block(a).size());
    }

    double product(const float* x, const float* y, long count);
    Machine& machine() { return m_; }
    DeviceWeights<Machine, T>& weights() { return weights_; }

  private:
    template <class X>
    using Array = typename Machine::template Array<X>;

    Array<float> floats(long count, const char* purpose) {
        return m_.template array<float>(static_cast<std::size_t>(count), purpose);
    }
    DeviceLayer<Machine, T> layer(Index index) {
        return {m_,
                c_,
                weights_,
                index,
                {batch_.tokens, batch_.tile_count, batch_.position.data(), batch_.tiles.data(),
                 cosine_.data(), sine_.data()},
                *room_.work};
    }
    float* input(Index index) {
        return room_.inputs[keep_ == Keep::kNothing ? 0 : static_cast<std::size_t>(index)].data();
    }
    Tape<Machine, T>& tape(Index index) {
        return *room_.tapes[keep_ == Keep::kAll ? static_cast<std::size_t>(index) : 0];
    }
    LogitScores score();
    void head_backward(const LogitGradient& gradient);
    void clear_flags() {
        bad_ = m_.template array<int>(static_cast<std::size_t>(c_.layers + 1), "flags");
        bad_.clear();
    }
    void look_for_bad(const float* x, long count, Index place) {
        m_.each(count, FindBad{x, bad_.data() + place});
    }
    Index first_bad();
    [[noreturn]] static void throw_at(std::string what, Index layer) {
        throw NonFinite(what.append(" layer ").append(std::to_string(layer)).append(" not finite"));
    }

    std::unique_ptr<Machine> machine_;
    Machine& m_;
    const ModelConfig& c_;
    const Layout& layout_;
    DeviceWeights<Machine, T> weights_;
    Array<float> cosine_, sine_;
    BatchArrays<Machine> batch_;
    Keep keep_ = Keep::kNothing;
    TokenRoom<Machine, T> room_;
    RowRoom<Machine, T> head_;
    Array<int> bad_;  ///< (layers + 1)
};

template <class Machine, class T>
RowsF DevicePass<Machine, T>::embeddings() {
    RowsF out(batch_.rows, c_.hidden);
    auto wide = floats(out.size(), "the embeddings");
    m_.each(out.size(), Widen<T>{head_.embeddings.data(), wide.data()});
    wide.download(out.data(), static_cast<std::size_t>(out.size()));
    m_.wait();
    return out;
}

template <class Machine, class T>
double DevicePass<Machine, T>::product(const float* x, const float* y, long count) {
    std::vector<double> pieces(static_cast<std::size_t>(Product::pieces(count)));
    auto sums = m_.template array<double>(pieces.size(), "sums of squares");
    m_.groups(Product::pieces(count), 0, Product{x, y, count, sums.data()});
    sums.download(pieces.data(), pieces.size());
    m_.wait();
    double out = 0.0;
    for (const double each : pieces) out += each;
    return out;
}

/// Where the first flag is set; -1 if none is.
template <class Machine, class T>
Index DevicePass<Machine, T>::first_bad() {
    std::vector<int> bad(bad_.size());
    bad_.download(bad.data(), bad.size());
    m_.wait();
    for (std::size_t k = 0; k < bad.size(); ++k)
        if (bad[k]) return static_cast<Index>(k);
    return -1;
}

template <class Machine, class T>
LogitScores DevicePass<Machine, T>::forward(const PairBatch& batch, Keep keep) {
    batch_ = BatchArrays<Machine>(m_, Batch(batch, tile_rows(c_.head_size)));
    keep_ = keep;
    room_.grow(m_, c_, batch_.tokens, keep);
    head_.grow(m_, c_, batch_.rows);
    clear_flags();
    const long d = c_.hidden, hidden = batch_.tokens * d;
    m_.each(hidden, LookUp<T>{weights_[layout_.embedding()], batch_.id.data(), d, input(0)});
    for (Index i = 0; i < c_.layers; ++i) {
        stop_if_requested();
        layer(i).forward(input(i), tape(i), input(i + 1));
        look_for_bad(input(i + 1), hidden, i);
    }
    m_.each(batch_.rows * d, Gather{input(c_.layers), batch_.row.data(), d, head_.last.data()});
    m_.groups(batch_.rows, 0,
              Norm<T>{head_.last.data(), weights_[layout_.final_norm()], c_.norm.epsilon, d,
                      head_.embeddings.data()});
    m_.multiply(Times::kForward, batch_.rows, c_.vocabulary, d, head_.embeddings.data(),
                weights_[layout_.head()], 0.0f, head_.logits.data());
    LogitScores out = score();
    const Index bad = first_bad();
    if (bad == c_.layers) throw NonFinite("the logits are not finite");
    if (bad >= 0) throw_at("the hidden states behind", bad);
    return out;
}

template <class Machine, class T>
LogitScores DevicePass<Machine, T>::score() {
    const auto n = static_cast<std::size_t>(batch_.rows);
    m_.groups(batch_.rows, ScoreLogits::scratch(m_.members()),
              ScoreLogits{head_.logits.data(), c_.vocabulary, head_.logsumexp.data(),
                          head_.entropy.data(), head_.mean.data(), head_.top.data(),
                          bad_.data() + c_.layers});
    auto entries = floats(batch_.entries, "a batch");
    m_.each(batch_.entries, TokenLogit{head_.logits.data(), batch_.entry_row.data(),
                                       batch_.entry.data(), c_.vocabulary, entries.data()});
    RowScores rows{std::vector<double>(n), std::vector<double>(n), std::vector<double>(n), {}};
    std::vector<int> top(n);
    std::vector<float> tokens(static_cast<std::size_t>(batch_.entries));
    head_.logsumexp.download(rows.logsumexp.data(), n);
    head_.entropy.download(rows.entropy.data(), n);
    head_.mean.download(rows.mean.data(), n);
    head_.top.download(top.data(), n);
    entries.download(tokens.data(), tokens.size());
    m_.wait();
    rows.top.assign(top.begin(), top.end());
    return {std::move(rows), std::vector<double>(tokens.begin(), tokens.end())};
}

/// From the gradient in the logits to that in head_.last, which head_.dlast becomes.
template <class Machine, class T>
void DevicePass<Machine, T>::head_backward(const LogitGradient& gradient) {
    const long d = c_.hidden, V = c_.vocabulary;
    const int head = layout_.head(), norm = layout_.final_norm();
    const LogitRows by_row(gradient);
    const auto total = BatchArrays<Machine>::on(m_, by_row.total);
    const auto share = BatchArrays<Machine>::on(m_, by_row.share);
    const auto begin = BatchArrays<Machine>::on(m_, by_row.begin);
    const auto token = BatchArrays<Machine>::on(m_, by_row.token);
    m_.groups(batch_.rows, 0,
              LogitBackward<T>{head_.logits.data(), head_.logsumexp.data(), total.data(),
                               share.data(), begin.data(), token.data(), V, head_.dlogits.data()});
    if (weights_.trainable(head))
        m_.multiply(Times::kGradient, V, d, batch_.rows, head_.dlogits.data(),
                    head_.embeddings.data(), 1.0f, weights_.gradient(head));
    m_.multiply(Times::kBackward, batch_.rows, d, V, head_.dlogits.data(), weights_[head], 0.0f,
                head_.dembeddings.data());
    head_.dlast.clear();
    m_.groups(batch_.rows, 0,
              NormBackward<T>{head_.last.data(), weights_[norm], head_.dembeddings.data(),
                              c_.norm.epsilon, d, head_.dlast.data(), head_.scale.data()});
    if (weights_.trainable(norm))
        m_.each(d, NormWeight{head_.last.data(), head_.dembeddings.data(), head_.scale.data(),
                              batch_.rows, d, weights_.gradient(norm)});
    m_.wait();
}

template <class Machine, class T>
void DevicePass<Machine, T>::backward(const LogitGradient& gradient) {
    if (keep_ == Keep::kNothing) throw std::logic_error("the forward pass kept nothing");
    head_backward(gradient);
    const long d = c_.hidden;
    const Index count = c_.layers;
    const Index lowest = layout_.lowest(weights_.trainable());
    if (lowest == count) return;
    clear_flags();
    room_.inputs.back().clear();  // what the last layer gave is not needed any more
    float* dx = input(count);
    m_.each(batch_.rows * d, Scatter{head_.dlast.data(), batch_.row.data(), d, dx});
    for (Index i = count - 1; i >= std::max<Index>(lowest, 0); --i) {
        stop_if_requested();
        if (keep_ == Keep::kInputs) layer(i).fill(input(i), tape(i));
        layer(i).backward(input(i), tape(i), dx);
        look_for_bad(dx, batch_.tokens * d, count - 1 - i);
    }
    if (lowest < 0)
        m_.each(batch_.lookups * d,
                LookUpBackward{dx, batch_.looked.data(), batch_.begin.data(), batch_.order.data(),
                               d, weights_.gradient(layout_.embedding())});
    if (const Index bad = first_bad(); bad >= 0)
        throw_at("the gradient in front of", count - 1 - bad);
}

/// A pass on this machine, weights and values between products as the precision says.
template <class Machine>
std::unique_ptr<Pass> make_device_pass(std::unique_ptr<Machine> machine, const ModelConfig& config,
                                       const Parameters<float>& weights,
                                       const std::vector<bool>& trainable, Index longest,
                                       Precision precision) {
    if (precision == Precision::kBfloat16)
        return std::make_unique<DevicePass<Machine, Bfloat16>>(std::move(machine), config, weights,
                                                               trainable, longest);
    return std::make_unique<DevicePass<Machine, float>>(std::move(machine), config, weights,
                                                        trainable, longest);
}

}  // namespace prefdyn::finetune::device
