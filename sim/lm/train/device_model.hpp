#pragma once
// The transformer's forward and backward pass on a Machine; formulae in layer.hpp and
// sequence_model.hpp. A Machine has memory, runs tasks, and multiplies:
//
//   Array<X>                                count, data(), upload(), download(), clear()
//   array<X>(count, purpose)                not initialised
//   copy(from, count, to)                   floats
//   each(count, task)                       task(i) for all i, in any order
//   groups(count, scratch, task)            task(group, i); a group has members that know their
//                                           rank() below size(), wait for each other in sync(), add
//                                           numbers up in sum(), and share scratch() floats
//   members()                               of a group
//   multiply(product, m, n, k, a, b, share, y)   see Times
//   wait()                                  until everything asked for is done
//
// Weights and what lies between products are of type T; the residual stream, its gradient, logits
// and the gradient of weights are float.

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "sim/base/cancel.hpp"
#include "sim/lm/train/device_rows.hpp"
#include "sim/lm/train/device_trainer.hpp"
#include "sim/lm/train/device_update.hpp"

namespace prefdyn::finetune::card {

/// y (m, n) = share y + ..., all row-major.
enum class Times {
    kForward,   ///< a (m, k) b (n, k)^T
    kBackward,  ///< a (m, k) b (k, n)
    kGradient,  ///< a (k, m)^T b (k, n)
};

/// The weights in T and the gradient of the held blocks in float.
template <class Machine, class T>
class Weights {
  public:
    Weights(Machine& machine, const ModelShape& shape, const std::vector<const float*>& blocks);

    T* operator[](int block) const { return values_.data() + at_[index(block)]; }
    bool held(int block) const { return block >= 0 && shape_.held[index(block)] != 0; }
    float* gradient(int block) const { return gradient_.data() + gradient_at_[index(block)]; }
    /// The gradients of all held blocks, one behind the other.
    float* gradient() const { return gradient_.data(); }
    void clear_gradient() { gradient_.clear(); }
    long size(int block) const { return shape_.blocks[index(block)].size(); }

  private:
    static std::size_t index(int block) { return static_cast<std::size_t>(block); }
    const ModelShape& shape_;
    std::vector<long> at_, gradient_at_;
    typename Machine::template Array<T> values_;
    typename Machine::template Array<float> gradient_;
};

template <class Machine, class T>
Weights<Machine, T>::Weights(Machine& machine, const ModelShape& shape,
                             const std::vector<const float*>& blocks)
    : shape_(shape) {
    constexpr long kAlign = 64;
    long size = 0, held_size = 0, largest = 0;
    for (std::size_t b = 0; b < blocks.size(); ++b) {
        const long count = shape.blocks[b].size();
        at_.push_back(size);
        size += (count + kAlign - 1) / kAlign * kAlign;
        gradient_at_.push_back(held_size);
        if (shape.held[b]) held_size += count;
        largest = std::max(largest, count);
    }
    values_ = machine.template array<T>(static_cast<std::size_t>(size), "the weights");
    gradient_ = machine.template array<float>(static_cast<std::size_t>(held_size),
                                              "the gradient of the weights");
    gradient_.clear();
    auto way =
        machine.template array<float>(static_cast<std::size_t>(largest), "a tensor on its way");
    for (std::size_t b = 0; b < blocks.size(); ++b) {
        const auto count = static_cast<std::size_t>(shape.blocks[b].size());
        way.upload(blocks[b], count);
        machine.each(shape.blocks[b].size(), Round<T>{way.data(), values_.data() + at_[b]});
        machine.wait();
    }
}

/// What the backward pass of a layer takes from its forward pass, but for its input.
template <class Machine, class T>
struct Tape {
    template <class X>
    using Array = typename Machine::template Array<X>;
    Array<T> query, key, value, mixed, gate, up;  ///< (T, H h), (T, K h) twice, (T, H h), (T, f)
    Array<float> middle, logsumexp;               ///< (T, d), (T, H)

