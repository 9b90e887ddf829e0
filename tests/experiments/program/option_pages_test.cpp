#include "experiments/program/option_pages.hpp"

#include <doctest/doctest.h>

#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>

#include "experiments/commands/commands.hpp"
#include "tests/support/support.hpp"

namespace prefdyn::test {

namespace {

/// What bash completes after `words`, sorted; the last word is being typed.
std::string completed(const std::string& words, const std::string& last) {
    const TemporaryDirectory folder;
    std::ofstream(folder / "script") << completion_script(Shell::kBash, all_parameters());
    std::ofstream(folder / "ask") << "source '" << (folder / "script") << "'\nCOMP_WORDS=(prefdyn "
                                  << words << " '" << last << "')\n"
                                  << "COMP_CWORD=$((${#COMP_WORDS[@]} - 1))\n_prefdyn\n"
                                  << "printf '%s ' \"${COMPREPLY[@]}\"\n";
    std::string out;
    FILE* pipe = popen(("bash '" + (folder / "ask") + "' 2>&1").c_str(), "r");
    REQUIRE(pipe);
    for (int c; (c = std::fgetc(pipe)) != EOF;) out += static_cast<char>(c);
    CHECK(pclose(pipe) == 0);
    return out;
}

}  // namespace

TEST_CASE("the options as JSON say what the table says, for every command") {
    const auto json = nlohmann::json::parse(options_json());
    const auto all = all_parameters();
    REQUIRE(json.at("commands").size() == all.size());
    for (const auto& [name, parameters] : all) {
        const auto& options = json.at("commands").at(name).at("options");
        REQUIRE(options.size() == parameters.size());
        for (std::size_t k = 0; k < parameters.size(); ++k) {
            CHECK(options[k].at("name") == parameters[k].name);
            CHECK(options[k].at("default") == parameters[k].default_text);
            CHECK(options[k].at("range") == parameters[k].range);
            CHECK(options[k].at("choices") == parameters[k].choices);
        }
    }
    const auto& samples = json.at("commands").at("simulate").at("options").at(0);
    CHECK(samples.at("name") == "samples");
    CHECK(samples.at("type") == "integer");
}

TEST_CASE("bash completes commands, options, and the values of choices") {
    CHECK(completed("", "sim") == "simulate ");
    CHECK(completed("simulate", "--disting") == "--distinguishability ");
    CHECK(completed("simulate --method", "ad") == "adam ");
    CHECK(completed("completion", "z") == "zsh ");
    CHECK(completed("verify", "--he") == "--help ");
    CHECK(completed("", "--ver") == "--version ");
    CHECK(completed("help", "misa") == "misalign ");
}

TEST_CASE("the script for zsh is that for bash behind zsh's own preparation") {
    const std::string zsh = completion_script(Shell::kZsh, all_parameters());
    CHECK(zsh.starts_with("autoload"));
    CHECK(zsh.ends_with(completion_script(Shell::kBash, all_parameters())));
}

}  // namespace prefdyn::test
