#include <algorithm>
#include <filesystem>
#include <iomanip>
#include <set>
#include <sstream>

#include "experiments/results/columns.hpp"
#include "experiments/runs/kept_populations.hpp"
#include "experiments/runs/run_config.hpp"
#include "experiments/sweep/spec.hpp"
#include "sim/base/failure.hpp"
#include "sim/base/nearest.hpp"
#include "sim/lm/text/text_file.hpp"
#include "theory/formula/claim_file.hpp"
#include "theory/registry.hpp"

namespace prefdyn::sweep {

namespace {

struct Line {
    int number;
    std::string key, value;
};

const std::string kOfFirstPoint = "of first point";
const std::string kPopulation = "population";
const std::vector<std::string> kSweepKeys = {"experiment", "design",     "points",
                                             "replicates", "seed",       "claims",
                                             "zip",        "claim-file", "keep-data"};

class SpecParser {
  public:
    SpecParser(const std::string& text, std::string place) : place_(std::move(place)) {
        read_lines(text);
    }

    Spec parse() {
        choose_experiment();
        model_ = spec_.experiment->make();
        read_own_claims();
        for (const Line& line : lines_) guarded(line, [&] { read(line); });
        if (!spec_.given(kPopulation).empty())
            guarded(*line_of(kPopulation), [&] { take_populations(); });
        join_zips();
        check_circles();
        check_design();
        check_claims();
        if (!problems_.empty())
            throw InputError(problems_, "docs/sweeps.md has the rules and an example");
        take_first_eta();
        spec_.records = most_records() + spec_.experiment->extra_records;
        if (keep_) keep_data(spec_);
        return std::move(spec_);
    }

  private:
    void complain(int line, const std::string& what) {
        std::string at = place_;
        if (line > 0) at.append(":").append(std::to_string(line));
        problems_.append(problems_.empty() ? "" : "\n").append(at).append(": ").append(what);
    }

    template <class Action>
    void guarded(const Line& line, Action action) {
        try {
            action();
        } catch (const InputError& error) {
            complain(line.number, line.key + " = " + line.value + ": " + error.what() +
                                      (error.hint().empty() ? "" : "; " + error.hint()));
        }
    }

    void read_lines(const std::string& text) {
        std::istringstream in(text);
        std::string raw;
        for (int number = 1; std::getline(in, raw); ++number) {
            const std::string line = trim(raw.substr(0, raw.find('#')));
            if (line.starts_with("[") || !sections_.empty()) {
                if (sections_.empty()) sections_.assign(static_cast<std::size_t>(number - 1), '\n');
                sections_ += raw + "\n";
                continue;
            }
            if (line.empty()) continue;
            const auto equals = line.find('=');
            if (equals == std::string::npos) {
                complain(number, "'" + line + "' is not of the form key = value");
                continue;
            }
            const Line found{number, trim(line.substr(0, equals)), trim(line.substr(equals + 1))};
            if (found.value.empty()) complain(number, found.key + " has no value");
            const auto before = std::find_if(lines_.begin(), lines_.end(), [&](const Line& l) {
                return l.key == found.key && l.key != "zip";
            });
            if (before != lines_.end())
                complain(number, found.key + " is given in line " + std::to_string(before->number) +
                                     " already");
            else
                lines_.push_back(found);
        }
    }

    const Line* line_of(const std::string& key) const {
        for (const Line& line : lines_)
            if (line.key == key) return &line;
        return nullptr;
    }

    void choose_experiment() {
        const Line* line = line_of("experiment");
        const std::string name = line ? line->value : experiments().front().name;
        for (const Experiment& e : experiments())
            if (e.name == name) spec_.experiment = &e;
        if (spec_.experiment) return;
        complain(line->number, "experiment = '" + name + "', known: " +
                                   joined(gather(experiments(), &Experiment::name), ", "));
        spec_.experiment = &experiments().front();
    }

    /// Claims as formulas: of the file that `claim-file` names, beside the spec or where the
    /// program was called, and of the spec's own sections.
    void read_own_claims() {
        const auto add = [&](theory::ClaimFile file) {
            for (theory::Claim& claim : file.claims) {
                if (std::ranges::count(spec_.own_claims, claim.id, &theory::Claim::id) > 0)
                    throw InputError(claim.id + " is claimed twice");
                spec_.own_claims.push_back(std::move(claim));
            }
            spec_.own_text += file.canonical;
        };
        if (const Line* line = line_of("claim-file"))
            guarded(*line, [&] { add(theory::read_claim_file(beside_or_here(line->value))); });
        if (!sections_.empty()) try {
                add(theory::parse_claims(sections_, place_));
            } catch (const InputError& error) {
                problems_.append(problems_.empty() ? "" : "\n").append(error.what());
            }
    }

    std::uint64_t count(const Line& line, std::uint64_t low, std::uint64_t high) {
        std::uint64_t value = 0;
        if (parse_number(line.value, value) && value >= low && value <= high) return value;
        throw InputError("is not an integer from " + std::to_string(low) + " to " +
                         std::to_string(high));
    }