    Tape(Machine& m, const transformer::card::Shape& s, long tokens) {
        const auto of = [tokens](long width) { return static_cast<std::size_t>(tokens * width); };
        const char* purpose = "what layers keep for the backward pass";
        query = m.template array<T>(of(s.mixed()), purpose);
        key = m.template array<T>(of(s.kv_heads * s.head_size), purpose);
        value = m.template array<T>(of(s.kv_heads * s.head_size), purpose);
        mixed = m.template array<T>(of(s.mixed()), purpose);
        gate = m.template array<T>(of(s.ffn), purpose);
        up = m.template array<T>(of(s.ffn), purpose);
        middle = m.template array<float>(of(s.hidden), purpose);
        logsumexp = m.template array<float>(of(s.heads), purpose);
    }
};

/// What a layer needs beside its tape.
template <class Machine, class T>
struct Work {
    template <class X>
    using Array = typename Machine::template Array<X>;
    Array<T> normed, slope, wide, wide_slope;  ///< (T, d) twice, (T, max(f, H h)) twice
    Array<T> key_slope, value_slope;           ///< (T, K h)
    Array<float> dnormed, along;               ///< (T, d), (T, H)
    Array<double> scale;                       ///< (T)

    Work(Machine& m, const transformer::card::Shape& s, long tokens) {
        const auto of = [tokens](long width) { return static_cast<std::size_t>(tokens * width); };
        const char* purpose = "the intermediate values of a layer";
        const long most = std::max(s.ffn, s.mixed());
        normed = m.template array<T>(of(s.hidden), purpose);
        slope = m.template array<T>(of(s.hidden), purpose);
        wide = m.template array<T>(of(most), purpose);
        wide_slope = m.template array<T>(of(most), purpose);
        key_slope = m.template array<T>(of(s.kv_heads * s.head_size), purpose);
        value_slope = m.template array<T>(of(s.kv_heads * s.head_size), purpose);
        dnormed = m.template array<float>(of(s.hidden), purpose);
        along = m.template array<float>(of(s.heads), purpose);
        scale = m.template array<double>(of(1), purpose);
    }
};

/// One layer on a batch of T tokens.
template <class Machine, class T>
class Layer {
  public:
    struct Tokens {
        long count, tiles;
        const int* position;
        const Tile* tile;
        const float *cosine, *sine;
    };
    Layer(Machine& machine, const ModelShape& shape, Weights<Machine, T>& weights, long layer,
          const Tokens& tokens, Work<Machine, T>& work)
        : m_(machine),
          s_(shape.layer),
          w_(weights),
          part_(shape.parts[static_cast<std::size_t>(layer)]),
          t_(tokens),
          work_(work),
          heads_{static_cast<int>(s_.heads),
                 static_cast<int>(s_.kv_heads),
                 static_cast<int>(s_.head_size),
                 static_cast<int>(shape.window[static_cast<std::size_t>(layer)]),
                 tile_rows(s_.head_size),
                 static_cast<float>(1.0 / std::sqrt(static_cast<double>(s_.head_size)))} {}

    /// out (T, d), which may be x.
    void forward(const float* x, Tape<Machine, T>& tape, float* out) {
        fill(x, tape);
        m_.each(t_.count * s_.ffn, Gate<T>{tape.gate.data(), tape.up.data(), work_.wide.data()});
        m_.copy(tape.middle.data(), t_.count * s_.hidden, out);
        apply_onto(kDown, work_.wide.data(), s_.ffn, out);
    }
    /// All of the tape.
    void fill(const float* x, Tape<Machine, T>& tape);
    /// dx: from the gradient in what comes out to that in x.
    void backward(const float* x, const Tape<Machine, T>& tape, float* dx) {
        mlp_half(tape, dx);
        attention_half(x, tape, dx);
    }

  private:
    using Part = transformer::card::Part;
    static constexpr Part kInputNorm = transformer::card::kInputNorm;
    static constexpr Part kPostNorm = transformer::card::kPostNorm;
    static constexpr Part kQuery = transformer::card::kQuery, kKey = transformer::card::kKey;
    static constexpr Part kValue = transformer::card::kValue;
    static constexpr Part kOutput = transformer::card::kOutput;
    static constexpr Part kGate = transformer::card::kGate, kUp = transformer::card::kUp;
    static constexpr Part kDown = transformer::card::kDown;

