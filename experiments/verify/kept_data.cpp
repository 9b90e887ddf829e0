#include "experiments/verify/kept_data.hpp"

#include <algorithm>

#include "experiments/results/columns.hpp"
#include "sim/base/failure.hpp"
#include "sim/base/numerics.hpp"

namespace prefdyn {

void declare_keep_data(ParameterTable& table, bool& keep) {
    table.flag("keep-data", &keep,
               "keep features, labels, and at each record margins and v in the file");
}

std::vector<Field> kept_data_fields() {
    return {
        integer_field("sample", {"sample"}, "", "number of the sample; shorter runs end in NaN"),
        integer_field("dimension", {"dimension"}, "", "number of the coordinate"),
        real_field("data_features", {"run", "sample", "dimension"}, "feature units",
                   "g_i that the run was trained on (--keep-data)"),
        real_field("data_labels", {"run", "sample"}, "", "s_i, +1 or -1 (--keep-data)"),
        real_field("data_margins", {"run", "record", "sample"}, "",
                   "m_i = 2 beta s_i v . g_i at the record (--keep-data)"),
        real_field("data_head", {"run", "record", "dimension"}, "",
                   "v at the record: W - W_0 = (e_Y - e_N) v^T (--keep-data)"),
    };
}

namespace {

constexpr double kMostBytes = 2147483648.0;

/// The longest run's sizes.
struct Sizes {
    std::size_t runs = 0, records = 0, samples = 0, dimension = 0;
};

Sizes sizes_of(const std::vector<RunResult>& runs) {
    Sizes out{runs.size()};
    for (const RunResult& run : runs) {
        out.records = std::max(out.records, run.trajectory.records.size());
        out.samples = std::max(out.samples, static_cast<std::size_t>(run.data.samples()));
        out.dimension = std::max(out.dimension, static_cast<std::size_t>(run.data.dimension()));
    }
    return out;
}

void require_fits(const Sizes& s) {
    const auto product = [](auto... sizes) { return (static_cast<double>(sizes) * ...); };
    const double numbers = product(s.runs, s.samples, s.dimension) +
                           product(s.runs, s.records, s.samples) +
                           product(s.runs, s.records, s.dimension);
    if (8.0 * numbers > kMostBytes)
        throw InputError("keep-data: the data of " + std::to_string(s.runs) + " runs take " +
                             format_real(8.0 * numbers / 1073741824.0) + " GiB, 2 are allowed",
                         "select one run with simulate, or fewer records");
}

/// Rows of runs of any length, side by side.
class Table {
  public:
    Table(std::size_t runs, std::size_t rows, std::size_t columns)
        : rows_(rows), columns_(columns), values_(runs * rows * columns, kNan) {}
    template <class Row>
    void put(std::size_t run, std::size_t row, const Row& values) {
        for (Index k = 0; k < values.size(); ++k)
            values_[(run * rows_ + row) * columns_ + static_cast<std::size_t>(k)] = values(k);
    }
    std::vector<double> take() { return std::move(values_); }

  private:
    std::size_t rows_, columns_;
    std::vector<double> values_;
};

}  // namespace

void put_kept_data(ResultWriter& writer, const Verification& v) {
    const bool kept =
        std::ranges::any_of(v.runs, [](const RunResult& r) { return r.data.samples() > 0; });
    if (!kept) return;
    for (const RunResult& run : v.runs)
        if (run.config.engine == EngineKind::kDense)
            throw InputError("keep-data: the dense engine trains a whole head, there is no v",
                             "use --engine reduced");
    const Sizes s = sizes_of(v.runs);
    require_fits(s);
    Table features(s.runs, s.samples, s.dimension), labels(s.runs, 1, s.samples);
    Table margins(s.runs, s.records, s.samples), heads(s.runs, s.records, s.dimension);
    for (std::size_t r = 0; r < s.runs; ++r) {
        const Dataset& data = v.runs[r].data;
        for (Index i = 0; i < data.samples(); ++i)
            features.put(r, static_cast<std::size_t>(i), data.features.row(i));
        labels.put(r, 0,
                   Vector(Eigen::Map<const Eigen::Matrix<std::int8_t, Eigen::Dynamic, 1>>(
                              data.label.data(), data.samples())
                              .cast<double>()));
        const auto& records = v.runs[r].trajectory.records;
        for (std::size_t k = 0; k < records.size(); ++k) {
            margins.put(r, k, records[k].margin);
            heads.put(r, k, records[k].theta);
        }
    }
    writer.put("sample", count_to(s.samples));
    writer.put("dimension", count_to(s.dimension));
    writer.put("data_features", features.take());
    writer.put("data_labels", labels.take());
    writer.put("data_margins", margins.take());
    writer.put("data_head", heads.take());
}

}  // namespace prefdyn
