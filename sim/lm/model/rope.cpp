#include "sim/lm/model/rope.hpp"

#include <cmath>
#include <map>
#include <numbers>
#include <set>

#include "sim/base/failure.hpp"
#include "sim/lm/text/json_input.hpp"

namespace prefdyn::transformer {

namespace {

using nlohmann::json;

const json* find(const json& object, const char* key) {
    const auto found = object.find(key);
    return found == object.end() || found->is_null() ? nullptr : &*found;
}

double positive(const json& object, const char* key, const std::string& place) {
    const json* value = find(object, key);
    if (!value) throw InputError(place + ": key '" + std::string(key) + "' is missing");
    const double number = value->is_number() ? value->get<double>() : -1.0;
    if (!(number > 0.0 && number <= 1e12))
        throw InputError(place + ": key '" + std::string(key) + "' is " + text::shown(*value) +
                         ", wanted is a number in (0, 1e12]");
    return number;
}

RopeKind kind_of(const json& scaling, const std::string& place) {
    static const std::map<std::string, RopeKind> kinds = {{"default", RopeKind::kDefault},
                                                          {"linear", RopeKind::kLinear},
                                                          {"dynamic", RopeKind::kDynamic},
                                                          {"llama3", RopeKind::kLlama3}};
    const json* name = find(scaling, "rope_type");
    const json* old = find(scaling, "type");
    if (name && old && *name != *old)
        throw InputError(place + ": 'rope_type' " + text::shown(*name) + " and 'type' " +
                         text::shown(*old) + " differ");
    if (!name) name = old;
    if (!name) return RopeKind::kDefault;
    const auto found = kinds.find(name->is_string() ? name->get<std::string>() : std::string());
    if (found == kinds.end())
        throw InputError(place + ": rope type " + text::shown(*name) + " is not run",
                         "known are default, linear, dynamic and llama3");
    return found->second;
}

void require_known_keys(const json& scaling, RopeKind kind, const std::string& place) {
    static const std::map<RopeKind, std::set<std::string>> more = {
        {RopeKind::kDefault, {}},
        {RopeKind::kLinear, {"factor"}},
        {RopeKind::kDynamic, {"factor", "original_max_position_embeddings"}},
        {RopeKind::kLlama3,
         {"factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings"}}};
    for (const auto& item : scaling.items()) {
        const std::string& key = item.key();
        if (item.value().is_null() || key == "rope_type" || key == "type" || key == "rope_theta")
            continue;
        if (key == "partial_rotary_factor" && item.value() == 1) continue;
        if (!more.at(kind).contains(key))
            throw InputError(place + ": key " + text::shown(json(key)) + " with value " +
                                 text::shown(item.value()) + " is not known for this rope type",
                             "it may change the computation, so the model is not run");
    }
}

/// One of the two spellings of the scaling, an empty object if there is none.
const json& scaling_of(const json& config, const std::string& place) {
    static const json none = json::object();
    const json* old = find(config, "rope_scaling");
    const json* now = find(config, "rope_parameters");
    if (old && now) throw InputError(place + ": has both 'rope_scaling' and 'rope_parameters'");
    const json* chosen = old ? old : now;
    if (!chosen) return none;
    if (!chosen->is_object())
        throw InputError(place + ": rope scaling is " + text::shown(*chosen) +
                         ", wanted is an object");
    return *chosen;
}

/// f for wavelengths below context / high, f / factor above context / low, a ramp in between.
double llama3_frequency(const RopeSpec& spec, double f) {
    const double turns = spec.original_context * f / (2.0 * std::numbers::pi);  // context / wave
    if (turns > spec.high_freq_factor) return f;
    if (turns < spec.low_freq_factor) return f / spec.factor;
    const double smooth =
        (turns - spec.low_freq_factor) / (spec.high_freq_factor - spec.low_freq_factor);
    return (1.0 - smooth) * f / spec.factor + smooth * f;
}

}  // namespace

RopeSpec parse_rope(const json& config, const std::string& place) {
    RopeSpec spec;
    const json& scaling = scaling_of(config, place);
    const std::string inside = place + ", rope scaling";
    if (find(config, "rope_theta")) spec.theta = positive(config, "rope_theta", place);
    if (find(scaling, "rope_theta")) {
        const double theta = positive(scaling, "rope_theta", inside);
        if (find(config, "rope_theta") && theta != spec.theta)
            throw InputError(place + ": two different values of 'rope_theta'");
        spec.theta = theta;
    }
    spec.kind = kind_of(scaling, inside);
    require_known_keys(scaling, spec.kind, inside);
    if (spec.kind != RopeKind::kDefault) spec.factor = positive(scaling, "factor", inside);
    if (spec.kind != RopeKind::kLlama3) return spec;
    spec.low_freq_factor = positive(scaling, "low_freq_factor", inside);
    spec.high_freq_factor = positive(scaling, "high_freq_factor", inside);
    spec.original_context = positive(scaling, "original_max_position_embeddings", inside);
    if (!(spec.low_freq_factor < spec.high_freq_factor))
        throw InputError(inside + ": 'low_freq_factor' must be below 'high_freq_factor'");
    return spec;
}

std::vector<float> rope_frequencies(const RopeSpec& spec, Index head_size) {
    std::vector<float> f;
    for (Index c = 0; c < head_size / 2; ++c) {
        const auto exponent = static_cast<float>(2 * c) / static_cast<float>(head_size);
        const auto power = static_cast<float>(std::pow(spec.theta, static_cast<double>(exponent)));
        const float plain = 1.0f / power;
        if (spec.kind == RopeKind::kLinear)
            f.push_back(static_cast<float>(plain / spec.factor));
        else if (spec.kind == RopeKind::kLlama3)
            f.push_back(static_cast<float>(llama3_frequency(spec, plain)));
        else
            f.push_back(plain);
    }
    return f;
}

RopeTable::RopeTable(const RopeSpec& spec, Index head_size, Index positions)
    : cos(positions, head_size / 2), sin(positions, head_size / 2) {
    const std::vector<float> f = rope_frequencies(spec, head_size);
    for (Index p = 0; p < positions; ++p)
        for (Index c = 0; c < head_size / 2; ++c) {
            const float angle = static_cast<float>(p) * f[static_cast<std::size_t>(c)];
            cos(p, c) = static_cast<float>(std::cos(static_cast<double>(angle)));
            sin(p, c) = static_cast<float>(std::sin(static_cast<double>(angle)));
        }
}

}  // namespace prefdyn::transformer