    void read(const Line& line) {
        if (line.key == "experiment") return;
        if (line.key == "design") {
            const auto at = std::find(design_names().begin(), design_names().end(), line.value);
            if (at == design_names().end())
                throw InputError("known: grid, random, sobol, latin-hypercube");
            spec_.design = static_cast<Design>(at - design_names().begin());
        } else if (line.key == "points") {
            spec_.points = count(line, 1, 1000000000);
        } else if (line.key == "replicates") {
            spec_.replicates = count(line, 1, 1000000000);
        } else if (line.key == "seed") {
            spec_.seed = count(line, 0, (std::uint64_t{1} << 63) - 1);
        } else if (line.key == "claims") {
            spec_.claims = line.value;
            std::erase_if(spec_.claims, [](char c) { return c == ' ' || c == '\t'; });
            theory::select_claims(spec_.claims, spec_.own_claims);
        } else if (line.key == "keep-data") {
            if (line.value != "true" && line.value != "false")
                throw InputError("known: true, false");
            keep_ = line.value == "true";
        } else if (line.key != "zip" && line.key != "claim-file") {
            read_parameter(line);
        }
    }

    /// The learning rate that the first point would take by itself, for all: to 6 digits, so that
    /// every machine reads the same sweep.
    void take_first_eta() {
        if (!first_eta_) return;
        const auto model = spec_.experiment->make();
        set_point(spec_, design_matrix(spec_), 0, model->table());
        std::ostringstream text;
        text << std::setprecision(6) << model->begin(Device::kCpu).spec.eta;
        spec_.fixed.emplace_back("eta", text.str());
    }

    void read_parameter(const Line& line) {
        if (line.key == "eta" && line.value == kOfFirstPoint) {
            first_eta_ = true;
            return;
        }
        Parameter* p = model_->table().find(line.key);
        if (!p) return unknown(line);
        Value value = parse_value(line.value, *p, model_->table().parameters());
        if (auto* list = std::get_if<ValueList>(&value)) {
            if (list->size() == 1)
                spec_.fixed.emplace_back(line.key, list->front());
            else
                spec_.axes.push_back({{line.key}, {std::move(*list)}});
        } else if (const auto* range = std::get_if<ValueRange>(&value)) {
            for (const double end : {range->low, range->high}) {
                const std::string text = value_at({end, end, false, range->integer}, 0.5);
                if (const std::string wrong = p->set(text); !wrong.empty())
                    throw InputError("'" + text + "' " + wrong + ", allowed: " + p->range);
            }
            spec_.random.push_back({line.key, *range});
        } else if (line.key == "records") {
            throw InputError("the number of records follows from no other parameter");
        } else {
            spec_.expressions.push_back(
                {line.key, std::get<ValueExpression>(value), p->type == ParameterType::kInteger});
        }
    }

    /// A file beside the spec, or where the program was called.
    std::string beside_or_here(const std::string& name) const {
        const auto beside = std::filesystem::path(place_).parent_path() / name;
        return std::filesystem::exists(beside) ? beside.string() : name;
    }

    /// In the place of those it has.
    void set_values(const std::string& key, std::vector<std::string> values) {
        for (auto& [name, value] : spec_.fixed)
            if (name == key) value = values.front();
        for (Axis& axis : spec_.axes)
            if (axis.keys.front() == key) axis.values.front() = std::move(values);
    }

    /// Populations of the user's own get their known names, by which a sweep tells their contents,
    /// and say what d is.
    void take_populations() {
        for (const std::string& key : options_of_built_in())
            if (const Line* line = line_of(key); line && key != "dimension")
                complain(line->number, key +
                                           ": without effect, the population says itself what "
                                           "it is");
        std::vector<std::string> known;
        std::set<std::string> hashes, dimensions;
        for (const std::string& value : spec_.given(kPopulation)) {
            known.push_back(hash_in(value).empty() ? known_population(beside_or_here(value))
                                                   : value);
            if (!hashes.insert(hash_in(known.back())).second)
                throw InputError(value + ": the same numbers as another of them");
            if (known.back() == value) continue;  // of a sweep's folder: nothing is read
            dimensions.insert(std::to_string(population_of(known.back())->dimension()));
        }
        set_values(kPopulation, known);
        take_dimension(dimensions);
    }

    void take_dimension(const std::set<std::string>& dimensions) {
        if (dimensions.empty()) return;
        if (dimensions.size() > 1)
            throw InputError("the populations have different dimensions: " +
                                 joined({dimensions.begin(), dimensions.end()}, ", "),
                             "give every dimension a sweep of its own");
        const Line* line = line_of("dimension");
        if (!line) return spec_.fixed.emplace_back("dimension", *dimensions.begin()), void();
        if (spec_.given("dimension") != std::vector<std::string>{*dimensions.begin()})
            complain(line->number,
                     "dimension = " + line->value + ", the population has " + *dimensions.begin());
    }

