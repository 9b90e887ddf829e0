// Generated pages are the committed ones; docs/theory.md states every claim.
#include <doctest/doctest.h>

#include <cmath>
#include <fstream>
#include <regex>
#include <sstream>

#include "experiments/commands/commands.hpp"
#include "experiments/commands/result_fields.hpp"
#include "sim/loss/loss.hpp"
#include "tests/support/support.hpp"
#include "theory/registry.hpp"

namespace prefdyn::test {

namespace {

std::string read(const std::filesystem::path& path) {
    std::ifstream in(path);
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
}

}  // namespace

TEST_CASE("docs/file-format.md and docs/options.md are fresh") {
    CHECK(read(source_dir() / "docs" / "file-format.md") == file_format_page());
    CHECK(read(source_dir() / "docs" / "options.md") == options_page());
}

TEST_CASE("docs/scaled.md has the table of architectures") {
    const std::string page = read(source_dir() / "docs" / "scaled.md");
    CHECK(contains(page, std::string("\n").append(architectures_table()).append("\n")));
}

TEST_CASE("docs/theory.md states every claim and names files that exist") {
    const std::string page = read(source_dir() / "docs" / "theory.md");
    for (const auto& claim : theory::claims()) {
        CAPTURE(claim.id);
        CHECK((contains(page, "**" + claim.id + "**") || contains(page, "**" + claim.id + ".**") ||
               contains(page, "**" + claim.id + ",") || contains(page, ", " + claim.id + "**") ||
               contains(page, ", " + claim.id + ",")));
    }
    const std::regex quoted("`((sim|theory|experiments|tests)/[a-z_0-9/]+\\.[a-z]+)`");
    for (std::sregex_iterator at(page.begin(), page.end(), quoted), end; at != end; ++at)
        CHECK_MESSAGE(std::filesystem::exists(source_dir() / (*at)[1].str()), (*at)[1].str());
}

TEST_CASE("docs/theory.md says of every loss which bounds its shape allows") {
    const std::string page = read(source_dir() / "docs" / "theory.md");
    const auto yes = [](bool is) { return std::string(is ? "yes" : "no"); };
    const auto allows = [](const std::string& claims, const LossFacts& facts) {
        theory::Evidence evidence;
        evidence.training.loss = facts;
        bool all = true;
        for (const auto& claim : theory::select_claims(claims))
            for (const auto& assumption : claim.assumptions)
                if (contains(assumption.text, "phi is a smooth"))
                    all = all && assumption.unmet(evidence).empty();
        return all;
    };
    for (const std::string& name : loss_names()) {
        const LossFacts f = make_loss(typical_loss(name, 0.1))->facts();
        const char* form = f.form == LossForm::kMargin ? "the margin"
                           : f.form == LossForm::kPair ? "both rewards"
                                                       : "margins by rank";
        const std::string bounded =
            f.form == LossForm::kPair ? "-" : yes(std::isfinite(f.curvature_max));
        const std::string row = "| `" + name + "` | " + form + " | " + yes(f.convex) + " | " +
                                bounded + " | " + yes(allows("T3a,T4a", f)) + " | " +
                                yes(allows("T2a,T2b,T3b,T3c,T4b", f)) + " |\n";
        CHECK_MESSAGE(contains(page, row), row);
    }
}

TEST_CASE("docs/theory.md names figures that the report draws") {
    std::string report;
    for (const auto& entry :
         std::filesystem::directory_iterator(source_dir() / "analysis" / "prefdyn"))
        if (entry.path().extension() == ".py") report += read(entry.path());
    const std::string page = read(source_dir() / "docs" / "theory.md");
    const std::regex figures("figures?( on given features)? \\*[^);]*"), name("\\*([a-z_]+)\\*");
    std::size_t named = 0;
    for (std::sregex_iterator at(page.begin(), page.end(), figures), end; at != end; ++at) {
        const std::string list = at->str();
        for (std::sregex_iterator f(list.begin(), list.end(), name); f != end; ++f, ++named)
            CHECK_MESSAGE(contains(report, std::string(1, '"').append(f->str(1)).append("\"")),
                          f->str(1));
    }
    CHECK(named >= 20);
}

TEST_CASE("a source in theory.md is a statement that is there") {
    const std::string page = read(source_dir() / "docs" / "theory.md");
    const std::regex reference("theory\\.md (T[0-9]+[a-z]?)");
    for (const auto& claim : theory::claims()) {
        std::smatch place;
        if (!std::regex_search(claim.source, place, reference)) continue;
        CAPTURE(claim.id);
        CHECK((contains(page, "**" + place.str(1)) || contains(page, ", " + place.str(1))));
    }
}

}  // namespace prefdyn::test