    /// Biases follow the weights in the order of Part.
    static Part bias_of(Part weight) {
        const int before = weight < kPostNorm ? weight - kQuery : weight - kGate + 4;
        return static_cast<Part>(transformer::card::kQueryBias + before);
    }
    long width(Part weight) const {
        switch (weight) {
            case kQuery:
                return s_.mixed();
            case kKey:
            case kValue:
                return s_.kv_heads * s_.head_size;
            case kGate:
            case kUp:
                return s_.ffn;
            default:
                return s_.hidden;
        }
    }
    void normalise(const float* x, Part norm, T* y) {
        m_.groups(t_.count, 0, Norm<T>{x, w_[part_[norm]], s_.epsilon, s_.hidden, y});
    }
    /// dx += what work_.dnormed is behind the norm of x.
    void denormalise(const float* x, Part norm, float* dx) {
        const float* dy = work_.dnormed.data();
        double* scale = work_.scale.data();
        m_.groups(t_.count, 0,
                  NormBackward<T>{x, w_[part_[norm]], dy, s_.epsilon, s_.hidden, dx, scale});
        if (w_.held(part_[norm]))
            m_.each(s_.hidden,
                    NormWeight{x, dy, scale, t_.count, s_.hidden, w_.gradient(part_[norm])});
    }
    template <class Y>
    void add_bias(Part weight, Y* y) {
        const int bias = part_[bias_of(weight)];
        if (bias >= 0) m_.each(t_.count * width(weight), AddBias<T, Y>{w_[bias], width(weight), y});
    }
    void apply(Part weight, const T* x, long in, T* y) {
        m_.multiply(Times::kForward, t_.count, width(weight), in, x, w_[part_[weight]], 0.0f, y);
        add_bias(weight, y);
    }
    void apply_onto(Part weight, const T* x, long in, float* y) {
        m_.multiply(Times::kForward, t_.count, width(weight), in, x, w_[part_[weight]], 1.0f, y);
        add_bias(weight, y);
    }
    /// dx (T, in) = share dx + dy W.
    template <class Y>
    void pull(Part weight, const T* dy, long in, float share, Y* dx) {
        m_.multiply(Times::kBackward, t_.count, in, width(weight), dy, w_[part_[weight]], share,
                    dx);
    }
    /// dW += dy^T x, db += the sum of the rows of dy.
    void push(Part weight, const T* dy, const T* x, long in) {
        const int block = part_[weight], bias = part_[bias_of(weight)];
        if (w_.held(block))
            m_.multiply(Times::kGradient, width(weight), in, t_.count, dy, x, 1.0f,
                        w_.gradient(block));
        if (w_.held(bias))
            m_.each(width(weight), BiasBackward<T>{dy, t_.count, width(weight), w_.gradient(bias)});
    }
    void rotate(long heads, float direction, T* x) {
        const long half = s_.head_size / 2;
        m_.each(t_.count * heads * half,
                Rotate<T>{t_.cosine, t_.sine, t_.position, heads, half, direction, x});
    }
    void mlp_half(const Tape<Machine, T>& tape, float* dx);
    void attention_half(const float* x, const Tape<Machine, T>& tape, float* dx);

