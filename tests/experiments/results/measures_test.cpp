#include "experiments/results/measures.hpp"

#include <doctest/doctest.h>

#include <map>
#include <stdexcept>

#include "experiments/commands/result_fields.hpp"
#include "experiments/finetune/run_file.hpp"
#include "experiments/sweep/model.hpp"

namespace prefdyn::test {

namespace {

/// Every real number that some file holds, as a file of runs, of a sweep, or of trainings.
std::vector<Field> all_fields() {
    std::vector<Field> out = result_fields();
    for (const Field& field : finetune_fields()) out.push_back(field);
    for (const auto& experiment : sweep::experiments())
        for (const Measure& m : experiment.measures) out.push_back(field_of(m, {"point"}));
    std::erase_if(out, [](const Field& f) { return f.type != FieldType::kReal; });
    return out;
}

}  // namespace

TEST_CASE("measures are declared once, each with words") {
    std::map<std::string, std::size_t> count;
    for (const Measure& m : measures()) {
        CHECK_MESSAGE(++count[m.name] == 1, m.name);
        CHECK_MESSAGE(!m.words.empty(), m.name);
        CHECK(measure(m.name).words == m.words);
    }
    CHECK_THROWS_AS(measure("loss_of_nothing"), std::logic_error);
}

TEST_CASE("a number has one unit and one meaning in all files") {
    std::map<std::string, Field> first;
    std::size_t shared = 0;
    for (const Field& field : all_fields()) {
        const auto [known, fresh] = first.emplace(field.name, field);
        if (fresh) continue;
        ++shared;
        CHECK_MESSAGE(field.unit == known->second.unit, field.name);
        // A file may add to the words what it is taken of.
        const std::string &a = field.description, &b = known->second.description;
        CHECK_MESSAGE((a.starts_with(b) || b.starts_with(a)), field.name, ": ", a, "; ", b);
    }
    CHECK(shared > 25);
}

TEST_CASE("a measure under another name keeps unit and words") {
    const Measure eval = on_held_out_set("loss");
    CHECK(eval.name == "eval_loss");
    CHECK(eval.unit == "nats");
    CHECK(eval.words == "mean loss; held-out set");
    CHECK(on_training_set("loss").words == "mean loss; training set");
    CHECK(measure_as("x_step", "step").words == measure("step").words);
    const Field field = field_of(eval, {"run", "record"});
    CHECK(field.axes.size() == 2);
    CHECK(field.type == FieldType::kReal);
}

TEST_CASE("measures are chosen by name, in the names' order") {
    const std::vector<Measured<double>> all = {{"time", [](double x) { return x; }},
                                               {"step", [](double x) { return 2.0 * x; }}};
    const auto two = chosen(all, {"step", "time"});
    REQUIRE(two.size() == 2);
    CHECK(two[0].get(3.0) == 6.0);
    CHECK(two[1].measure.name == "time");
}

}  // namespace prefdyn::test
