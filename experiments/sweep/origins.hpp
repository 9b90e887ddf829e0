#pragma once
// Which programs and machines made the segments of a folder.

#include <map>
#include <set>
#include <string>
#include <vector>

#include "experiments/results/provenance.hpp"

namespace prefdyn::sweep {

class Origins {
  public:
    void add(const Provenance& origin);
    /// Segments of more than one program or kind of machine: their last bits may differ.
    bool mixed() const { return kinds_.size() > 1; }
    /// A line a kind, with its hosts.
    std::vector<std::string> lines() const;
    /// The values of a key, without repetition, "; " between them.
    std::string all_of(const std::string& key) const;

  private:
    struct Kind {
        std::size_t segments = 0;
        std::set<std::string> hosts;
    };
    std::map<std::string, Kind> kinds_;
    std::map<std::string, std::set<std::string>> values_;
};

/// The value of the key; "unknown" if there is none.
std::string value_of(const Provenance& origin, const std::string& key);

}  // namespace prefdyn::sweep
