#pragma once
// What a formula may speak of: every name with its meaning, its unit and what it runs over.

#include <string>
#include <vector>

namespace prefdyn::theory {

/// What a quantity has one value for, beside the records.
enum class Over { kNothing, kSamples, kBehaviours };

enum class Topic { kData, kSetting, kStart, kRecord, kClock, kSample, kBehaviour };
const char* topic_title(Topic topic);

struct Quantity {
    const char* name;
    Topic topic;
    Over over;
    bool at_records;     ///< one value a record
    double unit;         ///< exponent of the features' unit: t has -2, R has 1
    double low, high;    ///< between which it always lies
    const char* symbol;  ///< in the notation of theory.md
    const char* words;
    const char* column = "";      ///< of the result file, where it has another name there
    const char* since = "0.1.0";  ///< version that first knew it
};

/// By topic, in the order they are told in.
const std::vector<Quantity>& quantities();

/// Whether it is measured where a transformer is trained; else it is of a head on frozen features.
bool known_in_transformers(const Quantity& quantity);

/// By its name or its column in the result file; null if there is none.
const Quantity* find_quantity(const std::string& name);

}  // namespace prefdyn::theory
