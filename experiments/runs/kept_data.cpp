#include "experiments/runs/kept_data.hpp"

#include <algorithm>
#include <numeric>

#include "experiments/results/columns.hpp"
#include "sim/base/failure.hpp"
#include "sim/base/numerics.hpp"

namespace prefdyn {

namespace {

constexpr double kMostBytes = 2147483648.0;

/// PaddedRows of one length, the missing ones NaN.
class PaddedRows {
  public:
    PaddedRows(std::size_t rows, std::size_t columns)
        : columns_(columns), values_(rows * columns, kNan) {}
    template <class Row>
    void put(std::size_t row, const Row& values) {
        std::ranges::copy(values, values_.data() + row * columns_);
    }
    std::vector<double> take() { return std::move(values_); }

  private:
    std::size_t columns_;
    std::vector<double> values_;
};

}  // namespace

void declare_keep_data(ParameterTable& table, bool& keep) {
    table.flag("keep-data", &keep,
               "keep features, labels, and at each record margins and v in the file");
}

void KeptShape::grow(const KeptShape& other) {
    records = std::max(records, other.records);
    samples = std::max(samples, other.samples);
    dimension = std::max(dimension, other.dimension);
}

std::vector<Field> kept_fields(const std::vector<std::string>& run, bool behaviours) {
    const auto field = [&](const char* name, std::vector<std::string> own, const char* unit,
                           const char* words) {
        own.insert(own.begin(), run.begin(), run.end());
        return real_field(name, std::move(own), unit, std::string(words) + " (--keep-data)");
    };
    std::vector<Field> out = {
        field("data_features", {"sample", "dimension"}, "feature units",
              "g_i that the run was trained on"),
        field("data_labels", {"sample"}, "", "s_i, +1 or -1"),
        field("data_margins", {"record", "sample"}, "", "m_i = 2 beta s_i v . g_i at the record"),
        field("data_head", {"record", "dimension"}, "",
              "v at the record: W - W_0 = (e_Y - e_N) v^T"),
    };
    if (behaviours)
        out.push_back(field("data_behaviour", {"sample"}, "", "the row's behaviour, from 1"));
    return out;
}

std::vector<Field> kept_scales() {
    return {
        integer_field("sample", {"sample"}, "", "number of the sample; shorter runs end in NaN"),
        integer_field("dimension", {"dimension"}, "", "number of the coordinate")};
}

void put_kept_scales(ResultWriter& writer, const KeptShape& shape) {
    writer.put("sample", count_to(shape.samples));
    writer.put("dimension", count_to(shape.dimension));
}

std::vector<std::size_t> kept_lengths(const KeptShape& s) {
    std::vector<std::size_t> out = {s.samples * s.dimension, s.samples, s.records * s.samples,
                                    s.records * s.dimension};
    if (s.behaviours) out.push_back(s.samples);
    return out;
}

std::vector<std::vector<double>> kept_values(const Dataset& data, const Trajectory& trajectory,
                                             const KeptShape& shape) {
    PaddedRows features(shape.samples, shape.dimension), labels(1, shape.samples);
    PaddedRows margins(shape.records, shape.samples), heads(shape.records, shape.dimension);
    for (Index i = 0; i < data.samples(); ++i)
        features.put(static_cast<std::size_t>(i), data.features.row(i));
    labels.put(0, data.label);
    for (std::size_t k = 0; k < std::min(shape.records, trajectory.records.size()); ++k) {
        margins.put(k, trajectory.records[k].margin);
        heads.put(k, trajectory.records[k].theta);
    }
    std::vector<std::vector<double>> out = {features.take(), labels.take(), margins.take(),
                                            heads.take()};
    if (shape.behaviours) {
        PaddedRows numbers(1, shape.samples);
        numbers.put(0, gather(data.behaviour, [](auto k) { return static_cast<double>(k) + 1.0; }));
        out.push_back(numbers.take());
    }
    return out;
}

void require_kept_fits(const KeptShape& shape, double runs) {
    double numbers = 0.0;
    for (const std::size_t length : kept_lengths(shape)) numbers += static_cast<double>(length);
    const double bytes = 8.0 * runs * numbers;
    if (bytes > kMostBytes)
        throw InputError("keep-data: the data of " + format_real(runs) + " runs take " +
                             format_real(bytes / 1073741824.0) + " GiB, 2 are allowed",
                         "fewer runs, points or behaviours, or fewer records");
}

void refuse_dense_head() {
    throw InputError("keep-data: the dense engine trains a whole head, there is no v",
                     "use --engine reduced");
}

}  // namespace prefdyn
