// The layout of docs/house.md: folders on floors, includes that never climb, tests beside their
// units.
#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>

#include "tests/support/support.hpp"

using namespace prefdyn;
namespace fs = std::filesystem;

namespace {

constexpr std::size_t kLargestFolder = 50;
const std::vector<std::string> kTops = {"sim", "theory", "experiments", "bench"};

std::string read(const fs::path& path) {
    std::ifstream in(path);
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
}

/// Floor of every room, and whether its row names a file it has.
struct House {
    std::map<std::string, int> floor;
    std::map<std::string, std::vector<std::string>> files;
};

House house() {
    static const std::regex row("^\\| (\\d+) \\| `([a-z_/]+)` \\| [^|]+ \\| ([^|]+) \\|$");
    static const std::regex name("`([a-z_0-9/.]+)`");
    House out;
    std::ifstream in(test::source_dir() / "docs" / "house.md");
    std::smatch match;
    for (std::string line; std::getline(in, line);) {
        if (!std::regex_match(line, match, row)) continue;
        out.floor[match[2]] = std::stoi(match[1]);
        const std::string files = match[3];
        for (std::sregex_iterator at(files.begin(), files.end(), name), end; at != end; ++at)
            out.files[match[2]].push_back((*at)[1]);
    }
    return out;
}

std::string relative(const fs::path& path) {
    return fs::relative(path, test::source_dir()).generic_string();
}

/// Sources below these folders.
std::vector<fs::path> sources(const std::vector<std::string>& tops) {
    static const std::set<std::string> kinds = {".hpp", ".cpp", ".cu", ".cuh"};
    std::vector<fs::path> out;
    for (const std::string& top : tops)
        for (const auto& entry : fs::recursive_directory_iterator(test::source_dir() / top))
            if (kinds.contains(entry.path().extension().string())) out.push_back(entry.path());
    return out;
}

/// The room a folder belongs to: itself, or the nearest one above it that is listed.
std::string room_of(const House& house, std::string folder) {
    while (!folder.empty() && !house.floor.contains(folder))
        folder = fs::path(folder).parent_path().generic_string();
    return folder;
}

std::vector<std::string> includes_of(const fs::path& path) {
    static const std::regex pattern("^\\s*#\\s*include\\s*[\"<]([^\">]+)[\">].*");
    std::vector<std::string> out;
    std::ifstream in(path);
    std::smatch match;
    for (std::string line; std::getline(in, line);)
        if (std::regex_match(line, match, pattern)) out.push_back(match[1]);
    return out;
}

bool in_the_house(const std::string& include) {
    return std::any_of(kTops.begin(), kTops.end(),
                       [&](const std::string& top) { return include.starts_with(top + "/"); });
}

/// What is wrong with an include of `what` in a file of the folder `from`; empty if nothing.
std::string climbs(const House& house, const std::string& from, const std::string& what) {
    const std::string folder = fs::path(what).parent_path().generic_string();
    const std::string above = room_of(house, from), below = room_of(house, folder);
    if (what.ends_with(".cpp") || what.ends_with(".cu")) return "is no header";
    if (below.empty()) return "lies in no room";
    if (folder.ends_with("/tokenizer") && above != below) return "is sealed";
    if (above != below && house.floor.at(below) >= house.floor.at(above)) return "climbs";
    return {};
}

}  // namespace

TEST_CASE("includes never climb") {
    const House list = house();
    REQUIRE(list.floor.size() > 25);
    std::size_t seen = 0;
    for (const fs::path& path : sources(kTops)) {
        const std::string from = fs::path(::relative(path)).parent_path().generic_string();
        CHECK_MESSAGE(!room_of(list, from).empty(), from);
        for (const std::string& what : includes_of(path)) {
            if (!in_the_house(what)) continue;
            ++seen;
            CHECK_MESSAGE(climbs(list, from, what).empty(), ::relative(path), " includes ", what,
                          ": ", climbs(list, from, what));
            CHECK_MESSAGE(fs::exists(test::source_dir() / what), what);
        }
    }
    CHECK(seen > 1000);
}