    Machine& m_;
    const transformer::card::Shape& s_;
    Weights<Machine, T>& w_;
    const std::array<int, transformer::card::kParts>& part_;
    Tokens t_;
    Work<Machine, T>& work_;
    AttentionShape heads_;
};

template <class Machine, class T>
void Layer<Machine, T>::fill(const float* x, Tape<Machine, T>& tape) {
    T* y = work_.normed.data();
    normalise(x, kInputNorm, y);
    apply(kQuery, y, s_.hidden, tape.query.data());
    apply(kKey, y, s_.hidden, tape.key.data());
    apply(kValue, y, s_.hidden, tape.value.data());
    rotate(s_.heads, 1.0f, tape.query.data());
    rotate(s_.kv_heads, 1.0f, tape.key.data());
    const Attend<T> attend{heads_,
                           t_.tile,
                           tape.query.data(),
                           tape.key.data(),
                           tape.value.data(),
                           tape.mixed.data(),
                           tape.logsumexp.data()};
    m_.groups(t_.tiles * s_.heads, attend.scratch(), attend);
    m_.copy(x, t_.count * s_.hidden, tape.middle.data());
    apply_onto(kOutput, tape.mixed.data(), s_.mixed(), tape.middle.data());
    normalise(tape.middle.data(), kPostNorm, y);
    apply(kGate, y, s_.hidden, tape.gate.data());
    apply(kUp, y, s_.hidden, tape.up.data());
}

/// dx: from the gradient in x' to that in m.
template <class Machine, class T>
void Layer<Machine, T>::mlp_half(const Tape<Machine, T>& tape, float* dx) {
    T *slope = work_.slope.data(), *wide = work_.wide.data(), *dwide = work_.wide_slope.data();
    const long hidden = t_.count * s_.hidden, inner = t_.count * s_.ffn;
    m_.each(hidden, Round<T>{dx, slope});
    m_.each(inner, Gate<T>{tape.gate.data(), tape.up.data(), wide});
    push(kDown, slope, wide, s_.ffn);
    pull(kDown, slope, s_.ffn, 0.0f, dwide);
    m_.each(inner, GateBackward<T>{tape.gate.data(), tape.up.data(), dwide, dwide, wide});
    normalise(tape.middle.data(), kPostNorm, work_.normed.data());
    push(kGate, dwide, work_.normed.data(), s_.hidden);
    push(kUp, wide, work_.normed.data(), s_.hidden);
    pull(kGate, dwide, s_.hidden, 0.0f, work_.dnormed.data());
    pull(kUp, wide, s_.hidden, 1.0f, work_.dnormed.data());
    denormalise(tape.middle.data(), kPostNorm, dx);
}

/// dx: from the gradient in m to that in x.
template <class Machine, class T>
void Layer<Machine, T>::attention_half(const float* x, const Tape<Machine, T>& tape, float* dx) {
    T *slope = work_.slope.data(), *dmixed = work_.wide.data(), *dquery = work_.wide_slope.data();
    T *dkey = work_.key_slope.data(), *dvalue = work_.value_slope.data();
    m_.each(t_.count * s_.hidden, Round<T>{dx, slope});
    push(kOutput, slope, tape.mixed.data(), s_.mixed());
    pull(kOutput, slope, s_.mixed(), 0.0f, dmixed);
    m_.each(t_.count * s_.heads,
            Along<T>{heads_.size, tape.mixed.data(), dmixed, work_.along.data()});
    const AttentionTape<T> kept{tape.query.data(),     tape.key.data(),   tape.value.data(), dmixed,
                                tape.logsumexp.data(), work_.along.data()};
    const QueryBackward<T> to_query{heads_, t_.tile, kept, dquery};
    m_.groups(t_.tiles * s_.heads, to_query.scratch(), to_query);
    const KeyBackward<T> to_key{heads_, t_.tile, kept, dkey, dvalue};
    m_.groups(t_.tiles * s_.kv_heads, to_key.scratch(), to_key);
    rotate(s_.heads, -1.0f, dquery);
    rotate(s_.kv_heads, -1.0f, dkey);
    normalise(x, kInputNorm, work_.normed.data());
    push(kQuery, dquery, work_.normed.data(), s_.hidden);
    push(kKey, dkey, work_.normed.data(), s_.hidden);
    push(kValue, dvalue, work_.normed.data(), s_.hidden);
    pull(kQuery, dquery, s_.hidden, 0.0f, work_.dnormed.data());
    pull(kKey, dkey, s_.hidden, 1.0f, work_.dnormed.data());
    pull(kValue, dvalue, s_.hidden, 1.0f, work_.dnormed.data());
    denormalise(x, kInputNorm, dx);
}

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

template <class Machine, class T>
class DeviceModel final : public Model {
  public:
    DeviceModel(std::unique_ptr<Machine> machine, ModelShape shape,
                const std::vector<const float*>& weights)
        : machine_(std::move(machine)),
          m_(*machine_),
          shape_(std::move(shape)),
          weights_(m_, shape_, weights),
          cosine_(angles(shape_.angles.cosine)),
          sine_(angles(shape_.angles.sine)) {
        m_.wait();
    }

    int forward(const Batch& batch, Keep keep, Scores& scores) override;
    void embeddings(float* out) override {
        const long count = batch_.rows * shape_.layer.hidden;
        auto wide = floats(count, "the embeddings");
        m_.each(count, Widen<T>{embeddings_.data(), wide.data()});
        wide.download(out, static_cast<std::size_t>(count));
        m_.wait();
    }
    int backward(const Pull& pull) override;
    void clear_gradient() override { weights_.clear_gradient(); }
    std::vector<double> gradient_squares() override {
        std::vector<double> out;
        for (int b = 0; b < static_cast<int>(shape_.blocks.size()); ++b)
            out.push_back(weights_.held(b) ? gradient_product(b, b) : 0.0);
        return out;
    }
    double gradient_product(int a, int b) override {
        return product(weights_.gradient(a), weights_.gradient(b), weights_.size(a));
    }

