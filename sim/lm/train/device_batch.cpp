#include "sim/lm/train/device_batch.hpp"

#include <algorithm>
#include <numeric>

namespace prefdyn::finetune::device {

namespace {

/// Groups the tokens of a batch by their id, in the order of ids and then of tokens.
void group_by_id(Batch& batch) {
    batch.order.resize(batch.id.size());
    std::iota(batch.order.begin(), batch.order.end(), 0);
    const auto id = [&](int token) { return batch.id[static_cast<std::size_t>(token)]; };
    std::ranges::stable_sort(batch.order, {}, id);
    for (std::size_t k = 0; k < batch.order.size(); ++k) {
        if (k > 0 && id(batch.order[k]) == batch.looked.back()) continue;
        batch.looked.push_back(id(batch.order[k]));
        batch.begin.push_back(static_cast<int>(k));
    }
    batch.begin.push_back(static_cast<int>(batch.order.size()));
}

}  // namespace

Batch::Batch(const PairBatch& pairs, Index tile_rows)
    : id(pairs.tokens.ids.begin(), pairs.tokens.ids.end()),
      row(pairs.rows.begin(), pairs.rows.end()) {
    for (const Prompt& s : pairs.tokens.sequences) {
        for (Index p = 0; p < s.length; ++p) position.push_back(static_cast<int>(p));
        add_tiles(s, tile_rows, tiles);
    }
    pairs.for_each_token([&](std::size_t, std::size_t, Index r, std::int32_t token) {
        entry_row.push_back(static_cast<int>(r));
        entry.push_back(token);
    });
    group_by_id(*this);
}

/// Entries by row and token, those of one place added up.
LogitRows::LogitRows(const LogitGradient& gradient) : total(gradient.row) {
    std::vector<LogitGradient::Entry> entries = gradient.entries;
    std::ranges::stable_sort(
        entries, {}, [](const LogitGradient::Entry& e) { return std::pair(e.row, e.token); });
    std::size_t next = 0;
    for (Index row = 0; row < static_cast<Index>(total.size()); ++row) {
        begin.push_back(static_cast<int>(token.size()));
        for (; next < entries.size() && entries[next].row == row; ++next) {
            const bool again = static_cast<int>(token.size()) > begin.back() &&
                               token.back() == entries[next].token;
            if (again) {
                share.back() += entries[next].share;
                continue;
            }
            token.push_back(entries[next].token);
            share.push_back(entries[next].share);
        }
    }
    begin.push_back(static_cast<int>(token.size()));
}

}  // namespace prefdyn::finetune::device
