#include "experiments/sweep/merge.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>

#include "experiments/program/progress.hpp"
#include "experiments/results/columns.hpp"
#include "experiments/results/provenance.hpp"
#include "experiments/results/publish.hpp"
#include "experiments/sweep/folder.hpp"
#include "sim/base/cancel.hpp"
#include "sim/base/failure.hpp"
#include "sim/base/numerics.hpp"

namespace prefdyn::sweep {

namespace {

enum : std::int64_t { kMissing = 0, kFinished = 1, kFailed = 2 };

/// The key as a dataset's name; `config_KEY` where a column has that name.
std::string key_name(const Spec& spec, const std::string& key) {
    std::string name = key;
    std::ranges::replace(name, '-', '_');
    std::vector<std::string> taken =
        gather(spec.columns(), [](const RowColumn& column) { return column.field.name; });
    if (spec.kept)
        for (const Field& scale : kept_scales()) taken.push_back(scale.name);
    return std::ranges::count(taken, name) > 0 ? "config_" + name : name;
}

Parameter parameter_of(const Spec& spec, const std::string& key) {
    return *spec.experiment->make()->table().find(key);
}

FieldType type_of(const Parameter& p) {
    return p.type == ParameterType::kReal      ? FieldType::kReal
           : p.type == ParameterType::kInteger ? FieldType::kInteger
                                               : FieldType::kText;
}

/// Names of the points' axes, `replicate` last.
std::vector<std::string> point_axes(const Spec& spec) {
    std::vector<std::string> out;
    if (spec.design == Design::kGrid)
        for (const Axis& axis : spec.axes) out.push_back(key_name(spec, axis.keys.front()));
    else
        out.push_back("point");
    out.push_back("replicate");
    return out;
}

/// What a key that is not the same at every point is along its axes.
struct KeyColumn {
    std::string key;
    std::vector<std::size_t> axes;                  ///< numbers in the points' shape, ascending
    std::vector<std::optional<std::string>> texts;  ///< none where no value is allowed
};

/// The keys that an axis or a design changes.
std::vector<KeyColumn> source_columns(const Spec& spec) {
    std::vector<KeyColumn> out;
    for (std::size_t a = 0; a < spec.axes.size(); ++a)
        for (std::size_t k = 0; k < spec.axes[a].keys.size(); ++k) {
            const auto& values = spec.axes[a].values[k];
            out.push_back({spec.axes[a].keys[k], {a}, {values.begin(), values.end()}});
        }
    const RowMatrix unit = design_matrix(spec);
    for (std::size_t k = 0; k < spec.random.size(); ++k) {
        out.push_back({spec.random[k].key, {0}, {}});
        for (Index i = 0; i < unit.rows(); ++i)
            out.back().texts.emplace_back(
                value_at(spec.random[k].range, unit(i, static_cast<Index>(k))));
    }
    return out;
}

/// Where an element of a column along `axes` lies in one along `inner`, some of them.
std::size_t place_in(std::size_t element, const std::vector<std::size_t>& axes,
                     const std::vector<std::size_t>& inner, const std::vector<std::size_t>& shape) {
    std::size_t out = 0, stride = 1;
    for (auto axis = axes.rbegin(); axis != axes.rend(); ++axis) {
        if (std::ranges::count(inner, *axis) > 0) {
            out += element % shape[*axis] * stride;
            stride *= shape[*axis];
        }
        element /= shape[*axis];
    }
    return out;
}

/// What every key is at the points, those that follow by expressions too; along no axis where it is
/// the same at all of them.
class KeyColumns {
  public:
    explicit KeyColumns(const Spec& spec)
        : spec_(spec), shape_(spec.shape()), model_(spec.experiment->make()) {
        for (const auto& [key, value] : spec.fixed) table().find(key)->set(value);
        for (KeyColumn& column : source_columns(spec)) {
            varied_.push_back(column.key);
            known_.emplace(column.key, std::move(column));
        }
    }

    /// Of the keys that change: those of the axes first.
    std::vector<KeyColumn> take() {
        for (const ExpressionKey& e : spec_.expressions)
            if (!of(e.key).axes.empty()) varied_.push_back(e.key);
        return gather(varied_, [&](const std::string& key) { return std::move(known_.at(key)); });
    }

  private:
    ParameterTable& table() { return model_->table(); }

    const KeyColumn& of(const std::string& key) {
        if (const auto found = known_.find(key); found != known_.end()) return found->second;
        const ExpressionKey* e = spec_.expression_of(key);
        return known_
            .emplace(key, e ? followed(*e) : KeyColumn{key, {}, {table().find(key)->get()}})
            .first->second;
    }

