#include "experiments/sweep/spec.hpp"

#include <algorithm>
#include <limits>

#include "experiments/results/columns.hpp"
#include "sim/base/content_hash.hpp"
#include "sim/base/failure.hpp"
#include "sim/base/stream.hpp"
#include "theory/registry.hpp"

namespace prefdyn::sweep {

const std::vector<std::string>& design_names() {
    static const std::vector<std::string> names = {"grid", "random", "sobol", "latin-hypercube"};
    return names;
}

std::vector<std::string> Spec::given(const std::string& key) const {
    for (const auto& [name, value] : fixed)
        if (name == key) return {value};
    for (const Axis& axis : axes)
        for (std::size_t k = 0; k < axis.keys.size(); ++k)
            if (axis.keys[k] == key) return axis.values[k];
    return {};
}

const ExpressionKey* Spec::expression_of(const std::string& key) const {
    const auto found = std::ranges::find(expressions, key, &ExpressionKey::key);
    return found == expressions.end() ? nullptr : &*found;
}

std::vector<std::size_t> Spec::shape() const {
    std::vector<std::size_t> out;
    if (design == Design::kGrid)
        for (const Axis& axis : axes) out.push_back(axis.size());
    else
        out.push_back(points);
    out.push_back(replicates);
    return out;
}

/// Saturates: a grid too large to count is too large to run.
std::size_t Spec::size() const {
    std::size_t out = 1;
    for (const std::size_t extent : shape())
        out = extent != 0 && out > std::numeric_limits<std::size_t>::max() / extent
                  ? std::numeric_limits<std::size_t>::max()
                  : out * extent;
    return out;
}

std::string Spec::canonical() const {
    std::string out = "experiment = " + experiment->name +
                      "\ndesign = " + design_names()[static_cast<std::size_t>(design)] +
                      (design == Design::kGrid ? "" : "\npoints = " + std::to_string(points)) +
                      "\nreplicates = " + std::to_string(replicates) +
                      "\nseed = " + std::to_string(seed) +
                      "\nclaims = " + joined(gather(selected_claims(), &theory::Claim::id), ",") +
                      "\n" + (kept ? "keep-data = true\n" : "");
    const auto line = [&](const std::string& key, const Value& value) {
        out.append(key).append(" = ").append(sweep::canonical(value)).append("\n");
    };
    for (const Axis& axis : axes) {
        for (std::size_t k = 0; k < axis.keys.size(); ++k) line(axis.keys[k], axis.values[k]);
        if (axis.keys.size() == 1) continue;
        out += "zip =";
        for (const std::string& key : axis.keys) out.append(" ").append(key);
        out += "\n";
    }
    for (const auto& [key, value] : fixed) line(key, ValueList{value});
    for (const RandomKey& r : random) line(r.key, r.range);
    for (const ExpressionKey& e : expressions) line(e.key, e.expression);
    return out + own_text;
}

std::string Spec::id() const { return content_hash(canonical()); }

std::vector<theory::Claim> Spec::selected_claims() const {
    std::vector<theory::Claim> out = theory::select_claims(claims, own_claims);
    std::erase_if(out, [&](const theory::Claim& claim) {
        const bool own = std::ranges::count(own_claims, claim.id, &theory::Claim::id) > 0;
        return own ? claim.scope != experiment->own_claims
                   : std::ranges::count(experiment->claims, claim.id) == 0;
    });
    return out;
}

std::vector<Measure> Spec::measures() const {
    std::vector<Measure> out = experiment->measures;
    for (const auto& claim : selected_claims())
        for (Measure& measure : claim_measures(claim.id)) out.push_back(std::move(measure));
    return out;
}

std::vector<RowColumn> Spec::columns() const {
    std::vector<RowColumn> out;
    for (const Measure& m : measures()) {
        const bool curve = m.axis == MeasureAxis::kRecord;
        out.push_back(
            {field_of(m, curve ? std::vector<std::string>{"record"} : std::vector<std::string>{}),
             curve ? records : 1});
    }
    if (!kept) return out;
    const std::vector<std::size_t> lengths = kept_lengths(*kept);
    const std::vector<Field> fields = kept_fields({}, kept->behaviours);
    for (std::size_t f = 0; f < fields.size(); ++f) out.push_back({fields[f], lengths[f]});
    return out;
}

std::size_t Spec::row_length() const {
    std::size_t out = 0;
    for (const RowColumn& column : columns()) out += column.length;
    return out;
}

void keep_data(Spec& spec) {
    KeptShape shape{spec.records, 1, 1, spec.experiment->behaviours};
    const auto points = static_cast<double>(spec.size());
    require_kept_fits(shape, points);  // before every point is looked at
    const RowMatrix unit = design_matrix(spec);
    for (std::size_t point = 0; point < spec.size(); ++point) {
        const auto model = spec.experiment->make();
        try {
            set_point(spec, unit, point, model->table());
        } catch (const InputError&) {
            continue;  // the sweep will say so of this point
        }
        const auto value = [&](const char* key) {
            return std::size_t{std::stoull(model->table().find(key)->get())};
        };
        shape.grow({0, value("samples"), value("dimension")});
    }
    require_kept_fits(shape, points);
    spec.kept = shape;
}

namespace {

void assign(ParameterTable& table, const std::string& key, const std::string& value) {
    Parameter& p = *table.find(key);
    const std::string wrong = p.set(value);
    if (!wrong.empty())
        throw InputError(key + " = '" + value + "' " + wrong + ", allowed: " + p.range);
}

/// Expressions may depend on each other: those whose key is not yet known wait.
void assign_expressions(const Spec& spec, ParameterTable& table) {
    std::vector<const ExpressionKey*> open;
    for (const ExpressionKey& e : spec.expressions) open.push_back(&e);
    while (!open.empty()) {
        const auto waits = [&](const ExpressionKey* e) {
            return std::ranges::any_of(e->expression.keys(), [&](const std::string& key) {
                return std::ranges::count(open, key, &ExpressionKey::key) > 0;
            });
        };
        const auto ready = std::stable_partition(open.begin(), open.end(), waits);
        if (ready == open.end())
            throw InputError("the expressions depend on each other in a circle");
        const auto value_of = [&](const std::string& key) { return table.find(key)->get(); };
        for (auto e = ready; e != open.end(); ++e)
            assign(table, (*e)->key, evaluate((*e)->expression, value_of, (*e)->integer));
        open.erase(ready, open.end());
    }
}

std::uint64_t point_seed(const Spec& spec, const ParameterTable& table, std::size_t replicate) {
    const std::string name = content_hash(table.canonical());
    std::uint64_t index = 0;
    for (const char c : name)
        if (c != '-') index = index * 16 + std::uint64_t(c <= '9' ? c - '0' : c - 'a' + 10);
    return derive_seed(derive_seed(spec.seed, Purpose::kSweep, index), Purpose::kSweep,
                       replicate) >>
           1;
}

}  // namespace

void set_point(const Spec& spec, const RowMatrix& unit, std::size_t number, ParameterTable& table) {
    const std::size_t replicate = number % spec.replicates;
    std::size_t rest = number / spec.replicates;
    for (const auto& [key, value] : spec.fixed) assign(table, key, value);
    for (std::size_t k = 0; k < spec.random.size(); ++k)
        assign(
            table, spec.random[k].key,
            value_at(spec.random[k].range, unit(static_cast<Index>(rest), static_cast<Index>(k))));
    for (auto axis = spec.axes.rbegin(); axis != spec.axes.rend(); ++axis) {
        const std::size_t position = rest % axis->size();
        rest /= axis->size();
        for (std::size_t k = 0; k < axis->keys.size(); ++k)
            assign(table, axis->keys[k], axis->values[k][position]);
    }
    assign_expressions(spec, table);
    assign(table, "seed", "0");
    assign(table, "seed", std::to_string(point_seed(spec, table, replicate)));
}

}  // namespace prefdyn::sweep
