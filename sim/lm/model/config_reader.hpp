#pragma once
// The keys of config.json, asked for one by one: what nobody asked for must change nothing.

#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "sim/lm/model/tensor.hpp"

namespace prefdyn::transformer {

/// Typed access to the members of one object; remembers which were asked for. Null is as good as
/// missing. Everything throws InputError with place, key, value and what is wanted.
class ConfigReader {
  public:
    ConfigReader(const nlohmann::json& object, const std::string& place)
        : object_(object), place_(place) {}

    const nlohmann::json& object() const { return object_; }
    const std::string& place() const { return place_; }
    /// Null if it is missing.
    const nlohmann::json* find(const std::string& key);
    bool has(const std::string& key) const { return object_.contains(key); }
    /// Names a key as known whatever its value is.
    void skip(const std::string& key) { asked_.insert(key); }
    [[noreturn]] void refuse(const std::string& key, const std::string& wanted,
                             const std::string& hint = {}) const;
    Index integer(const std::string& key, Index most);
    Index integer(const std::string& key, Index most, Index fallback) {
        return find(key) ? integer(key, most) : fallback;
    }
    bool flag(const std::string& key, bool fallback);
    /// In [0, most].
    double number(const std::string& key, double most, double fallback);
    /// In (0, 1e6].
    double positive(const std::string& key, double fallback);
    /// Throws InputError for a key that was not asked for, is not known to be harmless and is not
    /// at the value that changes nothing.
    void require_all_known() const;

  private:
    const nlohmann::json& object_;
    const std::string& place_;
    std::set<std::string> asked_;
};

/// Of the keys about dropout within the model those that are not zero: "attention_dropout 0.1".
std::vector<std::string> dropout_of(const nlohmann::json& config);

}  // namespace prefdyn::transformer
