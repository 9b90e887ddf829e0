#pragma once
// Fields that are filled from rows: how a column is declared and gathered.

#include <functional>
#include <string>
#include <vector>

#include "experiments/results/result_writer.hpp"

namespace prefdyn {

/// A field and how to get its value from a row object.
template <class Row>
struct Column {
    std::string name, unit, description;
    std::function<double(const Row&)> get;
};

template <class Row>
struct TextColumn {
    std::string name, description;
    std::function<std::string(const Row&)> get;
};

/// 0, 1, ... n - 1: the scale of an axis of numbered rows.
inline std::vector<std::int64_t> count_to(std::size_t n) {
    std::vector<std::int64_t> out(n);
    for (std::size_t i = 0; i < n; ++i) out[i] = static_cast<std::int64_t>(i);
    return out;
}

/// get(row) of every row.
template <class Row, class Get>
auto gather(const std::vector<Row>& rows, Get get) {
    std::vector<decltype(get(rows.front()))> out;
    for (const Row& row : rows) out.push_back(get(row));
    return out;
}

}  // namespace prefdyn
