// sim/ <- theory/ <- experiments/: a bound is never computed with the simulator's own code.
#include <doctest/doctest.h>

#include <fstream>
#include <regex>

#include "tests/support/support.hpp"

using namespace prefdyn;

namespace {

struct Include {
    std::string from, what;
};

/// Every #include "..." and <...> below a folder of the source tree.
std::vector<Include> includes_of(const std::string& folder) {
    static const std::regex pattern("^\\s*#\\s*include\\s*[\"<]([^\">]+)[\">].*");
    std::vector<Include> out;
    for (const auto& entry :
         std::filesystem::recursive_directory_iterator(test::source_dir() / folder)) {
        std::ifstream in(entry.path());
        std::smatch match;
        for (std::string line; std::getline(in, line);)
            if (std::regex_match(line, match, pattern))
                out.push_back({entry.path().string(), match[1]});
    }
    return out;
}

void check_never(const std::string& folder, const std::string& forbidden) {
    const std::regex pattern(forbidden);
    const auto all = includes_of(folder);
    REQUIRE(all.size() > 20);
    for (const Include& include : all) {
        CAPTURE(include.from);
        CAPTURE(include.what);
        CHECK_FALSE(std::regex_search(include.what, pattern));
    }
}

}  // namespace

TEST_CASE("sim/ sees neither theory/ nor experiments/") {
    check_never("sim", "(theory|experiments)/|\\.cpp$");
}

TEST_CASE("theory/ sees no experiment and no trainer") {
    check_never("theory", "experiments/|\\.cpp$");
    check_never("theory",
                "(trainer|engine|gradient_flow|optimizer|batches|recorder|margin_kernel|metrics|"
                "context_policy)");
}
