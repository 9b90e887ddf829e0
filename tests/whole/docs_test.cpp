// Generated pages are the committed ones, and the example in the docs is the one that is tested.
#include <doctest/doctest.h>

#include <fstream>
#include <regex>
#include <sstream>

#include "experiments/commands/commands.hpp"
#include "experiments/commands/result_fields.hpp"
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

TEST_CASE("docs/theory.md names figures that the report draws") {
    std::string report;
    for (const auto& entry : std::filesystem::directory_iterator(source_dir() / "analysis"))
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

TEST_CASE("docs/adding-a-claim.md shows the tested claim") {
    const std::string source = read(source_dir() / "tests" / "example_claim_test.cpp");
    const std::string mark = "// [claim]\n";
    const auto first = source.find(mark) + mark.size();
    const std::string example = source.substr(first, source.find(mark, first) - first);
    CHECK(std::count(example.begin(), example.end(), '\n') < 40);
    CHECK(contains(read(source_dir() / "docs" / "adding-a-claim.md"), example));
}

}  // namespace prefdyn::test
