#pragma once
// A claim that is a formula: what a claim file states, as a tree, and the claim made from it.

#include <algorithm>
#include <cstddef>
#include <memory>
#include <numeric>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sim/base/formula.hpp"
#include "theory/claim.hpp"
#include "theory/formula/evaluate.hpp"

namespace prefdyn::theory {

/// A record, and the other one of a pair `for s <= t`.
struct Place {
    std::size_t at, elsewhere;
};

/// Where a statement is claimed.
struct Restriction {
    enum class Records { kAll, kStart, kEnd, kPairs, kNeighbours };
    Records records = Records::kAll;
    bool behaviour_pairs = false;             ///< `for j`: every two behaviours
    std::vector<formula::Node> conditions{};  ///< all must be met
};

struct Statement {
    Restriction where;
    formula::Node relation;                       ///< a chain of <=, >= or ==
    std::string text;                             ///< in canonical form
    std::string place;                            ///< file and line
    std::string undefined, divided;               ///< what is said where a side is not a number
    double least = -kInfinity, most = kInfinity;  ///< between which the measured side always lies
    std::optional<formula::Node> scale, trivial;  ///< Worth
    Over over = Over::kNothing;                   ///< what it speaks of one by one
};

/// What a claim assumes, by a name of the registry.
struct Need {
    std::string text;
    Assumption assumption;
};

enum class About { kRuns, kBehaviours };

struct FormulaClaim {
    std::string id, title, source;
    Origin origin;
    std::string place;  ///< file and line of its head
    About about = About::kRuns;
    std::vector<Need> needs;
    /// Full gradients are assumed: the claim is about the exact training, whose head the recorded
    /// one is off by the errors of its steps. Without, it is about the head as it was measured.
    bool about_path = false;
    bool from_reference = false;
    double eta_kappa = 0.0;                 ///< the largest it is claimed for; 0: any
    std::vector<formula::Node> conditions;  ///< numbers of data and setting
    std::vector<Statement> statements;
    std::vector<PlantedFault> controls;
    Kept keep;
    bool built_in = false;