    double product(const float* x, const float* y, long count) {
        std::vector<double> pieces(static_cast<std::size_t>(Product::pieces(count)));
        auto sums = m_.template array<double>(pieces.size(), "sums of squares");
        m_.groups(Product::pieces(count), 0, Product{x, y, count, sums.data()});
        sums.download(pieces.data(), pieces.size());
        m_.wait();
        double out = 0.0;
        for (const double each : pieces) out += each;
        return out;
    }
    Machine& machine() { return m_; }
    Weights<Machine, T>& weights() { return weights_; }

  private:
    template <class X>
    using Array = typename Machine::template Array<X>;

    Array<float> floats(long count, const char* purpose) {
        return m_.template array<float>(static_cast<std::size_t>(count), purpose);
    }
    Array<float> angles(const float* from) {
        const long count = shape_.angles.positions * shape_.layer.head_size / 2;
        auto out = floats(count, "the angles of positions");
        out.upload(from, static_cast<std::size_t>(count));
        return out;
    }
    std::size_t layers() const { return shape_.parts.size(); }
    /// Room for a batch, made anew where it grows.
    void make_room(Keep keep);
    Layer<Machine, T> layer(std::size_t index) {
        return {m_,
                shape_,
                weights_,
                static_cast<long>(index),
                {batch_.tokens, batch_.tile_count, batch_.position.data(), batch_.tiles.data(),
                 cosine_.data(), sine_.data()},
                *work_};
    }
    float* input(std::size_t index) { return inputs_[keep_ == Keep::kNothing ? 0 : index].data(); }
    Tape<Machine, T>& tape(std::size_t index) { return *tapes_[keep_ == Keep::kAll ? index : 0]; }
    void score(Scores& scores);
    void head_backward(const Pull& pull);
    long lowest_held() const;
    int first_bad();
    void look_for_bad(const float* x, long count, std::size_t place) {
        m_.each(count, FindBad{x, bad_.data() + place});
    }

