#include "theory/formula/claim_file.hpp"

#include <algorithm>
#include <cmath>
#include <sstream>

#include "sim/base/failure.hpp"
#include "sim/base/nearest.hpp"
#include "sim/lm/text/text_file.hpp"
#include "theory/formula/needs.hpp"
#include "theory/formula/range.hpp"
#include "theory/formula/shape.hpp"
#include "theory/formula/units.hpp"
#include "theory/registry.hpp"

namespace prefdyn::theory {

using formula::Node;

const std::vector<NamedFault>& named_faults() {
    static const std::vector<NamedFault> all = {
        {"stronger", PlantedFault::kStronger},
        {"eta doubled", PlantedFault::kEtaDoubled},
        {"eta halved", PlantedFault::kEtaHalved},
        {"beta off", PlantedFault::kBetaOff},
        {"class flipped", PlantedFault::kClassFlipped},
        {"step too large", PlantedFault::kStepTooLarge},
        {"kappa understated", PlantedFault::kKappaUnderstated},
    };
    return all;
}

namespace {

constexpr std::size_t kMostClaims = 1000;

/// A value, and where in its line it begins.
struct Piece {
    std::string text;
    std::size_t column;
};

Piece trimmed(const std::string& text, std::size_t column) {
    const auto first = text.find_first_not_of(" \t\r");
    if (first == std::string::npos) return {"", column + text.size()};
    const auto last = text.find_last_not_of(" \t\r");
    return {text.substr(first, last - first + 1), column + first};
}

/// Short enough for a message.
std::string quoted(const std::string& text) {
    std::string out = "'";
    return out.append(text, 0, 40).append("'");
}

/// Parts between `mark`s outside of parentheses.
std::vector<Piece> parts(const Piece& piece, char mark) {
    std::vector<Piece> out;
    std::size_t begin = 0;
    int depth = 0;
    for (std::size_t k = 0; k <= piece.text.size(); ++k) {
        const char c = k < piece.text.size() ? piece.text[k] : mark;
        depth += c == '(' ? 1 : c == ')' ? -1 : 0;
        if (c != mark || (depth > 0 && k < piece.text.size())) continue;
        out.push_back(trimmed(piece.text.substr(begin, k - begin), piece.column + begin));
        begin = k + 1;
    }
    return out;
}

const formula::Grammar& grammar() {
    static const formula::Grammar all{function_names(), false};
    return all;
}

Node formula_of(const Piece& piece) { return formula::parse(piece.text, grammar(), piece.column); }

struct Line {
    int number;
    std::string key;
    Piece value;
};

struct Section {
    int number;
    std::string id;
    std::vector<Line> lines;
};

const std::vector<std::string> kKeys = {"title", "source",  "origin",  "needs",     "claim",
                                        "scale", "trivial", "control", "experiment"};

bool is_id(const std::string& id) {
    return !id.empty() && id.size() <= 24 && std::isalpha(static_cast<unsigned char>(id[0])) != 0 &&
           std::all_of(id.begin(), id.end(),
                       [](unsigned char c) { return c < 128 && std::isalnum(c) != 0; });
}

class Parser {
  public:
    Parser(const std::string& text, std::string place, bool built_in)
        : place_(std::move(place)), built_in_(built_in) {
        read_lines(text);
    }

    ClaimFile parse() {
        if (sections_.empty() && problems_.empty())
            complain(1, 1, "there is no claim", "a claim begins with its id in brackets: [X1]");
        for (const Section& section : sections_) read(section);
        if (!problems_.empty())
            throw InputError(problems_,
                             "`prefdyn quantities` lists names and assumptions, "
                             "docs/adding-a-claim.md has an example");
        return std::move(out_);
    }

  private:
    std::string at(int line, std::size_t column) const {
        return place_ + ":" + std::to_string(line) + ":" + std::to_string(column);
    }

    void complain(int line, std::size_t column, const std::string& what,
                  const std::string& hint = {}) {
        problems_.append(problems_.empty() ? "" : "\n")
            .append(at(line, column) + ": " + what)
            .append(hint.empty() ? "" : "; " + hint);
    }

    template <class Action>
    void guarded(const Line& line, Action action) {
        try {
            action();
        } catch (const formula::Error& e) {
            complain(line.number, e.column(), e.what(), e.hint());
        } catch (const InputError& e) {
            complain(line.number, line.value.column, e.what(), e.hint());
        }
    }

