#include "sim/data/split.hpp"

#include <algorithm>
#include <boost/random/uniform_int_distribution.hpp>
#include <cmath>
#include <numeric>

#include "sim/base/failure.hpp"
#include "sim/base/stream.hpp"

namespace prefdyn {

namespace {

void shuffle(std::vector<Index>& rows, Stream& stream) {
    for (std::size_t k = rows.size(); k > 1; --k) {
        boost::random::uniform_int_distribution<std::size_t> pick(0, k - 1);
        std::swap(rows[k - 1], rows[pick(stream)]);
    }
}

/// The first floor((1 - held_out) |rows|) of the shuffled rows train.
void deal(std::vector<Index> rows, double held_out, Stream& stream, SplitRows& out) {
    shuffle(rows, stream);
    const double size = static_cast<double>(rows.size());
    // 0.9 * 1000 is 900 for the user, whatever 1 - 0.1 is in binary.
    const auto cut = static_cast<std::ptrdiff_t>(std::floor((1.0 - held_out) * size + 1e-9 * size));
    out.train.insert(out.train.end(), rows.begin(), rows.begin() + cut);
    out.held_out.insert(out.held_out.end(), rows.begin() + cut, rows.end());
}

void require_classes(const Dataset& data, const std::vector<Index>& rows, const char* part) {
    const bool classes =
        std::any_of(data.label.begin(), data.label.end(), [](auto s) { return s; });
    if (rows.empty() || !classes) return;
    const auto plus = std::count_if(rows.begin(), rows.end(), [&](Index i) {
        return data.label[static_cast<std::size_t>(i)] > 0;
    });
    if (plus > 0 && plus < static_cast<std::ptrdiff_t>(rows.size())) return;
    throw InputError(data.name + ": the " + part + " rows, " + std::to_string(rows.size()) +
                         " in all, have one class only",
                     "--split stratified, another --held-out, or more data");
}

}  // namespace

SplitRows split_rows(const Dataset& data, double held_out, SplitKind kind, std::uint64_t seed,
                     std::uint64_t index) {
    std::vector<Index> all(static_cast<std::size_t>(data.samples()));
    std::iota(all.begin(), all.end(), Index{0});
    Stream stream(seed, Purpose::kSplit, index);
    SplitRows out;
    if (kind == SplitKind::kStratified) {
        const auto minus = std::stable_partition(all.begin(), all.end(), [&](Index i) {
            return data.label[static_cast<std::size_t>(i)] > 0;
        });
        deal({all.begin(), minus}, held_out, stream, out);
        deal({minus, all.end()}, held_out, stream, out);
    } else {
        deal(std::move(all), held_out, stream, out);
    }
    std::sort(out.train.begin(), out.train.end());
    std::sort(out.held_out.begin(), out.held_out.end());
    require_classes(data, out.train, "training");
    require_classes(data, out.held_out, "held-out");
    return out;
}

Dataset select(const Dataset& data, const std::vector<Index>& rows) {
    Dataset out;
    out.name = data.name;
    out.features = data.features(rows, Eigen::seqN(0, data.features.cols()));
    const auto pick = [&](const auto& from, auto& to) {
        if (from.empty()) return;
        for (const Index i : rows) to.push_back(from[static_cast<std::size_t>(i)]);
    };
    pick(data.label, out.label);
    pick(data.category, out.category);
    pick(data.behaviour, out.behaviour);
    return out;
}

}  // namespace prefdyn
