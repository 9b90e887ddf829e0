#pragma once
// A layer's forward and backward pass on a Machine; formulae in layer.hpp. A Machine has memory,
// runs tasks, and multiplies:
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
// Weights and what lies between products are of type T; the residual stream, its gradient and the
// gradient of weights are float.

#include <algorithm>
#include <cmath>

#include "sim/lm/model/device/attention_tasks.hpp"
#include "sim/lm/model/device/row_tasks.hpp"
#include "sim/lm/model/parameters.hpp"

namespace prefdyn::transformer::device {

/// y (m, n) = share y + ..., all row-major.
enum class Times {
    kForward,   ///< a (m, k) b (n, k)^T
    kBackward,  ///< a (m, k) b (k, n)
    kGradient,  ///< a (k, m)^T b (k, n)
};

/// Every block's weights in T, and the gradient of those that are trainable in float. The layout
/// must outlive this.
template <class Machine, class T>
class DeviceWeights {
  public:
    DeviceWeights(Machine& machine, const Parameters<float>& weights, std::vector<bool> trainable);

    const Layout& layout() const { return layout_; }
    T* operator[](int block) const { return values_.data() + at_[index(block)]; }
    bool trainable(int block) const { return block >= 0 && trainable_[index(block)]; }
    const std::vector<bool>& trainable() const { return trainable_; }
    float* gradient(int block) const { return gradient_.data() + gradient_at_[index(block)]; }
    /// The gradients of all trainable blocks, one after another.
    float* gradient() const { return gradient_.data(); }
    void clear_gradient() { gradient_.clear(); }