    std::unique_ptr<Machine> machine_;
    Machine& m_;
    ModelShape shape_;
    Weights<Machine, T> weights_;
    Array<float> cosine_, sine_;
    BatchArrays<Machine> batch_;
    Keep keep_ = Keep::kNothing;
    long token_room_ = 0, row_room_ = 0;
    std::unique_ptr<Work<Machine, T>> work_;
    std::vector<Array<float>> inputs_;  ///< (T, d): of every layer, and what the last one gives
    std::vector<std::unique_ptr<Tape<Machine, T>>> tapes_;
    Array<float> last_, logits_, dlast_;                ///< (n, d), (n, V), (n, d)
    Array<T> embeddings_, dlogits_;                     ///< (n, d), (n, V)
    Array<float> dembeddings_;                          ///< (n, d)
    Array<double> scale_, logsumexp_, entropy_, mean_;  ///< (n)
    Array<int> top_, bad_;                              ///< (n), (layers + 1)
};

template <class Machine, class T>
void DeviceModel<Machine, T>::make_room(Keep keep) {
    const long d = shape_.layer.hidden, V = shape_.vocabulary;
    if (batch_.tokens > token_room_) {
        token_room_ = batch_.tokens;
        inputs_.clear();
        tapes_.clear();
        work_.reset();
        work_ = std::make_unique<Work<Machine, T>>(m_, shape_.layer, token_room_);
    }
    if (batch_.rows > row_room_) {
        row_room_ = batch_.rows;
        const auto n = static_cast<std::size_t>(row_room_);
        for (Array<float>* each : {&last_, &dlast_, &dembeddings_, &logits_}) *each = {};
        for (Array<T>* each : {&embeddings_, &dlogits_}) *each = {};
        last_ = floats(row_room_ * d, "the rows of the head");
        dlast_ = floats(row_room_ * d, "the rows of the head");
        dembeddings_ = floats(row_room_ * d, "the rows of the head");
        logits_ = floats(row_room_ * V, "the logits");
        embeddings_ = m_.template array<T>(n * static_cast<std::size_t>(d), "the embeddings");
        dlogits_ = m_.template array<T>(n * static_cast<std::size_t>(V), "the logits' gradient");
        scale_ = m_.template array<double>(n, "the rows of the head");
        logsumexp_ = m_.template array<double>(n, "the rows of the head");
        entropy_ = m_.template array<double>(n, "the rows of the head");
        mean_ = m_.template array<double>(n, "the rows of the head");
        top_ = m_.template array<int>(n, "the rows of the head");
    }
    keep_ = keep;
    const std::size_t inputs = keep == Keep::kNothing ? 1 : layers() + 1;
    const std::size_t tapes = keep == Keep::kAll ? layers() : 1;
    while (inputs_.size() < inputs)
        inputs_.push_back(floats(token_room_ * d, "what layers keep for the backward pass"));
    while (tapes_.size() < tapes)
        tapes_.push_back(std::make_unique<Tape<Machine, T>>(m_, shape_.layer, token_room_));
    bad_ = m_.template array<int>(layers() + 1, "flags");
    bad_.clear();
}

template <class Machine, class T>
int DeviceModel<Machine, T>::first_bad() {
    std::vector<int> bad(layers() + 1);
    bad_.download(bad.data(), bad.size());
    m_.wait();
    for (std::size_t k = 0; k < bad.size(); ++k)
        if (bad[k]) return static_cast<int>(k);
    return -1;
}

template <class Machine, class T>
int DeviceModel<Machine, T>::forward(const Batch& batch, Keep keep, Scores& scores) {
    batch_ = BatchArrays<Machine>(m_, batch);
    make_room(keep);
    const long d = shape_.layer.hidden, hidden = batch_.tokens * d;
    m_.each(hidden, LookUp<T>{weights_[shape_.embedding], batch_.id.data(), d, input(0)});
    for (std::size_t i = 0; i < layers(); ++i) {
        stop_if_requested();
        layer(i).forward(input(i), tape(i), input(i + 1));
        look_for_bad(input(i + 1), hidden, i);
    }
    m_.each(batch_.rows * d, Gather{input(layers()), batch_.row.data(), d, last_.data()});
    m_.groups(batch_.rows, 0,
              Norm<T>{last_.data(), weights_[shape_.final_norm], shape_.layer.epsilon, d,
                      embeddings_.data()});
    m_.multiply(Times::kForward, batch_.rows, shape_.vocabulary, d, embeddings_.data(),
                weights_[shape_.head], 0.0f, logits_.data());
    score(scores);
    return first_bad();
}

template <class Machine, class T>
void DeviceModel<Machine, T>::score(Scores& scores) {
    const auto n = static_cast<std::size_t>(batch_.rows);
    m_.groups(batch_.rows, ScoreLogits::scratch(m_.members()),
              ScoreLogits{logits_.data(), shape_.vocabulary, logsumexp_.data(), entropy_.data(),
                          mean_.data(), top_.data(), bad_.data() + layers()});
    auto entries = floats(batch_.entries, "a batch");
    m_.each(batch_.entries, TokenLogit{logits_.data(), batch_.entry_row.data(), batch_.entry.data(),
                                       shape_.vocabulary, entries.data()});
    scores.logsumexp.resize(n);
    scores.entropy.resize(n);
    scores.mean.resize(n);
    scores.top.resize(n);
    scores.entries.resize(static_cast<std::size_t>(batch_.entries));
    logsumexp_.download(scores.logsumexp.data(), n);
    entropy_.download(scores.entropy.data(), n);
    mean_.download(scores.mean.data(), n);
    top_.download(scores.top.data(), n);
    entries.download(scores.entries.data(), scores.entries.size());
    m_.wait();
}

/// The lowest layer that holds a block, the number of layers if none does, -1 if the embedding
/// does.
template <class Machine, class T>
long DeviceModel<Machine, T>::lowest_held() const {
    if (weights_.held(shape_.embedding)) return -1;
    for (std::size_t i = 0; i < layers(); ++i)
        for (const int block : shape_.parts[i])
            if (weights_.held(block)) return static_cast<long>(i);
    return static_cast<long>(layers());
}

/// From the gradient in the logits to that in last_, which dlast_ becomes.
template <class Machine, class T>
void DeviceModel<Machine, T>::head_backward(const Pull& pull) {
    const long d = shape_.layer.hidden, V = shape_.vocabulary;
    const auto row = BatchArrays<Machine>::on(m_, pull.row);
    const auto share = BatchArrays<Machine>::on(m_, pull.share);
    const auto begin = BatchArrays<Machine>::on(m_, pull.begin);
    const auto token = BatchArrays<Machine>::on(m_, pull.token);
    m_.groups(batch_.rows, 0,
              LogitBackward<T>{logits_.data(), logsumexp_.data(), row.data(), share.data(),
                               begin.data(), token.data(), V, dlogits_.data()});
    if (weights_.held(shape_.head))
        m_.multiply(Times::kGradient, V, d, batch_.rows, dlogits_.data(), embeddings_.data(), 1.0f,
                    weights_.gradient(shape_.head));
    m_.multiply(Times::kBackward, batch_.rows, d, V, dlogits_.data(), weights_[shape_.head], 0.0f,
                dembeddings_.data());
    dlast_.clear();
    m_.groups(batch_.rows, 0,
              NormBackward<T>{last_.data(), weights_[shape_.final_norm], dembeddings_.data(),
                              shape_.layer.epsilon, d, dlast_.data(), scale_.data()});
    if (weights_.held(shape_.final_norm))
        m_.each(d, NormWeight{last_.data(), dembeddings_.data(), scale_.data(), batch_.rows, d,
                              weights_.gradient(shape_.final_norm)});
    m_.wait();
}

template <class Machine, class T>
int DeviceModel<Machine, T>::backward(const Pull& pull) {
    if (keep_ == Keep::kNothing) throw std::logic_error("the forward pass kept nothing");
    head_backward(pull);
    const long d = shape_.layer.hidden, lowest = lowest_held();
    const auto count = static_cast<long>(layers());
    if (lowest == count) return -1;
    bad_.clear();
    float* dx = input(layers());  // what the last layer gave is not needed any more
    m_.each(batch_.tokens * d, Fill{0.0f, dx});
    m_.each(batch_.rows * d, Scatter{dlast_.data(), batch_.row.data(), d, dx});
    for (long i = count - 1; i >= std::max(lowest, 0L); --i) {
        stop_if_requested();
        const auto k = static_cast<std::size_t>(i);
        if (keep_ == Keep::kInputs) layer(k).fill(input(k), tape(k));
        layer(k).backward(input(k), tape(k), dx);
        look_for_bad(dx, batch_.tokens * d, layers() - 1 - k);
    }
    if (lowest < 0)
        m_.each(batch_.lookups * d,
                LookUpBackward{dx, batch_.looked.data(), batch_.begin.data(), batch_.order.data(),
                               d, weights_.gradient(shape_.embedding)});
    const int bad = first_bad();
    return bad < 0 ? -1 : static_cast<int>(count) - 1 - bad;
}

/// A model, theta and the optimiser's moments.
template <class Machine, class T>
class DeviceTrainer final : public Trainer {
  public:
    DeviceTrainer(std::unique_ptr<Machine> machine, const ModelShape& shape, TrainingShape training,
                  const std::vector<const float*>& weights, const float* theta);

