#include "theory/formula/shape.hpp"

#include <algorithm>

#include "sim/base/nearest.hpp"
#include "sim/base/numerics.hpp"

namespace prefdyn::theory {

using formula::Error;
using formula::Node;
using formula::Op;

namespace {

bool is_any(const std::string& name, std::initializer_list<const char*> of) {
    return std::any_of(of.begin(), of.end(), [&](const char* x) { return name == x; });
}

[[noreturn]] void unknown_name(const Node& node) {
    std::vector<std::string> known;
    for (const Quantity& q : quantities()) known.emplace_back(q.name);
    for (const std::string& name : function_names()) known.push_back(name);
    const std::string near = nearest(node.name, known);
    throw Error(node.column, "unknown name " + node.name,
                (near.empty() ? "" : "did you mean " + near + "? ") +
                    std::string("`prefdyn quantities` lists them"));
}

/// Of mixtures only means and the largest eigenvalue are computed.
void require_measured(const Node& node, const Quantity& q, const Scene& scene) {
    const bool mixture = scene.about == About::kBehaviours;
    if (!mixture && q.topic == Topic::kBehaviour)
        throw Error(node.column, std::string(q.name) + " is a behaviour's",
                    "give the claim experiment = priority");
    if (!mixture) return;
    const bool missing =
        is_any(q.name, {"D_debiased", "noise_floor", "trace", "concentration", "kappa_zbar"}) ||
        q.topic == Topic::kSample || std::string(q.name).starts_with("held_out.");
    if (missing)
        throw Error(node.column, std::string(q.name) + " is not measured in experiment = priority",
                    "claims about it belong to experiment = run");
}

Shape shape_of_name(const Node& node, const Scene& scene) {
    const Quantity* q = find_quantity(node.name);
    if (!q && node.name == "s" && scene.record_pairs)
        throw Error(node.column, "s is a record, not a number", "write t(s) for its time");
    if (!q) unknown_name(node);
    require_measured(node, *q, scene);
    Shape out{q->over, q->at_records, false};
    if (scene.about == About::kBehaviours && node.name == "D") out.over = Over::kBehaviours;
    if (is_any(q->name, {"apart", "alignment_apart"}) && !scene.behaviour_pairs)
        throw Error(node.column, std::string(q->name) + " is of two behaviours",
                    "begin the claim with `for j:`");
    if (node.at.empty()) return out;
    if (node.at == "s" && scene.record_pairs) {
        if (out.records) return out;
        throw Error(node.column, node.name + " is the same at every record", "write " + node.name);
    }
    if (node.at == "j" && scene.behaviour_pairs) {
        if (out.over == Over::kBehaviours) return out;
        throw Error(node.column, node.name + " is not a behaviour's", "write " + node.name);
    }
    throw Error(node.column,
                "'" + node.at + "' in " + node.name + "(" + node.at + ") is not known here",
                node.at == "s"   ? "begin the claim with `for s <= t:`"
                : node.at == "j" ? "begin the claim with `for j:`"
                                 : node.name + " is no function; functions take their own names");
}

Shape joined(const Node& node, const Shape& a, const Shape& b) {
    if (a.truth || b.truth) throw Error(node.column, "a comparison where a number is wanted");
    return {a.over != Over::kNothing ? a.over : b.over, a.records || b.records, false};
}

Shape number_shape(const Node& node, const Scene& scene) {
    const Shape out = shape_of(node, scene);
    if (out.truth) throw Error(node.column, "a comparison where a number is wanted");
    return out;
}

Shape truth_shape(const Node& node, const Scene& scene) {
    const Shape out = shape_of(node, scene);
    if (!out.truth)
        throw Error(node.column, "a number where a comparison is wanted", "as in share(m > 0)");
    return out;
}

void require_arguments(const Node& node, std::size_t count) {
    if (node.arguments.size() != count)
        throw Error(node.column, node.name + " takes " + std::to_string(count) +
                                     (count == 1 ? " argument, not " : " arguments, not ") +
                                     std::to_string(node.arguments.size()));
}

Shape shape_of_reduction(const Node& node, const Scene& scene) {
    require_arguments(node, is_any(node.name, {"quantile", "cover"}) ? 2 : 1);
    const Shape inner = node.name == "share" ? truth_shape(node.arguments[0], scene)
                                             : number_shape(node.arguments[0], scene);
    if (inner.over == Over::kNothing)
        throw Error(node.column,
                    node.name + " is taken over samples, and its argument is one number",
                    "`prefdyn quantities` says what is one a sample");
    if (scene.behaviour_pairs)
        throw Error(node.column, node.name + " of pairs of behaviours", "leave `for j` out");
    if (is_any(node.name, {"quantile", "cover"})) {
        const Node& level = node.arguments[1];
        if (level.op != Op::kNumber || level.number > 1.0)
            throw Error(level.column, "the level of " + node.name + " is a number from 0 to 1");
    }
    return {Over::kNothing, inner.records, false};
}

Shape shape_of_call(const Node& node, const Scene& scene) {
    if (is_reduction(node)) return shape_of_reduction(node, scene);
    if (is_unary(node.name)) require_arguments(node, 1);
    Shape out = number_shape(node.arguments[0], scene);
    for (std::size_t k = 1; k < node.arguments.size(); ++k)
        out = joined(node, out, number_shape(node.arguments[k], scene));
    return out;
}

}  // namespace

Shape shape_of(const Node& node, const Scene& scene) {
    switch (node.op) {
        case Op::kNumber:
            return {};
        case Op::kName:
            return shape_of_name(node, scene);
        case Op::kCall:
            return shape_of_call(node, scene);
        case Op::kNegate:
            return number_shape(node.arguments[0], scene);
        case Op::kNot:
            return truth_shape(node.arguments[0], scene);
        case Op::kAnd:
        case Op::kOr: {
            Shape a = truth_shape(node.arguments[0], scene),
                  b = truth_shape(node.arguments[1], scene);
            a.truth = b.truth = false;
            Shape out = joined(node, a, b);
            out.truth = true;
            return out;
        }
        default:
            break;
    }
    if (!formula::is_relation(node.op))
        return joined(node, number_shape(node.arguments[0], scene),
                      number_shape(node.arguments[1], scene));
    Shape out;
    for (const Link& link : links(node))
        out =
            joined(node, out,
                   joined(node, number_shape(*link.left, scene), number_shape(*link.right, scene)));
    out.truth = true;
    return out;
}

Shape require_number(const Node& node, const Scene& scene, const std::string& what) {
    const Shape out = shape_of(node, scene);
    if (out.over == Over::kNothing) return out;
    const bool samples = out.over == Over::kSamples;
    const std::string text = formula::text_of(node);
    throw Error(node.column,
                what + " is one number" + (out.records ? " a record" : "") + ", and " + text +
                    " is one a " + (samples ? "sample" : "behaviour"),
                "say mean(...), min(...), max(...) or share(...) of it");
}

void require_relation(const Node& node, const Scene& scene) {
    if (!formula::is_relation(node.op))
        throw Error(node.column, "a claim is a relation, with <=, >= or ==");
    const std::vector<Link> all = links(node);
    for (const Link& link : all) {
        if (link.op == Op::kLess || link.op == Op::kGreater)
            throw Error(
                node.column, "a claim is made with <=, >= or ==, not with < or >",
                "within their errors numbers that differ and numbers that are equal look alike");
        if (link.op != all.front().op || (link.op == Op::kEqual && all.size() > 1) ||
            all.size() > 2)
            throw Error(node.column, "a chain is a <= b <= c or a >= b >= c");
    }
    shape_of(node, scene);
}

}  // namespace prefdyn::theory