  private:
    static std::size_t index(int block) { return static_cast<std::size_t>(block); }
    const Layout& layout_;
    std::vector<bool> trainable_;
    std::vector<long> at_, gradient_at_;
    typename Machine::template Array<T> values_;
    typename Machine::template Array<float> gradient_;
};

template <class Machine, class T>
DeviceWeights<Machine, T>::DeviceWeights(Machine& machine, const Parameters<float>& weights,
                                         std::vector<bool> trainable)
    : layout_(weights.layout()), trainable_(std::move(trainable)) {
    constexpr Index kAlign = 64;
    Index size = 0, gradients = 0, largest = 0;
    for (int b = 0; b < layout_.count(); ++b) {
        const Index count = layout_.block(b).size();
        at_.push_back(size);
        size += (count + kAlign - 1) / kAlign * kAlign;
        gradient_at_.push_back(gradients);
        if (trainable_[index(b)]) gradients += count;
        largest = std::max(largest, count);
    }
    const auto of = [](Index count) { return static_cast<std::size_t>(count); };
    values_ = machine.template array<T>(of(size), "the weights");
    gradient_ = machine.template array<float>(of(gradients), "the gradient of the weights");
    gradient_.clear();
    auto staging = machine.template array<float>(of(largest), "a tensor on its way");
    for (int b = 0; b < layout_.count(); ++b) {
        const Index count = layout_.block(b).size();
        staging.upload(weights.matrix(b).data(), of(count));
        machine.each(count, Round<T>{staging.data(), (*this)[b]});
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

    Tape(Machine& m, const ModelConfig& s, long tokens) {
        const auto of = [tokens](long width) { return static_cast<std::size_t>(tokens * width); };
        const char* purpose = "what layers keep for the backward pass";
        query = m.template array<T>(of(s.heads * s.head_size), purpose);
        key = m.template array<T>(of(s.kv_heads * s.head_size), purpose);
        value = m.template array<T>(of(s.kv_heads * s.head_size), purpose);
        mixed = m.template array<T>(of(s.heads * s.head_size), purpose);
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

    Work(Machine& m, const ModelConfig& s, long tokens) {
        const auto of = [tokens](long width) { return static_cast<std::size_t>(tokens * width); };
        const char* purpose = "the intermediate values of a layer";
        const long most = std::max(s.ffn, s.heads * s.head_size);
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
class DeviceLayer {
  public:
    struct Tokens {
        long count, tiles;
        const int* position;
        const Tile* tile;
        const float *cosine, *sine;
    };
    DeviceLayer(Machine& machine, const ModelConfig& config, DeviceWeights<Machine, T>& weights,
                Index layer, const Tokens& tokens, Work<Machine, T>& work)
        : m_(machine),
          c_(config),
          w_(weights),
          layer_(layer),
          t_(tokens),
          work_(work),
          heads_{static_cast<int>(c_.heads),
                 static_cast<int>(c_.kv_heads),
                 static_cast<int>(c_.head_size),
                 static_cast<int>(c_.window[static_cast<std::size_t>(layer)]),
                 tile_rows(c_.head_size),
                 static_cast<float>(1.0 / std::sqrt(static_cast<double>(c_.head_size)))} {}

    /// out (T, d), which may be x.
    void forward(const float* x, Tape<Machine, T>& tape, float* out) {
        fill(x, tape);
        m_.each(t_.count * c_.ffn, Gate<T>{tape.gate.data(), tape.up.data(), work_.wide.data()});
        m_.copy(tape.middle.data(), t_.count * c_.hidden, out);
        project(Part::kDown, work_.wide.data(), 1.0f, out);
    }
    /// All of the tape.
    void fill(const float* x, Tape<Machine, T>& tape);
    /// dx: from the gradient in what comes out to that in x.
    void backward(const float* x, const Tape<Machine, T>& tape, float* dx) {
        mlp_gradient(tape, dx);
        attention_gradient(x, tape, dx);
    }

  private:
    int block(Part part) const { return w_.layout().part(layer_, part); }
    void normalise(const float* x, Part norm, T* y) {
        m_.groups(t_.count, 0, Norm<T>{x, w_[block(norm)], c_.norm.epsilon, c_.hidden, y});
    }
    /// dx += work_.dnormed through the norm of x.
    void normalise_backward(const float* x, Part norm, float* dx) {
        const float* dy = work_.dnormed.data();
        double* scale = work_.scale.data();
        m_.groups(t_.count, 0,
                  NormBackward<T>{x, w_[block(norm)], dy, c_.norm.epsilon, c_.hidden, dx, scale});
        if (w_.trainable(block(norm)))
            m_.each(c_.hidden,
                    NormWeight{x, dy, scale, t_.count, c_.hidden, w_.gradient(block(norm))});
    }
    /// y = share y + x W^T + b.
    template <class Y>
    void project(Part projection, const T* x, float share, Y* y) {
        const Block& w = w_.layout().block(block(projection));
        m_.multiply(Times::kForward, t_.count, w.rows, w.cols, x, w_[block(projection)], share, y);
        const int bias = block(bias_of(projection));
        if (bias >= 0) m_.each(t_.count * w.rows, AddBias<T, Y>{w_[bias], w.rows, y});
    }
    /// dx = share dx + dy W,  dW += dy^T x,  db += the sum of the rows of dy.
    template <class Y>
    void project_backward(Part projection, const T* dy, const T* x, float share, Y* dx) {
        const int weight = block(projection), bias = block(bias_of(projection));
        const Block& w = w_.layout().block(weight);
        if (w_.trainable(weight))
            m_.multiply(Times::kGradient, w.rows, w.cols, t_.count, dy, x, 1.0f,
                        w_.gradient(weight));
        if (w_.trainable(bias))
            m_.each(w.rows, BiasBackward<T>{dy, t_.count, w.rows, w_.gradient(bias)});
        m_.multiply(Times::kBackward, t_.count, w.cols, w.rows, dy, w_[weight], share, dx);
    }
    void rotate(Index heads, float direction, T* x) {
        const Index half = c_.head_size / 2;
        m_.each(t_.count * heads * half,
                Rotate<T>{t_.cosine, t_.sine, t_.position, heads, half, direction, x});
    }
    void mlp_gradient(const Tape<Machine, T>& tape, float* dx);
    void attention_gradient(const float* x, const Tape<Machine, T>& tape, float* dx);

    Machine& m_;
    const ModelConfig& c_;
    DeviceWeights<Machine, T>& w_;
    Index layer_;
    Tokens t_;
    Work<Machine, T>& work_;
    AttentionShape heads_;
};

template <class Machine, class T>
void DeviceLayer<Machine, T>::fill(const float* x, Tape<Machine, T>& tape) {
    T* y = work_.normed.data();
    normalise(x, Part::kInputNorm, y);
    project(Part::kQuery, y, 0.0f, tape.query.data());
    project(Part::kKey, y, 0.0f, tape.key.data());
    project(Part::kValue, y, 0.0f, tape.value.data());
    rotate(c_.heads, 1.0f, tape.query.data());
    rotate(c_.kv_heads, 1.0f, tape.key.data());
    const Attend<T> attend{heads_,
                           t_.tile,
                           tape.query.data(),
                           tape.key.data(),
                           tape.value.data(),
                           tape.mixed.data(),
                           tape.logsumexp.data()};
    m_.groups(t_.tiles * c_.heads, attend.scratch(), attend);
    m_.copy(x, t_.count * c_.hidden, tape.middle.data());
    project(Part::kOutput, tape.mixed.data(), 1.0f, tape.middle.data());
    normalise(tape.middle.data(), Part::kMlpNorm, y);
    project(Part::kGate, y, 0.0f, tape.gate.data());
    project(Part::kUp, y, 0.0f, tape.up.data());
}

/// dx: from the gradient in x' to that in m.
template <class Machine, class T>
void DeviceLayer<Machine, T>::mlp_gradient(const Tape<Machine, T>& tape, float* dx) {
    T *slope = work_.slope.data(), *wide = work_.wide.data(), *dwide = work_.wide_slope.data();
    T* y = work_.normed.data();
    m_.each(t_.count * c_.hidden, Round<T>{dx, slope});
    m_.each(t_.count * c_.ffn, Gate<T>{tape.gate.data(), tape.up.data(), wide});
    project_backward(Part::kDown, slope, wide, 0.0f, dwide);
    m_.each(t_.count * c_.ffn,
            GateBackward<T>{tape.gate.data(), tape.up.data(), dwide, dwide, wide});
    normalise(tape.middle.data(), Part::kMlpNorm, y);
    project_backward(Part::kGate, dwide, y, 0.0f, work_.dnormed.data());
    project_backward(Part::kUp, wide, y, 1.0f, work_.dnormed.data());
    normalise_backward(tape.middle.data(), Part::kMlpNorm, dx);
}

/// dx: from the gradient in m to that in x.
template <class Machine, class T>
void DeviceLayer<Machine, T>::attention_gradient(const float* x, const Tape<Machine, T>& tape,
                                                 float* dx) {
    T *slope = work_.slope.data(), *dmixed = work_.wide.data(), *dquery = work_.wide_slope.data();
    T *dkey = work_.key_slope.data(), *dvalue = work_.value_slope.data();
    T* y = work_.normed.data();
    m_.each(t_.count * c_.hidden, Round<T>{dx, slope});
    project_backward(Part::kOutput, slope, tape.mixed.data(), 0.0f, dmixed);
    m_.each(t_.count * c_.heads,
            Along<T>{heads_.size, tape.mixed.data(), dmixed, work_.along.data()});
    const AttentionTape<T> kept{tape.query.data(),     tape.key.data(),   tape.value.data(), dmixed,
                                tape.logsumexp.data(), work_.along.data()};
    const QueryBackward<T> to_query{heads_, t_.tile, kept, dquery};
    m_.groups(t_.tiles * c_.heads, to_query.scratch(), to_query);
    const KeyBackward<T> to_key{heads_, t_.tile, kept, dkey, dvalue};
    m_.groups(t_.tiles * c_.kv_heads, to_key.scratch(), to_key);
    rotate(c_.heads, -1.0f, dquery);
    rotate(c_.kv_heads, -1.0f, dkey);
    normalise(x, Part::kInputNorm, y);
    project_backward(Part::kQuery, dquery, y, 0.0f, work_.dnormed.data());
    project_backward(Part::kKey, dkey, y, 1.0f, work_.dnormed.data());
    project_backward(Part::kValue, dvalue, y, 1.0f, work_.dnormed.data());
    normalise_backward(x, Part::kInputNorm, dx);
}

}  // namespace prefdyn::transformer::device
