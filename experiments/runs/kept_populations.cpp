#include "experiments/runs/kept_populations.hpp"

#include <map>
#include <mutex>

#include "sim/base/failure.hpp"

namespace prefdyn {

namespace {

constexpr const char* kBefore = " @ ";

struct Catalogue {
    std::mutex door;
    std::map<std::string, std::shared_ptr<const Population>> all;  ///< by known name
};

Catalogue& catalogue() {
    static Catalogue one;
    return one;
}

}  // namespace

std::string hash_in(const std::string& known) {
    constexpr std::size_t kUuid = 36;
    const auto at = known.rfind(kBefore);
    if (at == known.npos || known.size() != at + 3 + kUuid) return "";
    const std::string hash = known.substr(at + 3);
    return hash.find_first_not_of("0123456789abcdef-") == hash.npos ? hash : "";
}

std::string known_population(const std::string& text) {
    if (!hash_in(text).empty()) return text;
    auto population = std::make_shared<const Population>(read_population(text));
    const std::string name = population->known_name();
    const std::lock_guard lock(catalogue().door);
    catalogue().all.try_emplace(name, std::move(population));
    return name;
}

std::shared_ptr<const Population> population_of(const std::string& text) {
    {
        const std::lock_guard lock(catalogue().door);
        if (const auto at = catalogue().all.find(text); at != catalogue().all.end())
            return at->second;
    }
    const bool known = !hash_in(text).empty();
    const std::string name = known_population(known ? text.substr(0, text.rfind(kBefore)) : text);
    if (known && hash_in(name) != hash_in(text))
        throw InputError(
            "population " + text + ": the file's contents have become " + hash_in(name),
            "restore the file, or begin anew with the one that lies there");
    const std::lock_guard lock(catalogue().door);
    return catalogue().all.at(name);
}

}  // namespace prefdyn
