#include "experiments/finetune/run_file.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "experiments/results/columns.hpp"
#include "sim/base/numerics.hpp"
#include "theory/principal_axes.hpp"

namespace prefdyn {

namespace {

constexpr Index kAxes = 2;

/// A behaviour within a run.
struct PartRow {
    std::size_t run, part;
    const TrainedRun* of;
    const FinetuneRun& values() const { return of->run; }
};

std::vector<PartRow> parts_of(const std::vector<TrainedRun>& runs) {
    std::vector<PartRow> out;
    for (std::size_t r = 0; r < runs.size(); ++r)
        for (std::size_t p = 0; p < runs[r].run.behaviour.size(); ++p)
            out.push_back({r, p, &runs[r]});
    return out;
}

const std::vector<TextColumn<TrainedRun>>& run_columns() {
    using R = const TrainedRun&;
    static const std::vector<TextColumn<TrainedRun>> columns = {
        {"run", "name of a training run", [](R r) { return r.run.name; }},
        {"run_method", "what was trained: full, lora or head", [](R r) { return r.method; }},
        {"run_start", "the model training started from, its reference: base or aligned",
         [](R r) { return r.run.start; }},
        {"run_labels", "as in the data, or flipped: chosen and rejected exchanged",
         [](R r) { return std::string(r.flipped ? "flipped" : "data"); }},
        {"run_stopped", "what was not finite, with the update; empty if the run completed",
         [](R r) { return r.run.stopped; }},
    };
    return columns;
}

const std::vector<TextColumn<PartRow>>& part_columns() {
    using P = const PartRow&;
    static const std::vector<TextColumn<PartRow>> columns = {
        {"part", "a behaviour within a run",
         [](P p) { return p.values().name + ": " + p.values().behaviour[p.part]; }},
        {"part_behaviour", "the behaviour", [](P p) { return p.values().behaviour[p.part]; }},
    };
    return columns;
}

const std::vector<Measured<finetune::UpdateRecord>>& update_measures() {
    using U = const finetune::UpdateRecord&;
    static const auto all = [] {
        std::vector<Measured<finetune::UpdateRecord>> out = {
            {measure_as("update_epoch", "epoch", "after the update"), [](U u) { return u.epoch; }},
            {"update_learning_rate", [](U u) { return u.learning_rate; }},
            {"update_grad_norm", [](U u) { return u.grad_norm; }},
            {"update_num_tokens", [](U u) { return u.num_tokens; }},
        };
        for (const auto& m : pair_measures())
            out.push_back({measure_as("update_" + m.measure.name, m.measure.name,
                                      "the minibatch before its update"),
                           [get = m.get](U u) { return get(u.batch); }});
        return out;
    }();
    return all;
}

std::vector<std::string> places_of(const finetune::GradientSplit& split) {
    std::vector<std::string> out = {"embedding"};
    for (std::size_t i = 0; i < split.layers.size(); ++i)
        out.push_back("layer " + std::to_string(i));
    out.insert(out.end(), {"final norm", "head", "tied"});
    return out;
}

std::vector<double> squares_of(const finetune::GradientSplit& split) {
    std::vector<double> out = {split.embedding};
    out.insert(out.end(), split.layers.begin(), split.layers.end());
    out.insert(out.end(), {split.final_norm, split.head, split.tied});
    return out;
}

Field real(const std::string& name, std::vector<std::string> axes, const std::string& unit,
           const std::string& description) {
    return real_field(name, std::move(axes), unit, description);
}

/// The values of every row, filled up with NaN to one length.
struct Padded {
    std::size_t length = 0;
    std::vector<std::vector<double>> rows;