    void read_lines(const std::string& text) {
        std::istringstream in(text);
        std::string raw;
        for (int number = 1; std::getline(in, raw); ++number) {
            if (number == 1 && raw.starts_with("\xef\xbb\xbf")) raw.erase(0, 3);
            const Piece line = trimmed(raw.substr(0, raw.find('#')), 1);
            if (line.text.empty()) continue;
            if (line.text.front() == '[')
                begin_section(number, line);
            else
                add_line(number, line);
        }
    }

    void begin_section(int number, const Piece& line) {
        std::string inside = line.text.substr(1);
        const bool closed = inside.ends_with(']');
        if (closed) inside.pop_back();
        const Piece id = trimmed(inside, line.column + 1);
        if (!closed || !is_id(id.text))
            complain(number, line.column, quoted(line.text) + " is no head of a claim",
                     "an id is a letter and up to 23 letters or digits, in brackets: [X1]");
        const auto same = std::ranges::find(sections_, id.text, &Section::id);
        if (same != sections_.end())
            complain(number, id.column,
                     id.text + " is claimed in line " + std::to_string(same->number) + " already");
        if (!built_in_ && is_claim_id(id.text))
            complain(number, id.column, id.text + " is the id of a built-in claim",
                     "choose another");
        if (sections_.size() == kMostClaims)
            complain(number, 1, "more than " + std::to_string(kMostClaims) + " claims");
        sections_.push_back({number, id.text, {}});
    }

    void add_line(int number, const Piece& line) {
        const auto equals = line.text.find('=');
        if (equals == std::string::npos)
            return complain(number, line.column,
                            quoted(line.text) + " is not of the form key = value");
        const std::string key = trimmed(line.text.substr(0, equals), 1).text;
        const Piece value = trimmed(line.text.substr(equals + 1), line.column + equals + 1);
        if (std::ranges::count(kKeys, key) == 0) {
            const std::string near = nearest(key, kKeys);
            return complain(number, line.column, "unknown key " + quoted(key),
                            near.empty()
                                ? "known: title, source, origin, needs, claim, scale, trivial, "
                                  "control, experiment"
                                : "did you mean " + near + "?");
        }
        if (value.text.empty()) return complain(number, line.column, key + " has no value");
        if (sections_.empty())
            return complain(number, line.column, key + " stands before the first claim",
                            "a claim begins with its id in brackets: [X1]");
        auto& lines = sections_.back().lines;
        const auto before = std::ranges::find(lines, key, &Line::key);
        const bool once =
            key == "title" || key == "source" || key == "origin" || key == "experiment";
        if (once && before != lines.end())
            return complain(
                number, line.column,
                key + " is given in line " + std::to_string(before->number) + " already");
        lines.push_back({number, key, value});
    }

    void read(const Section& section) {
        auto f = std::make_shared<FormulaClaim>();
        f->id = section.id;
        f->place = place_ + ":" + std::to_string(section.number);
        f->built_in = built_in_;
        const std::size_t before = problems_.size();
        of_records_.clear();
        for (const Line& line : section.lines)
            if (line.key == "experiment") guarded(line, [&] { read_experiment(line, *f); });
        for (const Line& line : section.lines) guarded(line, [&] { read(line, *f); });
        if (problems_.size() != before) return;
        if (f->statements.empty())
            return complain(section.number, 1, section.id + " claims nothing",
                            "give it a line claim = ...");
        complete(*f);
        out_.canonical += f->canonical();
        out_.claims.push_back(make_claim(std::move(f)));
    }

    void read_experiment(const Line& line, FormulaClaim& f) {
        if (line.value.text == "priority")
            f.about = About::kBehaviours;
        else if (line.value.text != "run")
            throw InputError("experiment = " + line.value.text + ", known: run, priority");
    }

    void read(const Line& line, FormulaClaim& f) {
        if (line.key == "title") f.title = line.value.text;
        if (line.key == "source") f.source = line.value.text;
        if (line.key == "origin") read_origin(line, f);
        if (line.key == "needs")
            for (const Piece& need : parts(line.value, ';')) read_need(line, need, f);
        if (line.key == "claim") read_claim(line, f);
        if (line.key == "scale" || line.key == "trivial") {
            if (f.statements.empty())
                throw InputError(line.key + " stands before the claim it belongs to",
                                 "put it below a line claim = ...");
            Statement& s = f.statements.back();
            auto& worth = line.key == "scale" ? s.scale : s.trivial;
            if (worth) throw InputError(line.key + " is given twice for one claim");
            worth = read_worth(line, f);
        }
        if (line.key == "control")
            for (const Piece& name : parts(line.value, ';')) read_control(name, f);
    }

