#pragma once
// What a recorded number is called and means. Every number that runs of a head, points of a sweep
// or trainings of a whole model record is declared once, for all files that hold it; what a single
// study records is declared beside the study.

#include <algorithm>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include "experiments/results/result_writer.hpp"

namespace prefdyn {

/// In a run of a head: one number, or one a recorded point. (Where features are trained, what is
/// measured of them is recorded at every point as well.)
enum class MeasureAxis { kRun, kRecord };

struct Measure {
    std::string name, unit, words;
    MeasureAxis axis = MeasureAxis::kRun;
};

const std::vector<Measure>& measures();

/// Throws std::logic_error if none is declared under this name.
const Measure& measure(const std::string& name);

/// What is declared as `of`, under another name; `where` says what it is taken of ("held-out set",
/// "behaviour 2"), empty if the name does.
Measure measure_as(const std::string& name, const std::string& of, const std::string& where = {});

/// Of pairs that are trained on, and of those that are not: "eval_" before its name.
Measure on_training_set(const std::string& of);
Measure on_held_out_set(const std::string& of);

Field field_of(const Measure& measure, std::vector<std::string> axes);

/// A measure and how a row object gives it.
template <class Row>
struct Measured {
    Measured(Measure m, std::function<double(const Row&)> g)
        : measure(std::move(m)), get(std::move(g)) {}
    Measured(const char* name, std::function<double(const Row&)> g)
        : Measured(prefdyn::measure(name), std::move(g)) {}

    Measure measure;
    std::function<double(const Row&)> get;
};

/// Those of these names, in the order of the names. Throws std::logic_error if one is not there.
template <class Row>
std::vector<Measured<Row>> chosen(const std::vector<Measured<Row>>& all,
                                  const std::vector<std::string>& names) {
    std::vector<Measured<Row>> out;
    for (const std::string& name : names) {
        const auto found = std::ranges::find_if(
            all, [&](const Measured<Row>& each) { return each.measure.name == name; });
        if (found == all.end()) throw std::logic_error("no measure " + name + " to choose");
        out.push_back(*found);
    }
    return out;
}

}  // namespace prefdyn
