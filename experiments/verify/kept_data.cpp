#include "experiments/verify/kept_data.hpp"

#include <algorithm>

#include "experiments/results/columns.hpp"

namespace prefdyn {

std::vector<Field> kept_data_fields() { return fields_of(kept_scales(), kept_fields({"run"})); }

void put_kept_data(ResultWriter& writer, const Verification& v) {
    const bool kept =
        std::ranges::any_of(v.runs, [](const RunResult& r) { return r.data.samples() > 0; });
    if (!kept) return;
    KeptShape shape;
    for (const RunResult& run : v.runs) {
        if (run.config.engine == EngineKind::kDense) refuse_dense_head();
        shape.grow({run.trajectory.records.size(), static_cast<std::size_t>(run.data.samples()),
                    static_cast<std::size_t>(run.data.dimension())});
    }
    require_kept_fits(shape, static_cast<double>(v.runs.size()));
    const std::vector<Field> fields = kept_fields({"run"});
    std::vector<std::vector<double>> all(fields.size());
    for (const RunResult& run : v.runs) {
        const auto own = kept_values(run.data, run.trajectory, shape);
        for (std::size_t f = 0; f < all.size(); ++f)
            all[f].insert(all[f].end(), own[f].begin(), own[f].end());
    }
    put_kept_scales(writer, shape);
    for (std::size_t f = 0; f < all.size(); ++f) writer.put(fields[f].name, std::move(all[f]));
}

}  // namespace prefdyn