    void read_origin(const Line& line, FormulaClaim& f) {
        const auto p = parts(line.value, ';');
        if (p.size() != 4 || p[0].text.empty() || p[1].text.empty() || p[3].text.empty())
            throw InputError(
                "an origin is paper; reference; number of the statement there, or "
                "nothing; what of it is claimed");
        f.origin = {p[0].text, p[1].text, p[2].text, p[3].text};
    }

    void warn(const Line& line, const Node& node) {
        for (const Warning& w : unit_warnings(node))
            out_.warnings.push_back(at(line.number, w.column) + ": " + w.text);
    }

    void read_need(const Line& line, const Piece& need, FormulaClaim& f) {
        if (const auto found = find_need(need.text)) {
            f.needs.push_back({need.text, found->assumption});
            f.about_path = f.about_path || found->known->about_path;
            f.from_reference = f.from_reference || found->known->from_reference;
            if (found->eta_kappa > 0.0) f.eta_kappa = found->eta_kappa;
            return;
        }
        std::vector<std::string> known;
        for (const KnownNeed& k : known_needs()) known.push_back(k.name);
        const std::string near = nearest(need.text, known);
        if (need.text.find_first_of("<>=") == std::string::npos)
            throw formula::Error(
                need.column, "'" + need.text + "' is no assumption",
                near.empty() ? "`prefdyn quantities` lists them" : "did you mean " + near + "?");
        Node condition = formula_of(need);
        const Shape shape = condition_shape(condition, {.about = f.about});
        warn(line, condition);
        (shape.records ? of_records_ : f.conditions).push_back(std::move(condition));
    }

    /// A condition on the case or a record, not on single samples.
    static Shape condition_shape(const Node& condition, const Scene& scene) {
        const Shape shape = require_number(condition, scene, "an assumption");
        if (!shape.truth)
            throw formula::Error(condition.column,
                                 "an assumption is a comparison, as p_plus == 0.5");
        return shape;
    }

    void read_claim(const Line& line, FormulaClaim& f) {
        Statement s;
        s.place = place_ + ":" + std::to_string(line.number);
        Piece body = line.value;
        const auto colon = line.value.text.rfind(':');
        if (colon != std::string::npos) {
            Piece head = {line.value.text.substr(0, colon), line.value.column};
            std::ranges::replace(head.text, ':', ',');  // `after t > 0: where label > 0:`
            for (const Piece& part : parts(head, ',')) read_restriction(part, s.where, f);
            body = trimmed(line.value.text.substr(colon + 1), line.value.column + colon + 1);
        }
        s.relation = formula_of(body);
        const Scene scene = scene_of(s.where, f);
        for (const Node& condition : s.where.conditions)
            if (!shape_of(condition, scene).truth)
                throw formula::Error(condition.column, "a number where a comparison is wanted");
        require_relation(s.relation, scene);
        require_breakable(s.relation, scene);
        warn(line, s.relation);
        for (const Node& condition : s.where.conditions) warn(line, condition);
        s.text = text_of(s);
        f.statements.push_back(std::move(s));
    }

    static Scene scene_of(const Restriction& where, const FormulaClaim& f) {
        using enum Restriction::Records;
        return {.about = f.about,
                .record_pairs = where.records == kPairs || where.records == kNeighbours,
                .behaviour_pairs = where.behaviour_pairs};
    }

    void read_restriction(const Piece& part, Restriction& where, const FormulaClaim& f) {
        using enum Restriction::Records;
        const auto take = [&](Restriction::Records records) {
            if (where.records != kAll) throw formula::Error(part.column, "two choices of records");
            where.records = records;
        };
        std::string text = part.text;
        std::erase_if(text, [](char c) { return c == ' ' || c == '\t'; });
        if (text == "start") return take(kStart);
        if (text == "end") return take(kEnd);
        if (text == "fors<=t" || text == "fors<t") return take(kPairs);
        if (text == "fors=previous") return take(kNeighbours);
        if (text == "forj") {
            if (f.about != About::kBehaviours)
                throw formula::Error(part.column, "`for j` is of behaviours",
                                     "give the claim experiment = priority");
            where.behaviour_pairs = true;
            return;
        }
        for (const char* word : {"after", "where", "while"})
            if (part.text.starts_with(std::string(word) + " ")) {
                const std::size_t skip = std::string(word).size();
                const Node condition =
                    formula_of(trimmed(part.text.substr(skip), part.column + skip));
                if (std::string(word) != "where")
                    require_number(condition, scene_of(where, f), word);
                where.conditions.push_back(condition);
                return;
            }
        throw formula::Error(part.column,
                             "'" + part.text + "' does not say where the claim is made",
                             "known: start, end, after ..., while ..., where ..., for s <= t, "
                             "for s = previous, for j");
    }

