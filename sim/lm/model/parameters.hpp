#pragma once
// The weights of a transformer as one vector of numbers cut into named blocks; weights, gradients
// and moments of an optimiser have the same cut.

#include <array>
#include <string>
#include <vector>

#include "sim/lm/model/checkpoint.hpp"

namespace prefdyn::transformer {

/// One tensor of the checkpoint, under its name there. A vector has one row.
struct Block {
    std::string name;
    Index rows = 0, cols = 0;
    bool vector = false;
    bool transposed = false;  ///< lies in the file as (cols, rows)
    int layer = -1;           ///< -1: embedding, final norm, head
    Index size() const { return rows * cols; }
};

/// Embedding (V, d), learned positions (context, d), layer after layer, final norm (d) and its
/// bias, head (V, d); what the model has not got is left out.
class Layout {
  public:
    /// `own_head`: the head has weights of its own although the config ties it to the embedding.
    explicit Layout(const ModelConfig& config, bool own_head = false);

    const std::vector<Block>& blocks() const { return blocks_; }
    const Block& block(int index) const { return blocks_[static_cast<std::size_t>(index)]; }
    int count() const { return static_cast<int>(blocks_.size()); }
    /// Numbers of the chosen blocks together.
    Index size(const std::vector<bool>& chosen) const;
    std::vector<bool> every_block() const { return std::vector<bool>(blocks_.size(), true); }
    int embedding() const { return 0; }
    int positions() const { return positions_; }  ///< -1: none
    int final_norm() const { return final_norm_; }
    int final_norm_bias() const { return final_norm_bias_; }  ///< -1: none
    int head() const { return head_; }                        ///< the embedding if they are tied
    bool tied() const { return head_ == 0; }
    Index layers() const { return static_cast<Index>(layers_.size()); }
    /// -1 if the model has not got it.
    int part(Index layer, Part part) const {
        return layers_[static_cast<std::size_t>(layer)][static_cast<std::size_t>(part)];
    }
    /// Of the block of this name, -1 if there is none.
    int find(const std::string& name) const;

    /// The lowest layer with a chosen block, layers() if there is none, -1 if the embedding or the
    /// positions are one.
    Index lowest(const std::vector<bool>& chosen) const;

  private:
    int add(Block block);
    std::vector<Block> blocks_;
    std::vector<std::array<int, kParts>> layers_;
    int positions_ = -1, final_norm_ = -1, final_norm_bias_ = -1, head_ = 0;
};

/// Numbers for all blocks or for some, zero at first.
template <class Real>
class Parameters {
  public:
    explicit Parameters(const Layout& layout) : Parameters(layout, layout.every_block()) {}
    /// chosen[b]: block b has numbers here.
    Parameters(const Layout& layout, const std::vector<bool>& chosen);

    const Layout& layout() const { return *layout_; }
    bool has(int block) const { return block >= 0 && offset(block) >= 0; }
    /// The blocks that have numbers here.
    std::vector<bool> chosen() const;
    /// Where the numbers of a block begin in values().
    Index offset(int block) const { return offset_[static_cast<std::size_t>(block)]; }
    /// (rows, cols) of a block that has numbers here.
    RowsMap<Real> matrix(int block) {
        const Block& b = layout_->block(block);
        return {values_.data() + offset(block), b.rows, b.cols};
    }
    ConstRows<Real> matrix(int block) const {
        const Block& b = layout_->block(block);
        return {values_.data() + offset(block), b.rows, b.cols};
    }
    /// All of them zero.
    void clear();
    Column<Real>& values() { return values_; }
    const Column<Real>& values() const { return values_; }

  private:
    const Layout* layout_;  ///< must outlive this
    std::vector<Index> offset_;
    Column<Real> values_;
};

/// Every block in the precision of the computation. Throws InputError if a weight is not finite.
template <class Real>
Parameters<Real> read_parameters(const Checkpoint& checkpoint, const Layout& layout);

}  // namespace prefdyn::transformer