    Model& model() override { return model_; }
    double update(double max_norm, double eta) override;
    std::vector<std::string> vectors() const override {
        switch (t_.rule) {
            case Rule::kSgd:
                return {"theta"};
            case Rule::kRmsprop:
                return {"theta", "square"};
            case Rule::kAdamw:
                break;
        }
        return {"theta", "mean", "square"};
    }
    void download(const std::string& name, float* out) override {
        vector(name).download(out, static_cast<std::size_t>(t_.size));
        m_.wait();
    }
    void upload(const std::string& name, const float* values) override {
        vector(name).upload(values, static_cast<std::size_t>(t_.size));
        m_.wait();
    }
    void restart(std::int64_t steps) override {
        steps_ = steps;
        apply();
    }

  private:
    template <class X>
    using Array = typename Machine::template Array<X>;
    Array<float>& vector(const std::string& name) {
        return name == "theta" ? theta_ : name == "mean" ? mean_ : square_;
    }
    Array<float> room(const char* purpose, bool wanted = true) {
        auto out =
            m_.template array<float>(wanted ? static_cast<std::size_t>(t_.size) : 0, purpose);
        out.clear();
        return out;
    }
    bool has(const std::string& name) const {
        const auto names = vectors();
        return std::find(names.begin(), names.end(), name) != names.end();
    }
    bool adapters() const { return t_.pieces.front().kind != ThetaPiece::Kind::kBlock; }
    float* theta(const ThetaPiece& piece) { return theta_.data() + piece.offset; }
    /// What theta's gradient is: that of the blocks themselves, or pulled back to the adapters.
    const float* direction();
    void apply();
    template <class Element>
    void step(const Element& element, double eta, float share, const float* gradient) {
        m_.each(t_.size, Step<Element>{element, eta, share, gradient, theta_.data(), mean_.data(),
                                       square_.data()});
    }