    /// One number, or where the claim above is about samples one a sample.
    Node read_worth(const Line& line, const FormulaClaim& f) {
        const Statement& above = f.statements.back();
        const Scene scene = scene_of(above.where, f);
        Node node = formula_of(line.value);
        const bool single = shape_of(above.relation, scene).over == Over::kNothing;
        const Shape shape = single ? require_number(node, scene, line.key) : shape_of(node, scene);
        if (shape.truth) throw formula::Error(node.column, "a comparison where a number is wanted");
        return node;
    }

    void read_control(const Piece& name, FormulaClaim& f) {
        std::vector<std::string> known;
        std::string all;
        for (const NamedFault& fault : named_faults()) {
            known.emplace_back(fault.name);
            all.append(all.empty() ? "" : "; ").append(fault.name);
            if (name.text != fault.name) continue;
            if (std::ranges::count(f.controls, fault.fault) == 0) f.controls.push_back(fault.fault);
            return;
        }
        const std::string near = nearest(name.text, known);
        throw formula::Error(name.column, "unknown control '" + name.text + "'",
                             near.empty() ? "known: " + all : "did you mean " + near + "?");
    }

    static std::string text_of(const Statement& s) {
        using enum Restriction::Records;
        std::vector<std::string> head;
        const auto records = s.where.records;
        if (records == kStart) head.emplace_back("start");
        if (records == kEnd) head.emplace_back("end");
        if (records == kPairs) head.emplace_back("for s <= t");
        if (records == kNeighbours) head.emplace_back("for s = previous");
        if (s.where.behaviour_pairs) head.emplace_back("for j");
        for (const Node& c : s.where.conditions) head.push_back("where " + formula::text_of(c));
        std::string out;
        for (const std::string& h : head) out.append(out.empty() ? "" : ", ").append(h);
        return out + (out.empty() ? "" : ": ") + formula::text_of(s.relation);
    }

    /// What follows from the lines: conditions at records, ranges, what runs must keep.
    void complete(FormulaClaim& f) {
        const bool samples = std::ranges::any_of(
            names_of(f, true), [](const Quantity* q) { return q->over == Over::kSamples; });
        const Over over = samples                         ? Over::kSamples
                          : f.about == About::kBehaviours ? Over::kBehaviours
                                                          : Over::kNothing;
        for (Statement& s : f.statements) {
            s.where.conditions.insert(s.where.conditions.end(), of_records_.begin(),
                                      of_records_.end());
            s.text = text_of(s);
            s.over = over;
            for (const Sides& side : sides(s.relation)) {
                const Interval range = range_of(*side.measured);
                s.least = range.low;
                s.most = range.high;
            }
            s.undefined = s.place + ": a side is not a number";
            s.divided = s.place + ": division by zero";
        }
        const auto speaks = [&](const char* name) { return speaks_of(f, name); };
        f.keep.margins = speaks("m");
        f.keep.heads = speaks("sin_zbar");
        f.keep.log_probabilities = speaks("logp_w") || speaks("logp_l") || speaks("ref_gap");
        if (f.title.empty()) f.title = f.statements.front().text.substr(0, 60);
        if (f.source.empty()) f.source = f.place;
        if (f.about == About::kBehaviours && !f.controls.empty())
            throw InputError(f.place + ": controls are planted in runs of one behaviour",
                             "a claim with experiment = priority takes none: remove `control`");
        if (!built_in_ && f.controls.empty() && f.about == About::kRuns)
            f.controls = {PlantedFault::kStronger, PlantedFault::kEtaDoubled};
    }

    std::string place_, problems_;
    bool built_in_;
    std::vector<Section> sections_;
    std::vector<Node> of_records_;  ///< conditions of the claim being read that vary over records
    ClaimFile out_;
};

}  // namespace

ClaimFile parse_claims(const std::string& text, const std::string& place, bool built_in) {
    return Parser(text, place, built_in).parse();
}

ClaimFile read_claim_file(const std::string& path) {
    constexpr std::size_t kMostBytes = 1 << 20;
    return parse_claims(text::read_file(path, kMostBytes), path);
}

}  // namespace prefdyn::theory
