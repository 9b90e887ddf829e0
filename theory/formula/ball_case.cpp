// The case of evidence in double precision: where the head that is spoken of may be, and its
// quantities.
#include <algorithm>
#include <cmath>
#include <optional>

#include "theory/behaviours.hpp"
#include "theory/formula/arithmetic.hpp"
#include "theory/formula/ball_quantities.hpp"
#include "theory/formula/formula_claim.hpp"
#include "theory/rates.hpp"

namespace prefdyn::theory {

namespace {

class BallSource final : public Source<Ball> {
  public:
    BallSource(const Evidence& e, const FormulaClaim& claim, std::vector<Place> places, bool pairs)
        : e_(e), claim_(claim), places_(std::move(places)) {
        if (claim.about == About::kBehaviours) {
            const Index K = e.get<BehaviourStatistics>().behaviours();
            for (Index k = 0; k < K; ++k)
                for (Index j = 0; j < (pairs ? K : 1); ++j)
                    if (!pairs || j != k) behaviours_.emplace_back(k, j);
        }
    }

    std::size_t records() const override { return places_.size(); }

    std::size_t elements(Over over) const override {
        if (over == Over::kBehaviours) return behaviours_.size();
        return over == Over::kSamples ? static_cast<std::size_t>(e_.statistics().n) : 1;
    }

    Values<Ball> values(const Quantity& q, bool elsewhere) const override {
        const std::string name = q.name;
        if (name == "D" && claim_.about == About::kBehaviours)
            return of(BehaviourGetter{behaviour_difference}, elsewhere);
        if (name == "zbar" && claim_.about == About::kBehaviours)
            return of(Fixed{bbar_norm}, elsewhere);
        return std::visit([&](const auto& get) { return of(get, elsewhere); },
                          ball_quantities().at(name));
    }

  private:
    /// How far the exact head may be at a record from the one recorded there. Where any record may
    /// be the start, the training that is spoken of is the one that starts at the other record.
    double drift(const Place& place, bool elsewhere) const {
        if (!claim_.about_path) return 0.0;
        const auto at = [&](std::size_t k) { return e_.trajectory().records[k].error.drift; };
        if (claim_.from_reference) return at(elsewhere ? place.elsewhere : place.at);
        if (elsewhere) return 0.0;
        return place.elsewhere < place.at ? at(place.at) - at(place.elsewhere) : at(place.at);
    }

    /// How much further apart the steps may bring two heads: nothing where L is convex and eta
    /// kappa
    /// <= 2, else what Gronwall's inequality allows.
    double growth(const Record& r) const {
        if (!growth_rate_) {
            const TrainingFacts& t = e_.training;
            const bool small_steps =
                t.dynamics == Dynamics::kGradientFlow || step_curvature(e_).low() <= 2.0;
            growth_rate_ = t.loss.convex && small_steps ? 0.0 : smoothness(e_).high();
        }
        return *growth_rate_ == 0.0 ? 1.0 : std::exp(*growth_rate_ * r.time);
    }

    Here here(const Place& place, bool elsewhere) const {
        const std::size_t record = elsewhere ? place.elsewhere : place.at;
        const Record& r = e_.trajectory().records[record];
        const double off = drift(place, elsewhere);
        return {e_, r, off, off == 0.0 ? 0.0 : off * growth(r), decays_};
    }

    Values<Ball> of(Fixed get, bool) const { return {false, Over::kNothing, {get(e_)}}; }
    Values<Ball> of(AtRecord get, bool elsewhere) const {
        Values<Ball> out{true, Over::kNothing, {}};
        out.x.reserve(places_.size());
        for (const Place& place : places_) out.x.push_back(get(here(place, elsewhere)));
        return out;
    }
    Values<Ball> of(OfSamples get, bool) const {
        Values<Ball> out{false, Over::kSamples, std::vector<Ball>(elements(Over::kSamples))};
        get(e_, out.x.data());
        return out;
    }
    Values<Ball> of(SamplesAtRecord get, bool elsewhere) const {
        const std::size_t n = elements(Over::kSamples);
        Values<Ball> out{true, Over::kSamples, std::vector<Ball>(n * places_.size())};
        for (std::size_t r = 0; r < places_.size(); ++r)
            get(here(places_[r], elsewhere), out.x.data() + r * n);
        return out;
    }
    Index behaviour(std::size_t k, bool elsewhere) const {
        return elsewhere ? behaviours_[k].second : behaviours_[k].first;
    }
    Values<Ball> of(BehaviourGetter g, bool elsewhere) const {
        Values<Ball> out{false, Over::kBehaviours, {}};
        for (std::size_t k = 0; k < behaviours_.size(); ++k)
            out.x.push_back(g.get(e_, behaviour(k, elsewhere)));
        return out;
    }
    Values<Ball> of(BehaviourRecordGetter g, bool elsewhere) const {
        Values<Ball> out{true, Over::kBehaviours, {}};
        for (const Place& place : places_) {
            const Here h = here(place, false);
            for (std::size_t k = 0; k < behaviours_.size(); ++k)
                out.x.push_back(g.get(h, behaviour(k, elsewhere)));
        }
        return out;
    }
    Values<Ball> of(OfTwoBehaviours get, bool) const {
        Values<Ball> out{false, Over::kBehaviours, {}};
        for (const auto& [k, j] : behaviours_) out.x.push_back(get(e_, k, j));
        return out;
    }

    const Evidence& e_;
    const FormulaClaim& claim_;
    std::vector<Place> places_;
    std::vector<std::pair<Index, Index>> behaviours_;
    mutable std::optional<double> growth_rate_;
    mutable std::vector<std::optional<Ball>> decays_;
};

class BallCase final : public FormulaCase<Ball> {
  public:
    BallCase(const Evidence& e, const FormulaClaim& claim) : e_(e), claim_(claim) {}
    std::size_t records() const override { return e_.trajectory().records.size(); }
    std::unique_ptr<Source<Ball>> source(std::vector<Place> places, bool pairs) const override {
        return std::make_unique<BallSource>(e_, claim_, std::move(places), pairs);
    }

  private:
    const Evidence& e_;
    const FormulaClaim& claim_;
};

}  // namespace

std::unique_ptr<FormulaCase<Ball>> ball_case(const Evidence& e, const FormulaClaim& claim) {
    return std::make_unique<BallCase>(e, claim);
}

}  // namespace prefdyn::theory