    void add(std::vector<double> row) {
        length = std::max(length, row.size());
        rows.push_back(std::move(row));
    }
    std::vector<double> flat(std::size_t wanted) const {
        std::vector<double> out;
        for (const auto& row : rows) {
            out.insert(out.end(), row.begin(), row.end());
            out.resize(out.size() + wanted - row.size(), kNan);
        }
        return out;
    }
};

void put_runs(ResultWriter& writer, const std::vector<TrainedRun>& runs) {
    for (const auto& column : run_columns()) writer.put(column.name, gather(runs, column.get));
    writer.put("run_seed",
               gather(runs, [](const TrainedRun& r) { return static_cast<std::int64_t>(r.seed); }));
    std::size_t most = 0;
    for (const TrainedRun& r : runs) most = std::max(most, r.run.updates.size());
    std::vector<std::int64_t> numbers = count_to(most);
    for (std::int64_t& k : numbers) ++k;
    writer.put("update", numbers);
    for (const auto& m : update_measures()) {
        Padded all;
        for (const TrainedRun& r : runs) all.add(gather(r.run.updates, m.get));
        writer.put(m.measure.name, all.flat(most));
    }
}

void put_parts(ResultWriter& writer, const std::vector<PartRow>& parts) {
    for (const auto& column : part_columns()) writer.put(column.name, gather(parts, column.get));
    writer.put("part_run",
               gather(parts, [](const PartRow& p) { return static_cast<std::int64_t>(p.run); }));
    std::size_t records = 0;
    for (const PartRow& p : parts) records = std::max(records, p.values().step.size());
    writer.put("record", count_to(records));
    Padded step, change;
    for (const PartRow& p : parts) {
        step.add({p.values().step.begin(), p.values().step.end()});
        change.add(p.values().weight_change);
    }
    writer.put("step", step.flat(records));
    writer.put("weight_change", change.flat(records));
    for (std::size_t m = 0; m < behaviour_measures().size(); ++m) {
        Padded all;
        for (const PartRow& p : parts) {
            all.add({});
            const FinetuneRun& run = p.values();
            for (std::size_t k = 0; k < run.step.size(); ++k)
                all.rows.back().push_back(run.measures[k * run.behaviour.size() + p.part][m]);
        }
        writer.put(behaviour_measures()[m].measure.name, all.flat(records));
    }
}

void put_slopes(ResultWriter& writer, const std::vector<PartRow>& parts) {
    writer.put("place", places_of(parts.front().values().slope[parts.front().part]));
    std::vector<double> squares, t1;
    for (const PartRow& p : parts) {
        const auto row = squares_of(p.values().slope[p.part]);
        squares.insert(squares.end(), row.begin(), row.end());
        t1.push_back(p.values().head_slope_t1[p.part]);
    }
    writer.put("initial_slope", squares);
    writer.put("initial_slope_head_t1", t1);
}

/// Along the embeddings' own first axes, before or after.
void put_projections(ResultWriter& writer, const std::vector<PartRow>& parts) {
    std::size_t longest = 0;
    for (const PartRow& p : parts) longest = std::max(longest, p.values().label[p.part].size());
    writer.put("prompt", count_to(longest));
    writer.put("axis", count_to(static_cast<std::size_t>(kAxes)));
    Padded label, all[2];
    for (const PartRow& p : parts) {
        const auto& own = p.values().label[p.part];
        label.add({own.begin(), own.end()});
        const std::vector<transformer::RowsF>* when[] = {&p.values().before, &p.values().after};
        for (int k = 0; k < 2; ++k) {
            all[k].add({});
            if (when[k]->empty()) continue;  // the run stopped
            Dataset data;
            data.features = (*when[k])[p.part].cast<double>();
            data.label = own;
            const Matrix projection = theory::principal_axes(data, kAxes).projection;
            for (Index i = 0; i < projection.rows(); ++i)
                for (Index j = 0; j < kAxes; ++j)
                    all[k].rows.back().push_back(j < projection.cols() ? projection(i, j) : kNan);
        }
    }
    writer.put("label", label.flat(longest));
    writer.put("projection_before", all[0].flat(longest * kAxes));
    writer.put("projection_after", all[1].flat(longest * kAxes));
}

}  // namespace

std::vector<Field> finetune_fields() {
    std::vector<Field> out;
    const auto text = [](const std::string& name, const std::string& axis,
                         const std::string& description) {
        return text_field(name, {axis}, description);
    };
    const auto integer = [](const std::string& name, const std::string& axis,
                            const std::string& description) {
        return integer_field(name, {axis}, "", description);
    };
    for (const auto& c : run_columns()) out.push_back(text(c.name, "run", c.description));
    out.push_back(integer("run_seed", "run", "seed of batches and of adapters"));
    out.push_back(integer_field("update", {"update"}, "updates", "number of an update"));
    for (const auto& m : update_measures()) out.push_back(field_of(m.measure, {"run", "update"}));
    for (const auto& c : part_columns()) out.push_back(text(c.name, "part", c.description));
    out.push_back(integer("part_run", "part", "its place in the axis of runs, from 0"));
    out.push_back(integer("record", "record", "number of an evaluation"));
    for (const char* name : {"step", "weight_change"})
        out.push_back(field_of(measure(name), {"part", "record"}));
    for (const auto& m : behaviour_measures())
        out.push_back(field_of(m.measure, {"part", "record"}));
    out.push_back(text("place", "place", "where a part of the gradient is"));
    out.push_back(real("initial_slope", {"part", "place"}, "1 / time",
                       "squared norm of the gradient of the behaviour's loss before training; the "
                       "sum is -L'(0) under gradient flow; head and embedding apart even if they "
                       "are one tensor, 'tied' is what that adds"));
    out.push_back(real("initial_slope_head_t1", {"part"}, "1 / time",
                       "what T1 says of the head's part, 2 beta^2 phi'(0)^2 ||zbar||^2; NaN unless "
                       "answers are two classes of one token and the loss one of the margin"));
    out.push_back(integer("prompt", "prompt", "number of a training prompt"));
    out.push_back(integer("axis", "axis", "principal axis"));
    out.push_back(real("label", {"part", "prompt"}, "", "+1 or -1; 0: no two classes"));
    out.push_back(real("projection_before", {"part", "prompt", "axis"}, "feature units",
                       "final embedding minus the mean, along the first principal axes, before"));
    out.push_back(real("projection_after", {"part", "prompt", "axis"}, "feature units",
                       "the same after training, along its own axes"));
    return out;
}

void write_runs(const std::string& path, const std::vector<TrainedRun>& runs,
                const std::string& command, const ParameterTable& options, Device device,
                double wall_seconds, const std::vector<std::pair<std::string, std::string>>& more,
                const MoreFields& beside) {
    std::vector<Field> fields = finetune_fields();
    fields.insert(fields.end(), beside.fields.begin(), beside.fields.end());
    ResultWriter writer(fields);
    const std::vector<PartRow> parts = parts_of(runs);
    put_runs(writer, runs);
    put_parts(writer, parts);
    put_slopes(writer, parts);
    put_projections(writer, parts);
    if (beside.put) beside.put(writer);
    publish_results(writer, path, command, options, device, wall_seconds, more);
}

}  // namespace prefdyn