    void unknown(const Line& line) {
        std::vector<std::string> known = kSweepKeys;
        for (const Parameter& p : model_->table().parameters()) known.push_back(p.name);
        const std::string near = nearest(line.key, known);
        complain(line.number, "unknown key " + line.key + " of experiment " +
                                  spec_.experiment->name +
                                  (near.empty() ? "" : ", did you mean " + near + "?"));
    }

    void join_zips() {
        for (const Line& line : lines_)
            if (line.key == "zip") guarded(line, [&] { join(line.value); });
    }

    /// The zipped keys become one axis, in the place of the first.
    void join(const std::string& names) {
        std::istringstream in(names);
        Axis* first = nullptr;
        for (std::string key; in >> key;) {
            const auto at = std::find_if(spec_.axes.begin(), spec_.axes.end(),
                                         [&](const Axis& a) { return a.keys.front() == key; });
            if (at == spec_.axes.end())
                throw InputError(key + " has no list of values, or is zipped already");
            if (!first) {
                first = &*at;
                continue;
            }
            if (&*at == first) throw InputError("names " + key + " twice");
            if (at->size() != first->size())
                throw InputError(key + " has " + std::to_string(at->size()) + " values, " +
                                 first->keys.front() + " has " + std::to_string(first->size()));
            const Axis joined = *at;
            const std::string owner = first->keys.front();
            spec_.axes.erase(at);
            first = &*std::find_if(spec_.axes.begin(), spec_.axes.end(),
                                   [&](const Axis& a) { return a.keys.front() == owner; });
            first->keys.push_back(joined.keys.front());
            first->values.push_back(joined.values.front());
        }
        if (!first || first->keys.size() < 2) throw InputError("names fewer than two keys");
    }

    /// The way from a key through the expressions' keys back to it; empty if there is none.
    std::vector<std::string> circle_from(const std::string& start, const std::string& at,
                                         std::set<std::string>& met) const {
        const ExpressionKey* e = spec_.expression_of(at);
        if (!e || !met.insert(at).second) return {};
        for (const std::string& next : e->expression.keys()) {
            if (next == start) return {at, next};
            std::vector<std::string> rest = circle_from(start, next, met);
            if (rest.empty()) continue;
            rest.insert(rest.begin(), at);
            return rest;
        }
        return {};
    }

    /// A circle is told once, at the first of its lines.
    void check_circles() {
        std::set<std::string> told;
        for (const ExpressionKey& start : spec_.expressions) {
            std::set<std::string> met;
            const std::vector<std::string> circle = circle_from(start.key, start.key, met);
            if (circle.empty() || told.contains(start.key)) continue;
            told.insert(circle.begin(), circle.end());
            complain(line_of(start.key)->number,
                     "the expressions depend on each other in a circle: " + joined(circle, " -> "));
        }
    }

    void check_design() {
        if (lines_.empty() && problems_.empty())
            complain(0, "empty grid: there is no line key = value");
        const bool grid = spec_.design == Design::kGrid;
        if (grid && !spec_.random.empty())
            complain(0, spec_.random.front().key +
                            " has a range to draw from: give design = random, sobol or "
                            "latin-hypercube, or use linspace");
        if (grid && spec_.points > 0) complain(0, "points belongs to designs other than the grid");
        if (!grid && !spec_.axes.empty())
            complain(0, spec_.axes.front().keys.front() +
                            " has several values: only a grid has axes; a design draws from "
                            "uniform, loguniform or integers");
        if (!grid && (spec_.points == 0 || spec_.random.empty()))
            complain(0, "a design needs points = N and a parameter with a range");
        if (spec_.size() > kMostPoints)
            complain(0, "the sweep has more than " + std::to_string(kMostPoints) + " points");
    }

    void check_claims() {
        if (!problems_.empty()) return;
        if (spec_.selected_claims().empty())
            complain(0, "claims = " + spec_.claims + ": none of them is judged by experiment " +
                            spec_.experiment->name);
    }

    /// The largest value that `records` takes.
    std::size_t most_records() {
        std::vector<std::string> taken = spec_.given("records");
        for (const RandomKey& r : spec_.random)
            if (r.key == "records") taken.push_back(value_at(r.range, 1.0));
        if (taken.empty()) taken.push_back(model_->table().find("records")->default_text);
        return std::ranges::max(
            gather(taken, [](const std::string& text) { return std::size_t{std::stoull(text)}; }));
    }

    static constexpr std::size_t kMostPoints = 1000000000;
    std::string place_, problems_, sections_;
    std::vector<Line> lines_;
    std::unique_ptr<Model> model_;
    Spec spec_;
    bool keep_ = false;
    bool first_eta_ = false;  ///< eta = of first point
};

}  // namespace

Spec parse_spec(const std::string& text, const std::string& place) {
    return SpecParser(text, place).parse();
}

Spec read_spec(const std::string& path) {
    constexpr std::size_t kMostBytes = 1 << 20;
    return parse_spec(text::read_file(path, kMostBytes), path);
}

}  // namespace prefdyn::sweep