    KeyColumn followed(const ExpressionKey& e) {
        std::set<std::size_t> axes;
        for (const std::string& name : e.expression.keys())
            axes.insert(of(name).axes.begin(), of(name).axes.end());
        KeyColumn out{e.key, {axes.begin(), axes.end()}, {}};
        std::size_t size = 1;
        for (const std::size_t axis : axes) size *= shape_[axis];
        for (std::size_t k = 0; k < size; ++k) out.texts.push_back(text_at(e, k, out.axes));
        return out;
    }

    std::optional<std::string> text_at(const ExpressionKey& e, std::size_t element,
                                       const std::vector<std::size_t>& axes) try {
        const auto value_of = [&](const std::string& name) {
            const KeyColumn& column = of(name);
            const auto& text = column.texts[place_in(element, axes, column.axes, shape_)];
            return text ? *text : throw InputError(name + " has no value there");
        };
        Parameter parameter = *table().find(e.key);
        if (!parameter.set(evaluate(e.expression, value_of, e.integer)).empty()) return {};
        return parameter.get();
    } catch (const InputError&) {
        return {};
    }

    const Spec& spec_;
    std::vector<std::size_t> shape_;
    std::unique_ptr<Model> model_;
    std::map<std::string, KeyColumn> known_;
    std::vector<std::string> varied_;
};

std::vector<KeyColumn> key_columns(const Spec& spec) { return KeyColumns(spec).take(); }

/// No integer says "none".
FieldType type_of(const Parameter& p, const KeyColumn& column) {
    const bool complete =
        std::ranges::all_of(column.texts, [](const auto& text) { return text.has_value(); });
    return complete ? type_of(p) : FieldType::kReal;
}

/// All points' numbers, measure by measure.
class Table {
  public:
    explicit Table(const Spec& spec) : columns_(spec.columns()), outcomes_(spec) {
        const std::size_t n = spec.size();
        status_.assign(n, kMissing);
        run_id_.resize(n);
        from_.resize(n);
        for (const RowColumn& c : columns_) values_.emplace_back(n * c.length, kNan);
    }

    /// Says what is to be said of a point that is there already.
    std::string put(const PointRecord& r, const std::string& path) {
        if (status_[r.point] != kMissing) return compared(r, path);
        if (files_.empty() || files_.back() != path) files_.push_back(path);
        from_[r.point] = files_.size() - 1;
        outcomes_.add(r);
        status_[r.point] = r.failed() ? kFailed : kFinished;
        run_id_[r.point] = r.run_id;
        if (r.failed()) reason_[r.point] = r.reason;
        const double* from = r.values.data();
        for (std::size_t c = 0; c < columns_.size(); from += columns_[c].length, ++c)
            std::copy_n(from, columns_[c].length, cell(c, r.point));
        return {};
    }

    /// Moves everything into the writer.
    void give(ResultWriter& writer) {
        writer.put("point_status", std::move(status_));
        writer.put("run_id", std::move(run_id_));
        for (std::size_t c = 0; c < columns_.size(); ++c)
            writer.put(columns_[c].field.name, std::move(values_[c]));
        std::vector<std::int64_t> failed;
        std::vector<std::string> reasons;
        for (const auto& [point, reason] : reason_) {
            failed.push_back(static_cast<std::int64_t>(point));
            reasons.push_back(reason);
        }
        writer.put("failed_point", std::move(failed));
        writer.put("failed_reason", std::move(reasons));
    }

    const std::vector<std::int64_t>& status() const { return status_; }
    const std::map<std::size_t, std::string>& reasons() const { return reason_; }
    std::vector<ClaimOutcomes> take_outcomes() { return outcomes_.take(); }
    const EtaRange& eta() const { return outcomes_.eta(); }

  private:
    double* cell(std::size_t c, std::size_t point) {
        return values_[c].data() + point * columns_[c].length;
    }

    /// The largest difference from what is there; NaN counts as a number of its own.
    double difference(const PointRecord& r) {
        if (r.failed() != (status_[r.point] == kFailed)) return kInfinity;
        double out = 0.0;
        const double* from = r.values.data();
        for (std::size_t c = 0; c < columns_.size(); from += columns_[c].length, ++c) {
            const double* have = cell(c, r.point);
            for (std::size_t k = 0; k < columns_[c].length; ++k)
                out = std::max(out, apart(from[k], have[k]));
        }
        return out;
    }
    /// Relative to the larger if that is above 1.
    static double apart(double a, double b) {
        if (a == b || (std::isnan(a) && std::isnan(b))) return 0.0;
        const double scale = std::max({std::fabs(a), std::fabs(b), 1.0});
        const double out = std::fabs(a - b) / scale;
        return std::isfinite(out) ? out : kInfinity;
    }

