#pragma once
// A model in training on a device: the plain interface between what nvcc compiles and the rest.

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "sim/lm/model/cuda_layer.hpp"
#include "sim/lm/train/device_attention.hpp"
#include "sim/lm/train/keep.hpp"

namespace prefdyn::finetune::card {

using transformer::card::Angles;

struct BlockShape {
    long rows, cols;
    long size() const { return rows * cols; }
};

/// The model and its blocks (see Layout), in plain numbers.
struct ModelShape {
    transformer::card::Shape layer;
    long vocabulary;
    std::vector<BlockShape> blocks;
    std::vector<std::array<int, transformer::card::kParts>> parts;  ///< of every layer; -1: none
    std::vector<long> window;
    int embedding, final_norm, head;
    std::vector<char> held;  ///< blocks whose gradient is gathered
    Angles angles;           ///< read while the model is made
};

/// A batch of pairs as arrays.
struct Batch {
    std::vector<int> id, position;      ///< (T)
    std::vector<Tile> tiles;            ///< tiles of tile_rows() tokens of all sequences
    std::vector<int> row;               ///< (n) tokens that have logits
    std::vector<int> entry_row, entry;  ///< responses' tokens, in the order of for_each_token
    /// Token numbers grouped by id: those of looked[k] are order[begin[k]] ... .
    std::vector<int> looked, begin, order;
};

struct Scores {
    std::vector<double> logsumexp, entropy, mean;  ///< (n)
    std::vector<int> top;                          ///< (n)
    std::vector<float> entries;
};

/// A LogitPull by rows: the entries of row r are [begin[r], begin[r + 1]), tokens all different.
struct Pull {
    std::vector<double> row, share;
    std::vector<int> begin, token;
};

class Model {
  public:
    virtual ~Model() = default;
    /// The batch is copied. -1, or the layer behind which hidden states are not finite, or the
    /// number of layers for the logits.
    virtual int forward(const Batch& batch, Keep keep, Scores& scores) = 0;
    /// (n, d)
    virtual void embeddings(float* out) = 0;
    /// -1, or the layer in front of which the gradient is not finite.
    virtual int backward(const Pull& pull) = 0;

    virtual void clear_gradient() = 0;
    /// Squared norm of every block's gradient; 0 of one that is not held.
    virtual std::vector<double> gradient_squares() = 0;
    virtual double gradient_product(int a, int b) = 0;
};

/// A piece of theta, see trainable.hpp.
struct ThetaPiece {
    enum class Kind { kBlock, kA, kB } kind;
    int block;
    long rows, cols, offset;
};

enum class Rule { kSgd, kRmsprop, kAdamw };

struct TrainingShape {
    std::vector<ThetaPiece> pieces;
    long size = 0;
    double scale = 1.0;  ///< alpha / r
    Rule rule = Rule::kAdamw;
    double decay = 0.0;
};

class Trainer {
  public:
    virtual ~Trainer() = default;
    virtual Model& model() = 0;
    /// As Engine::update().
    virtual double update(double max_norm, double eta) = 0;
    /// theta and moments by name, each of TrainingShape::size.
    virtual std::vector<std::string> vectors() const = 0;
    virtual void download(const std::string& name, float* out) = 0;
    virtual void upload(const std::string& name, const float* values) = 0;
    /// Writes the trained blocks from theta, after upload() of everything.
    virtual void restart(std::int64_t steps) = 0;
};

/// How models are made: on the card, or (in tests) by the same code on the host. weights[b]: block
/// b, float32.
class Factory {
  public:
    virtual ~Factory() = default;
    virtual std::unique_ptr<Model> model(const ModelShape& shape,
                                         const std::vector<const float*>& weights,
                                         transformer::Precision precision) const = 0;
    virtual std::unique_ptr<Trainer> trainer(const ModelShape& shape, const TrainingShape& training,
                                             const std::vector<const float*>& weights,
                                             const float* theta,
                                             transformer::Precision precision) const = 0;
};

/// InputError if the card's memory does not suffice; std::logic_error if there is no CUDA.
const Factory& cuda_factory();

}  // namespace prefdyn::finetune::card