    /// The lines of the claim file that decide what is claimed: equal texts mean equal claims.
    std::string canonical() const;
};

/// The symbol of a name at that time, or where the name says: "R(0)", "R(s)".
std::string symbol_at(const formula::Node& name, const std::string& time);

/// Which records a restriction takes of `records`.
std::vector<Place> places(Restriction::Records records, std::size_t count);

/// Whether a condition that came out so is met: an equality or a bound that may be reached is met
/// within the errors, `<` and `>` only beyond them.
bool is_met(const formula::Node& condition, Truth truth);

/// Which side of a link is measured, which the bound.
struct Sides {
    const formula::Node *measured, *bound;
    Relation relation;
};
std::vector<Sides> sides(const formula::Node& relation);

/// The case in some arithmetic.
template <class N>
class FormulaCase {
  public:
    virtual ~FormulaCase() = default;
    virtual std::size_t records() const = 0;
    virtual std::unique_ptr<Source<N>> source(std::vector<Place> places,
                                              bool behaviour_pairs) const = 0;
};

/// One comparison of a statement.
template <class N>
struct Compared {
    Place place;
    N measured, bound;
    Relation relation;
    const N *scale, *trivial;           ///< null: none
    const formula::Node* zero_divisor;  ///< null: none
};

/// Compares at these places, and says whether further ones have to be looked at.
template <class N, class Take>
bool compare_at(const Statement& statement, const FormulaCase<N>& of, std::vector<Place> where,
                Take& take) {
    const bool pairs = statement.where.behaviour_pairs;
    const auto all = of.source(where, pairs);
    Evaluator<N> conditions(*all);
    std::vector<std::size_t> row(where.size());  ///< of a place that is left, in the masks
    std::iota(row.begin(), row.end(), std::size_t{0});
    struct Mask {
        const formula::Node* condition;
        Values<Truth> met;
    };
    std::vector<Mask> masks;
    for (const formula::Node& condition : statement.where.conditions) {
        Values<Truth> met = conditions.truth(condition);
        if (met.over != Over::kNothing)
            masks.push_back({&condition, std::move(met)});
        else
            std::erase_if(row, [&, view = conditions.view(met)](std::size_t r) {
                return !is_met(condition, view(r, 0));
            });
    }
    if (row.empty()) return true;
    std::unique_ptr<Source<N>> fewer;
    if (row.size() < where.size()) {
        std::vector<Place> left;
        for (const std::size_t r : row) left.push_back(where[r]);
        where = std::move(left);
        fewer = of.source(where, pairs);
    }
    const Source<N>& source = fewer ? *fewer : *all;
    Evaluator<N> evaluator(source);
    const auto asked = [&](std::size_t r, std::size_t e) {
        return std::ranges::all_of(masks, [&](const Mask& mask) {
            return is_met(*mask.condition, conditions.view(mask.met)(row[r], e));
        });
    };
    const auto optional = [&](const std::optional<formula::Node>& node) {
        return node ? evaluator.number(*node) : Values<N>{};
    };
    const Values<N> scale = optional(statement.scale), trivial = optional(statement.trivial);
    const auto scale_at = evaluator.view(scale), trivial_at = evaluator.view(trivial);
    bool any_at_records = false;
    for (const Sides& side : sides(statement.relation)) {
        const Values<N> measured = evaluator.number(*side.measured),
                        bound = evaluator.number(*side.bound);
        const auto measured_at = evaluator.view(measured), bound_at = evaluator.view(bound);
        Over over = measured.over != Over::kNothing ? measured.over : bound.over;
        bool at_records = measured.records || bound.records;
        for (const Mask& mask : masks) {
            over = over != Over::kNothing ? over : mask.met.over;
            at_records = at_records || mask.met.records;
        }
        any_at_records = any_at_records || at_records;
        const std::size_t rows = at_records ? where.size() : 1,
                          size = over == Over::kNothing ? 1 : source.elements(over);
        for (std::size_t r = 0; r < rows; ++r)
            for (std::size_t e = 0; e < size; ++e)
                if (asked(r, e))
                    take(Compared<N>{where[r], measured_at(r, e), bound_at(r, e), side.relation,
                                     statement.scale ? &scale_at(r, e) : nullptr,
                                     statement.trivial ? &trivial_at(r, e) : nullptr,
                                     evaluator.zero_divisor()});
    }
    return any_at_records;
}

/// Calls `take` for every comparison of the statement with the case, as many places at a time as
/// keep what is computed in the cache.
template <class N, class Take>
void compare(const Statement& statement, const FormulaCase<N>& of, Take take) {
    constexpr std::size_t kElementsAtOnce = 4096;
    const std::vector<Place> where = places(statement.where.records, of.records());
    if (where.empty()) return;
    std::size_t elements = 1;
    if (statement.over != Over::kNothing)
        elements =
            of.source({where.front()}, statement.where.behaviour_pairs)->elements(statement.over);
    const std::size_t step =
        std::max<std::size_t>(1, kElementsAtOnce / std::max<std::size_t>(1, elements));
    for (std::size_t from = 0; from < where.size(); from += step) {
        const auto begin = where.begin() + static_cast<std::ptrdiff_t>(from);
        const auto end =
            where.begin() + static_cast<std::ptrdiff_t>(std::min(from + step, where.size()));
        if (!compare_at<N>(statement, of, {begin, end}, take)) return;
    }
}

/// The case of evidence in double precision, with the errors of theory/rates.hpp.
std::unique_ptr<FormulaCase<Ball>> ball_case(const Evidence& evidence, const FormulaClaim& claim);

/// Every quantity that the claim speaks of, its `trivial` bounds apart unless they are asked for.
std::vector<const Quantity*> names_of(const FormulaClaim& claim, bool trivial);
/// Whether it speaks of the quantity of that name.
bool speaks_of(const FormulaClaim& claim, const std::string& name);

/// Whether a claim is a user's own: a formula that is not built in.
inline bool is_own(const Claim& claim) { return claim.formula && !claim.formula->built_in; }

/// The claim as judge takes it.
Claim make_claim(std::shared_ptr<const FormulaClaim> formula);

}  // namespace prefdyn::theory