    std::string compared(const PointRecord& r, const std::string& path) {
        const double apart = difference(r);
        const std::string where = "point " + std::to_string(r.point) + " is in " +
                                  files_[from_[r.point]] + " and, with other numbers, in " + path;
        if (!(apart <= kPointRounding))
            throw InputError(where + ": they differ by " + format_real(apart) + ", more than " +
                                 format_real(kPointRounding) + " that rounding explains",
                             "`prefdyn status` says which versions and machines the segments are "
                             "of; delete one of the two");
        if (apart == 0.0 && run_id_[r.point] == r.run_id) return {};
        return where + ": they differ by " + format_real(apart) + ", the first is taken";
    }

    std::vector<RowColumn> columns_;
    OutcomeCounter outcomes_;
    std::vector<std::int64_t> status_;
    std::vector<std::string> run_id_;
    std::vector<std::string> files_;
    std::vector<std::size_t> from_;  ///< of a point, in files_
    std::vector<std::vector<double>> values_;
    std::map<std::size_t, std::string> reason_;
};

/// Points the machine failed at, until they are finished.
using Again = std::map<std::size_t, std::string>;

/// Calls `take(record, path)` for every point; segments it cannot read become `damaged`. `each` is
/// given the path and the origin of every other.
template <class Take, class Each>
FolderState visit(const std::string& folder, const Spec& spec, Again& again, Take take, Each each) {
    const Segments segments = find_segments(folder);
    FolderState out;
    out.points = spec.size();
    out.unfinished = segments.unfinished;
    out.foreign = segments.foreign;
    Progress progress("segments", segments.files.size());
    for (const std::string& path : segments.files) {
        stop_if_requested();
        std::vector<PointRecord> records;
        Provenance origin;
        try {
            records = read_segment(path, spec, &origin);
        } catch (const InputError& error) {
            out.damaged.push_back(error.what());
            continue;
        }
        ++out.segments;
        out.origins.add(origin);
        each(path, origin);
        for (const PointRecord& r : records)
            if (r.again)
                again[r.point] = r.reason;
            else
                take(r, path);
        progress.advance();
    }
    return out;
}

void count(FolderState& out, const std::vector<std::int64_t>& status,
           const std::map<std::size_t, std::string>& reasons, const Again& again) {
    for (std::size_t p = 0; p < status.size(); ++p) {
        out.finished += status[p] == kFinished ? 1 : 0;
        out.failed += status[p] == kFailed ? 1 : 0;
        if (status[p] != kMissing) continue;
        if (!out.missing.empty() && out.missing.back().second + 1 == p)
            out.missing.back().second = p;
        else
            out.missing.emplace_back(p, p);
    }
    for (const auto& [point, reason] : reasons) ++out.reasons[reason];
    for (const auto& [point, reason] : again)
        if (status[point] == kMissing) ++out.machine[reason];
}

const std::vector<std::string> kOriginColumns = {"version",    "commit", "commit_dirty", "compiler",
                                                 "arithmetic", "device", "host"};

/// A row a segment.
class OriginColumns {
  public:
    void add(const std::string& path, const Provenance& origin) {
        name_.push_back(std::filesystem::path(path).filename().string());
        for (std::size_t k = 0; k < kOriginColumns.size(); ++k)
            values_[k].push_back(value_of(origin, kOriginColumns[k]));
    }
    void give(ResultWriter& writer) {
        writer.put("segment", std::move(name_));
        for (std::size_t k = 0; k < kOriginColumns.size(); ++k)
            writer.put("segment_" + kOriginColumns[k], std::move(values_[k]));
    }