    TrainingShape t_;
    DeviceModel<Machine, T> model_;
    Machine& m_;
    Array<float> theta_, mean_, square_, pulled_;
    std::vector<Array<float>> base_;  ///< of adapted blocks, in the order of the pieces
    std::int64_t steps_ = 0;
};

template <class Machine, class T>
DeviceTrainer<Machine, T>::DeviceTrainer(std::unique_ptr<Machine> machine, const ModelShape& shape,
                                         TrainingShape training,
                                         const std::vector<const float*>& weights,
                                         const float* theta)
    : t_(std::move(training)), model_(std::move(machine), shape, weights), m_(model_.machine()) {
    theta_ = room("the trained parameters");
    theta_.upload(theta, static_cast<std::size_t>(t_.size));
    mean_ = room("the optimiser's moments", has("mean"));
    square_ = room("the optimiser's moments", has("square"));
    pulled_ = room("the gradient of the adapters", adapters());
    for (const ThetaPiece& piece : t_.pieces) {
        if (piece.kind != ThetaPiece::Kind::kA) continue;
        const auto count = static_cast<std::size_t>(model_.weights().size(piece.block));
        base_.push_back(m_.template array<float>(count, "the weights beside adapters"));
        base_.back().upload(weights[static_cast<std::size_t>(piece.block)], count);
    }
    m_.wait();
    apply();
}

template <class Machine, class T>
void DeviceTrainer<Machine, T>::apply() {
    std::size_t base = 0;
    for (std::size_t k = 0; k < t_.pieces.size(); ++k) {
        const ThetaPiece& p = t_.pieces[k];
        T* w = model_.weights()[p.block];
        if (p.kind == ThetaPiece::Kind::kBlock) m_.each(p.rows * p.cols, Round<T>{theta(p), w});
        if (p.kind != ThetaPiece::Kind::kA) continue;
        m_.each(model_.weights().size(p.block),
                AddAdapter<T>{base_[base++].data(), theta(p), theta(t_.pieces[k + 1]), p.rows,
                              p.cols, static_cast<float>(t_.scale), w});
    }
    m_.wait();
}

template <class Machine, class T>
const float* DeviceTrainer<Machine, T>::direction() {
    if (!adapters()) return model_.weights().gradient();
    for (std::size_t k = 0; k < t_.pieces.size(); ++k) {
        const ThetaPiece& a = t_.pieces[k];
        if (a.kind != ThetaPiece::Kind::kA) continue;
        const ThetaPiece& b = t_.pieces[k + 1];
        const float* dw = model_.weights().gradient(a.block);
        const auto scale = static_cast<float>(t_.scale);
        m_.each(a.rows * a.cols,
                PullA{theta(b), dw, a.rows, b.rows, a.cols, scale, pulled_.data() + a.offset});
        m_.groups(b.rows * b.cols, 0,
                  PullB{theta(a), dw, b.cols, a.cols, scale, pulled_.data() + b.offset});
    }
    return pulled_.data();
}

template <class Machine, class T>
double DeviceTrainer<Machine, T>::update(double max_norm, double eta) {
    const float* gradient = direction();
    const double norm = std::sqrt(model_.product(gradient, gradient, t_.size));
    if (!std::isfinite(norm)) return norm;
    const float share =
        max_norm > 0.0 ? static_cast<float>(std::min(1.0, max_norm / (norm + 1e-6))) : 1.0f;
    ++steps_;
    switch (t_.rule) {
        case Rule::kSgd:
            step(SgdElement(), eta, share, gradient);
            break;
        case Rule::kRmsprop:
            step(RmspropElement(), eta, share, gradient);
            break;
        case Rule::kAdamw:
            step(AdamwElement(static_cast<double>(steps_), t_.decay), eta, share, gradient);
            break;
    }
    apply();
    return norm;
}

}  // namespace prefdyn::finetune::card
