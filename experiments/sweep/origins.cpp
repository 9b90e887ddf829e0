#include "experiments/sweep/origins.hpp"

#include <algorithm>

#include "experiments/program/parameter_table.hpp"

namespace prefdyn::sweep {

namespace {

std::string kind_of(const Provenance& origin) {
    const auto get = [&](const char* key) { return value_of(origin, key); };
    return "version " + get("version") + ", commit " + get("commit") +
           (get("commit_dirty") == "true" ? " with changes" : "") + ", " + get("compiler") +
           ", flags " + get("flags") + ", arithmetic " + get("arithmetic") + ", device " +
           get("device");
}

}  // namespace

std::string value_of(const Provenance& origin, const std::string& key) {
    const auto found = std::ranges::find(origin, key, &Provenance::value_type::first);
    return found == origin.end() ? "unknown" : found->second;
}

void Origins::add(const Provenance& origin) {
    Kind& kind = kinds_[kind_of(origin)];
    ++kind.segments;
    kind.hosts.insert(value_of(origin, "host"));
    for (const auto& [key, value] : origin) values_[key].insert(value);
}

std::vector<std::string> Origins::lines() const {
    std::vector<std::string> out;
    for (const auto& [name, kind] : kinds_)
        out.push_back(std::to_string(kind.segments) +
                      (kind.segments == 1 ? " segment of " : " segments of ") + name + ", host " +
                      joined({kind.hosts.begin(), kind.hosts.end()}, ", "));
    return out;
}

std::string Origins::all_of(const std::string& key) const {
    const auto found = values_.find(key);
    if (found == values_.end()) return "unknown";
    return joined({found->second.begin(), found->second.end()}, "; ");
}

}  // namespace prefdyn::sweep