  private:
    std::vector<std::string> name_;
    std::vector<std::vector<std::string>> values_{kOriginColumns.size()};
};

/// The attributes of every result file, of those who computed the points; `merged_by` is this
/// program.
void put_provenance(const Origins& origins, ResultWriter& writer) {
    for (const auto& [key, value] : provenance(Device::kCpu))
        writer.attribute(key, key == "threads" || key == "written" ? value : origins.all_of(key));
    writer.attribute("merged_by", program_name());
}

ResultWriter::Values axis_values(FieldType type,
                                 const std::vector<std::optional<std::string>>& given) {
    const auto texts = gather(given, [](const auto& text) { return text.value_or("nan"); });
    if (type == FieldType::kText) return texts;
    if (type == FieldType::kReal)
        return gather(texts, [](const std::string& t) { return std::strtod(t.c_str(), nullptr); });
    return gather(texts, [](const std::string& t) { return std::int64_t{std::stoll(t)}; });
}

void put_axes(const Spec& spec, ResultWriter& writer) {
    if (spec.design != Design::kGrid) writer.put("point", count_to(spec.points));
    for (const KeyColumn& column : key_columns(spec))
        writer.put(key_name(spec, column.key),
                   axis_values(type_of(parameter_of(spec, column.key), column), column.texts));
    writer.put("replicate", count_to(spec.replicates));
    writer.put("record", count_to(spec.records));
    if (spec.kept) put_kept_scales(writer, *spec.kept);
}

}  // namespace

std::vector<Field> merged_fields(const Spec& spec) {
    const std::vector<std::string> axes = point_axes(spec);
    std::vector<Field> out;
    if (spec.design != Design::kGrid)
        out.push_back(integer_field("point", {"point"}, "", "number of the design point"));
    for (const KeyColumn& column : key_columns(spec)) {
        const Parameter p = parameter_of(spec, column.key);
        std::vector<std::string> along;
        for (const std::size_t axis : column.axes) along.push_back(axes[axis]);
        out.push_back({key_name(spec, column.key), along, type_of(p, column), p.unit, p.help});
    }
    out.push_back(integer_field("replicate", {"replicate"}, "", "number of the replicate"));
    out.push_back(integer_field("record", {"record"}, "", "number of the record"));
    out.push_back(integer_field("point_status", axes, "",
                                "0 missing, 1 finished, 2 failed (see failed_reason)"));
    out.push_back(text_field("run_id", axes, "UUID of config and dataset"));
    if (spec.kept)
        for (Field& scale : kept_scales()) out.push_back(std::move(scale));
    for (RowColumn& column : spec.columns()) {
        column.field.axes.insert(column.field.axes.begin(), axes.begin(), axes.end());
        out.push_back(std::move(column.field));
    }
    out.push_back(integer_field("failed_point", {"failed_point"}, "", "number of a point"));
    out.push_back(text_field("failed_reason", {"failed_point"}, "why it failed"));
    return out;
}

std::vector<Field> origin_fields() {
    std::vector<Field> out = {
        text_field("segment", {"segment"}, "file that finished points lay in")};
    for (const std::string& key : kOriginColumns)
        out.push_back(
            text_field("segment_" + key, {"segment"}, key + " of what wrote the segment"));
    return out;
}

FolderState folder_state(const std::string& folder, const Spec& spec) {
    std::vector<std::int64_t> status(spec.size(), kMissing);
    std::map<std::size_t, std::string> reasons;
    OutcomeCounter outcomes(spec);
    Again again;
    const auto take = [&](const PointRecord& r, const std::string&) {
        if (status[r.point] != kMissing) return;  // in two segments
        status[r.point] = r.failed() ? kFailed : kFinished;
        if (r.failed()) reasons[r.point] = r.reason;
        outcomes.add(r);
    };
    FolderState out = visit(folder, spec, again, take, [](const auto&, const auto&) {});
    count(out, status, reasons, again);
    out.claims = outcomes.take();
    out.eta = outcomes.eta();
    return out;
}

FolderState merge(const std::string& folder, const Spec& spec, const std::string& path) {
    Table table(spec);
    Again again;
    OriginColumns origins;
    std::vector<std::string> doubled;
    const auto take = [&](const PointRecord& r, const std::string& from) {
        if (std::string said = table.put(r, from); !said.empty())
            doubled.push_back(std::move(said));
    };
    FolderState out = visit(folder, spec, again, take,
                            [&](const auto& from, const auto& by) { origins.add(from, by); });
    out.doubled = std::move(doubled);
    count(out, table.status(), table.reasons(), again);
    out.claims = table.take_outcomes();
    out.eta = table.eta();
    std::vector<Field> fields = merged_fields(spec);
    for (const Field& field : origin_fields()) fields.push_back(field);
    ResultWriter writer(std::move(fields));
    put_axes(spec, writer);
    table.give(writer);
    origins.give(writer);
    writer.attribute("title", "prefdyn sweep");
    writer.attribute("spec", spec.canonical());
    writer.attribute("sweep", spec.id());
    writer.attribute("format_version", kFormatVersion);
    if (out.eta.varies()) writer.attribute("learning_rates", out.eta.words());
    put_provenance(out.origins, writer);
    make_folder_of(path);
    writer.publish(path);
    return out;
}

}  // namespace prefdyn::sweep
