#pragma once
// A batch of pairs and a gradient in its logits as arrays that a device can work on.

#include "sim/lm/model/device/attention_tasks.hpp"
#include "sim/lm/train/objective.hpp"

namespace prefdyn::finetune::device {

using namespace transformer::device;

struct Batch {
    std::vector<int> id, position;      ///< (T)
    std::vector<Tile> tiles;            ///< of all sequences
    std::vector<int> row;               ///< (n) tokens that have logits
    std::vector<int> entry_row, entry;  ///< responses' tokens, in the order of for_each_token
    /// Token numbers grouped by id: those of looked[k] are order[begin[k]] ... .
    std::vector<int> looked, begin, order;

    Batch(const PairBatch& pairs, Index tile_rows);
};

/// A LogitGradient by rows: the entries of row r are [begin[r], begin[r + 1]), tokens all
/// different.
struct LogitRows {
    std::vector<double> total, share;
    std::vector<int> begin, token;

    explicit LogitRows(const LogitGradient& gradient);
};

}  // namespace prefdyn::finetune::device