TEST_CASE("the check of includes can fail") {
    const House list = house();
    CHECK(climbs(list, "sim/base", "sim/data/dataset.hpp") == "climbs");
    CHECK(climbs(list, "sim/lm/model", "sim/data/dataset.hpp") == "climbs");
    CHECK(climbs(list, "theory", "experiments/runs/run.hpp") == "climbs");
    CHECK(climbs(list, "experiments/studies/priority", "experiments/studies/rlhf/rlhf.hpp") ==
          "climbs");
    CHECK(climbs(list, "experiments/commands", "sim/lm/text/tokenizer/bpe.hpp") == "is sealed");
    CHECK(climbs(list, "sim/lm/text", "sim/lm/text/tokenizer/bpe.hpp").empty());
    CHECK(climbs(list, "sim/head", "sim/head/engine.cpp") == "is no header");
    CHECK(climbs(list, "theory", "sim/data/dataset.hpp").empty());
}

TEST_CASE("theory/ sees no trainer") {
    const std::regex trainer(
        "(trainer|engine|gradient_flow|optimizer|batches|recorder|margin_kernel|metrics|"
        "context_policy)");
    for (const fs::path& path : sources({"theory"}))
        for (const std::string& what : includes_of(path))
            CHECK_MESSAGE(!std::regex_search(what, trainer), ::relative(path), " includes ", what);
}

TEST_CASE("no folder is crowded") {
    std::map<std::string, std::size_t> files;  // of every kind
    for (const std::string top : {"sim", "theory", "experiments", "bench", "tests"})
        for (const auto& entry : fs::recursive_directory_iterator(test::source_dir() / top))
            if (!entry.is_directory()) ++files[::relative(entry.path().parent_path())];
    for (const auto& [folder, count] : files)
        CHECK_MESSAGE(count <= kLargestFolder, folder, " has ", count, " files");
    CHECK(files.size() > 30);
}

TEST_CASE("docs/house.md has every folder and names files of each") {
    const House list = house();
    for (const auto& [folder, floor] : list.floor) {
        CHECK_MESSAGE(list.files.contains(folder), folder);
        for (const std::string& file : list.files.at(folder))
            CHECK_MESSAGE(fs::exists(test::source_dir() / folder / file), folder, "/", file);
    }
    for (const fs::path& path : sources(kTops)) {
        const std::string folder = ::relative(path.parent_path());
        CHECK_MESSAGE(!room_of(list, folder).empty(), folder, " is in no row");
    }
}

TEST_CASE("paths that docs/house.md names exist") {
    const std::string page = read(test::source_dir() / "docs" / "house.md");
    static const std::regex path("`((?:sim|theory|experiments|bench|analysis|tests|docs)/[^`*]*)`");
    std::size_t seen = 0;
    for (std::sregex_iterator at(page.begin(), page.end(), path), end; at != end; ++at) {
        const std::string name = (*at)[1];
        if (name.find("NAME") != std::string::npos) continue;
        ++seen;
        CHECK_MESSAGE(fs::exists(test::source_dir() / name), name);
    }
    CHECK(seen > 30);
}

TEST_CASE("a test lies where its unit lies and bears its name") {
    static const std::set<std::string> apart = {"whole", "support",  "analysis", "oracle",
                                                "fuzz",  "mutation", "consumer", "fake_driver"};
    std::size_t seen = 0;
    for (const fs::path& path : sources({"tests"})) {
        const fs::path name = fs::relative(path, test::source_dir() / "tests");
        const std::string stem = path.stem().string();
        if (!stem.ends_with("_test") || apart.contains(name.begin()->string())) continue;
        const fs::path unit =
            test::source_dir() / name.parent_path() / stem.substr(0, stem.size() - 5);
        const bool there = std::ranges::any_of(
            std::vector<std::string>{".hpp", ".cpp", ".cu", ".cuh", ".def"},
            [&](const std::string& kind) { return fs::exists(unit.string() + kind); });
        CHECK_MESSAGE(there, name.string(), " has no unit");
        ++seen;
    }
    CHECK(seen > 80);
}
