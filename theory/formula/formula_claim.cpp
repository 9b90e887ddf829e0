#include "theory/formula/formula_claim.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <sstream>

#include "theory/assumptions.hpp"
#include "theory/behaviours.hpp"
#include "theory/formula/arithmetic.hpp"
#include "theory/rates.hpp"

namespace prefdyn::theory {

using formula::Node;
using formula::Op;

std::vector<Place> places(Restriction::Records records, std::size_t count) {
    using enum Restriction::Records;
    std::vector<Place> out;
    if (count == 0) return out;
    switch (records) {
        case kAll:
            for (std::size_t k = 0; k < count; ++k) out.push_back({k, k});
            break;
        case kStart:
            out.push_back({0, 0});
            break;
        case kEnd:
            out.push_back({count - 1, count - 1});
            break;
        case kPairs:
            for (std::size_t t = 1; t < count; ++t)
                for (std::size_t s = 0; s < t; ++s) out.push_back({t, s});
            break;
        case kNeighbours:
            for (std::size_t t = 1; t < count; ++t) out.push_back({t, t - 1});
            break;
    }
    return out;
}

namespace {

bool is_strict(const Node& node) {
    return node.op == Op::kLess || node.op == Op::kGreater ||
           std::ranges::any_of(node.arguments, is_strict);
}

/// Whether a trainer's doing is in it, and not only data, setting and clock.
bool is_measured(const Node& node) {
    if (node.op != Op::kName) return std::ranges::any_of(node.arguments, is_measured);
    const Quantity& q = *find_quantity(node.name);
    return q.topic == Topic::kRecord ||
           (q.at_records && (q.topic == Topic::kSample || q.topic == Topic::kBehaviour));
}

Relation relation_of(Op op) {
    return op == Op::kAtMost    ? Relation::kAtMost
           : op == Op::kAtLeast ? Relation::kAtLeast
                                : Relation::kEqual;
}

Relation turned(Relation r) {
    return r == Relation::kAtMost    ? Relation::kAtLeast
           : r == Relation::kAtLeast ? Relation::kAtMost
                                     : Relation::kEqual;
}

}  // namespace

std::string symbol_at(const Node& name, const std::string& time) {
    std::string symbol = find_quantity(name.name)->symbol;
    const std::string& at = name.at == "s" ? name.at : time;
    if (symbol == "t") return at;
    if (name.at == "j") {
        auto k = symbol.find("_k");
        if (k == std::string::npos) symbol.append("_j");
        for (; k != std::string::npos; k = symbol.find("_k", k)) symbol[k + 1] = 'j';
    }
    const auto place = symbol.find("(t)");
    if (place != std::string::npos) symbol.replace(place + 1, 1, name.at == "j" ? time : at);
    return symbol;
}

bool is_met(const Node& condition, Truth truth) {
    return truth == Truth::kYes || (truth == Truth::kMaybe && !is_strict(condition));
}

std::vector<Sides> sides(const Node& relation) {
    const std::vector<Link> all = links(relation);
    std::vector<Sides> out;
    for (std::size_t k = 0; k < all.size(); ++k) {
        const Relation r = relation_of(all[k].op);
        const bool middle_is_right = all.size() > 1 && k == 0;
        const bool only_right =
            all.size() == 1 && !is_measured(*all[k].left) && is_measured(*all[k].right);
        if (middle_is_right || only_right)
            out.push_back({all[k].right, all[k].left, turned(r)});
        else
            out.push_back({all[k].left, all[k].right, r});
    }
    return out;
}

std::string FormulaClaim::canonical() const {
    std::ostringstream out;
    out << "[" << id << "]\nexperiment = " << (about == About::kRuns ? "run" : "priority") << "\n";
    for (const Need& need : needs) out << "needs = " << need.text << "\n";
    for (const Node& c : conditions) out << "needs = " << formula::text_of(c) << "\n";
    for (const Statement& s : statements) {
        out << "claim = " << s.text << "\n";
        if (s.scale) out << "scale = " << formula::text_of(*s.scale) << "\n";
        if (s.trivial) out << "trivial = " << formula::text_of(*s.trivial) << "\n";
    }
    return out.str();
}

namespace {

void collect_names(const Node& node, std::vector<const Quantity*>& out) {
    if (node.op == Op::kName) {
        const Quantity* q = find_quantity(node.name);
        if (std::ranges::count(out, q) == 0) out.push_back(q);
    }
    for (const Node& argument : node.arguments) collect_names(argument, out);
}

/// "p_plus = 0.7": the values of a condition's numbers.
std::string values_in(const Node& condition, const Source<Ball>& source) {
    std::vector<const Quantity*> names;
    collect_names(condition, names);
    std::ostringstream out;
    for (const Quantity* q : names) {
        if (q->over != Over::kNothing) continue;
        out << (out.str().empty() ? "" : ", ") << q->name << " = "
            << source.values(*q, false).x.front().value;
    }
    return out.str();
}

Assumption condition_met(const Node& condition, std::shared_ptr<const FormulaClaim> claim) {
    const std::string text = formula::text_of(condition);
    return {text, [text, condition, claim](const Evidence& e) -> std::string {
                const auto source = ball_case(e, *claim)->source({{0, 0}}, false);
                Evaluator<Ball> evaluator(*source);
                const Truth met = evaluator.truth(condition).x.front();
                if (is_met(condition, met)) return "";
                return "not " + text + ": " + values_in(condition, *source);
            }};
}

Assumption is_kept(const Kept& keep) {
    return {"what the formula speaks of was recorded", [keep](const Evidence& e) -> std::string {
                const auto n = e.statistics().n;
                for (const Record& r : e.trajectory().records) {
                    if (keep.heads && r.theta.size() != e.means().zbar.size())
                        return "the head was not kept, or is not that of one response pair";
                    if (keep.margins && r.margin.size() != n) return "margins were not kept";
                    if (keep.log_probabilities && r.logp_chosen.size() != n)
                        return "log-probabilities were not kept";
                }
                return "";
            }};
}

Assumption has_behaviours(bool slopes) {
    return {"behaviours are recorded", [slopes](const Evidence& e) -> std::string {
                const auto* b = e.find<BehaviourStatistics>();
                if (!b) return "the samples name no behaviours";
                for (const Record& r : e.trajectory().records)
                    if (r.behaviours.size() != static_cast<std::size_t>(b->behaviours()))
                        return "the records lack behaviours";
                const bool measured = b->margin_slope.size() == b->behaviours() &&
                                      b->loss_slope.size() == b->behaviours();
                return !slopes || measured ? "" : "no initial slopes were measured";
            }};
}

/// Whether a quantity may be infinite and still bound something.
bool may_be_infinite(const Quantity& q) {
    const std::string name = q.name;
    return name == "largest_rate" || name == "most_fall" || q.at_records;
}

/// A loss with a kink has no kappa, a class of one row no covariance, a run without held-out rows
/// nothing to say of them.
Assumption is_defined(std::vector<const Quantity*> names,
                      std::shared_ptr<const FormulaClaim> claim) {
    return {"its quantities are defined", [names, claim](const Evidence& e) -> std::string {
                const auto source = ball_case(e, *claim)->source({{0, 0}}, false);
                for (const Quantity* q : names) {
                    if (e.training.dynamics == Dynamics::kTransformer && !known_in_transformers(*q))
                        return std::string(q->name) +
                               " is not measured where a transformer is trained";
                    const bool fresh = std::string(q->name).starts_with("held_out.");
                    if (q->over != Over::kNothing || (q->at_records && !fresh)) continue;
                    const double value = source->values(*q, false).x.front().value;
                    if (std::isnan(value)) return std::string(q->name) + " is not defined here";
                    if (std::isinf(value) && !may_be_infinite(*q))
                        return std::string(q->name) + " is infinite";
                }
                return "";
            }};
}

/// An inequality between nothing and nothing: within the errors where nothing moves.
bool nothing_there(const Ball& a, const Ball& b, bool at_rest) {
    const double errors = at_rest ? a.radius + b.radius : 0.0;
    return std::isfinite(errors) && std::fabs(a.value) + std::fabs(b.value) <= errors;
}

std::vector<Comparison> comparisons(const FormulaClaim& claim, const Evidence& e) {
    const auto of = ball_case(e, claim);
    const auto& records = e.trajectory().records;
    const bool at_rest =
        e.training.dynamics != Dynamics::kTransformer && !(initial_rate(e).low() > 0.0);
    std::vector<Comparison> out;
    for (const Statement& s : claim.statements)
        compare<Ball>(s, *of, [&](const Compared<Ball>& c) {
            const Record& r = records[c.place.at];
            Worth worth;
            const double range = s.most - s.least;  // 1 of a share
            if (c.scale)
                worth.scale = c.scale->value;
            else if (std::isfinite(range) && c.relation != Relation::kEqual)
                worth.scale =
                    std::max({range, std::fabs(c.measured.value), std::fabs(c.bound.value)});
            const bool at_most = c.relation == Relation::kAtMost;
            worth.trivial = c.trivial ? c.trivial->value : at_most ? s.most : s.least;
            if (c.relation == Relation::kEqual)
                worth.trivial = kNan;
            else if ((claim.about_path && at_rest) || nothing_there(c.measured, c.bound, at_rest))
                worth.trivial = at_most ? -kInfinity : kInfinity;
            const bool divided = !claim.built_in && c.zero_divisor &&
                                 (std::isinf(c.measured.value) || std::isinf(c.bound.value));
            const bool defined =
                !divided && !std::isnan(c.measured.value) && !std::isnan(c.bound.value);
            out.push_back({r.step, r.time, divided ? Ball(kNan) : c.measured, c.bound, c.relation,
                           worth,
                           defined          ? nullptr
                           : c.zero_divisor ? s.divided.c_str()
                                            : s.undefined.c_str()});
        });
    return out;
}

/// With the symbols of theory.md for names, products without a sign.
std::string readable(Node node, const std::string& time) {
    const std::function<void(Node&)> rename = [&](Node& n) {
        if (n.op == Op::kName) n.name = symbol_at(n, time);
        n.at.clear();
        for (Node& argument : n.arguments) rename(argument);
    };
    rename(node);
    std::string out = formula::text_of(node);
    for (auto at = out.find(" * "); at != std::string::npos; at = out.find(" * ", at))
        out.erase(at, 2);
    for (auto at = out.find("=="); at != std::string::npos; at = out.find("==", at))
        out.erase(at, 1);
    return out;
}

std::string statement_of(const Statement& s) {
    using enum Restriction::Records;
    const auto records = s.where.records;
    const std::string time = records == kStart ? "0" : "t";
    std::string out = records == kEnd                               ? "at the end"
                      : records == kPairs || records == kNeighbours ? "for s <= t"
                                                                    : "";
    if (s.where.behaviour_pairs) out.append(out.empty() ? "" : ", ").append("for all k, j");
    for (const Node& c : s.where.conditions)
        out.append(out.empty() ? "" : ", ").append("where ").append(readable(c, time));
    return out.append(out.empty() ? "" : ": ").append(readable(s.relation, time));
}

}  // namespace

std::vector<const Quantity*> names_of(const FormulaClaim& f, bool trivial) {
    std::vector<const Quantity*> out;
    for (const Statement& s : f.statements) {
        collect_names(s.relation, out);
        for (const Node& c : s.where.conditions) collect_names(c, out);
        if (s.scale) collect_names(*s.scale, out);
        if (trivial && s.trivial) collect_names(*s.trivial, out);
    }
    for (const Node& c : f.conditions) collect_names(c, out);
    return out;
}

bool speaks_of(const FormulaClaim& claim, const std::string& name) {
    return std::ranges::any_of(names_of(claim, true),
                               [&](const Quantity* q) { return name == q->name; });
}

Claim make_claim(std::shared_ptr<const FormulaClaim> formula) {
    const FormulaClaim& f = *formula;
    Claim out;
    out.id = f.id;
    out.title = f.title;
    for (const Statement& s : f.statements)
        out.statement.append(out.statement.empty() ? "" : "; ").append(statement_of(s));
    out.source = f.source;
    out.origin = f.origin;
    out.kind = ClaimKind::kRigorous;
    const bool runs = f.about == About::kRuns;
    out.scope = runs ? Scope::kRun : Scope::kStudy;
    out.assumptions.push_back(has_trajectory());
    if (!runs)
        out.assumptions.push_back(has_behaviours(speaks_of(f, "dM0") || speaks_of(f, "dL0")));
    for (const Need& need : f.needs) out.assumptions.push_back(need.assumption);
    out.assumptions.push_back(is_defined(names_of(f, true), formula));
    if (f.keep.heads || f.keep.margins || f.keep.log_probabilities)
        out.assumptions.push_back(is_kept(f.keep));
    for (const Node& c : f.conditions) out.assumptions.push_back(condition_met(c, formula));
    out.compare = [formula](const Evidence& e) { return comparisons(*formula, e); };
    out.checks.faults = f.controls;
    if (!runs) out.checks.search = BehaviourSearch{};
    out.checks.curve = runs && std::ranges::none_of(f.statements, [](const Statement& s) {
                           return s.where.records == Restriction::Records::kStart;
                       });
    out.keep = f.keep;
    out.formula = std::move(formula);
    return out;
}

}  // namespace prefdyn::theory
