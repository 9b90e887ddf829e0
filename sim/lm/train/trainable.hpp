#pragma once
// What of a model is trained, as one vector theta: every weight, the head alone, or low-rank
// adapters W = W_0 + (alpha / r) B A beside frozen weights (LoRA).

#include "sim/lm/model/parameters.hpp"
#include "sim/lm/train/update_rule.hpp"

namespace prefdyn::finetune {

using namespace transformer;
using transformer::Column;

enum class TrainedPart { kFull, kLora, kHead };
inline std::vector<std::string> trained_names() { return {"full", "lora", "head"}; }

struct TrainableSpec {
    TrainedPart part = TrainedPart::kFull;
    Index rank = 8;
    double alpha = 32.0;
    std::vector<Part> targets = {Part::kQuery, Part::kValue};  ///< projections of every layer
};

/// From "q,v": names among q, k, v, o, gate, up, down. Throws InputError.
std::vector<Part> parse_targets(const std::string& text);

/// The targets as the model has them: one weight of q, k and v, or of gate and up, stands for each
/// of its parts. Throws InputError naming a projection the model has not.
std::vector<Part> targets_in(const Layout& layout, const std::vector<Part>& targets);

/// A piece of theta: a whole block, or A (r, in) or B (out, r) of its adapter.
struct Piece {
    enum class Kind { kBlock, kA, kB } kind;
    int block;
    Index rows, cols, offset;
};

template <class Real>
class Trainable {
  public:
    /// The head alone needs a layout in which it is a block of its own. Throws InputError if a rank
    /// exceeds the extents of a target.
    Trainable(const Layout& layout, const TrainableSpec& spec, std::uint64_t seed);

    Index size() const { return size_; }
    const std::vector<Piece>& pieces() const { return pieces_; }
    double scale() const { return scale_; }  ///< alpha / r
    /// Blocks whose gradient is needed; all else is frozen.
    const std::vector<bool>& blocks() const { return blocks_; }
    /// theta cut where weight decay begins and ends: norms and biases are spared unless the spec
    /// says otherwise.
    std::vector<Stretch> stretches(const Layout& layout, const UpdateSpec& spec) const;
    /// Blocks that adapters are added to.
    std::vector<bool> adapted() const;

    /// theta at the start: blocks as they are; A uniform in (-1, 1) / sqrt(in), B zero, as PEFT.
    Column<Real> initial(const Parameters<Real>& base) const;
    /// Writes the trained blocks of `weights`; those of `base` are what adapters are added to.
    void apply(const Column<Real>& theta, const Parameters<Real>& base,
               Parameters<Real>& weights) const;
    /// ||W - W_0||_F over all weights: of W made from theta, and W_0 the base.
    double change(const Column<Real>& theta, const Parameters<Real>& base) const;
    /// The gradient in theta from that in the blocks: dA = s B^T dW, dB = s dW A^T.
    Column<Real> gradient(const Column<Real>& theta, const Parameters<Real>& gradient) const;

  private:
    void add(Piece::Kind kind, int block, Index rows, Index cols);
    ConstRows<Real> view(const Column<Real>& theta, const Piece& piece) const {
        return {theta.data() + piece.offset, piece.rows, piece.cols};
    }

    std::vector<Piece> pieces_;  ///< of an adapter A, then B
    std::vector<bool> blocks_;
    Index size_ = 0;
    double scale_ = 1.0;
    std::uint64_t seed_;
};

}  // namespace prefdyn::finetune
