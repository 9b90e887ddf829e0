#include "sim/lm/model/rope.hpp"

#include <algorithm>
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

double positive(const json& object, const std::string& key, const std::string& place) {
    const json* value = find(object, key.c_str());
    if (!value) throw InputError(place + ": key '" + std::string(key) + "' is missing");
    const double number = value->is_number() ? value->get<double>() : -1.0;
    if (!(number > 0.0 && number <= 1e12))
        throw InputError(place + ": key '" + std::string(key) + "' is " + text::shown(*value) +
                         ", wanted is a number in (0, 1e12]");
    return number;
}

double positive(const json& object, const char* key, const std::string& place, double fallback) {
    return find(object, key) ? positive(object, key, place) : fallback;
}

RopeKind kind_of(const json& scaling, const std::string& place, const RopeKeys& keys) {
    const json* name = find(scaling, "rope_type");
    const json* old = find(scaling, "type");
    if (name && old && *name != *old)
        throw InputError(place + ": 'rope_type' " + text::shown(*name) + " and 'type' " +
                         text::shown(*old) + " differ");
    if (!name) name = old;
    if (!name) return RopeKind::kDefault;
    const std::vector<std::string> names = rope_names();
    const auto found = std::find(names.begin(), names.end(), *name);
    if (keys.all_scaling_is_longrope && (*name == "su" || *name == "yarn"))
        return RopeKind::kLongrope;
    if (found == names.end())
        throw InputError(place + ": rope type " + text::shown(*name) + " is not run",
                         "known are default, linear, dynamic, llama3, yarn and longrope");
    return static_cast<RopeKind>(found - names.begin());
}

void require_known_keys(const json& scaling, RopeKind kind, const RopeKeys& keys,
                        const std::string& place) {
    static const std::map<RopeKind, std::set<std::string>> more = {
        {RopeKind::kDefault, {}},
        {RopeKind::kLinear, {"factor"}},
        {RopeKind::kDynamic, {"factor", "original_max_position_embeddings"}},
        {RopeKind::kLlama3,
         {"factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings"}},
        {RopeKind::kYarn,
         {"factor", "original_max_position_embeddings", "attention_factor", "beta_fast",
          "beta_slow", "mscale", "mscale_all_dim", "truncate"}},
        {RopeKind::kLongrope,
         {"factor", "original_max_position_embeddings", "attention_factor", "short_factor",
          "long_factor"}}};
    for (const auto& item : scaling.items()) {
        const std::string& key = item.key();
        if (item.value().is_null() || key == "rope_type" || key == "type" || key == keys.theta ||
            key == "rope_theta")
            continue;
        if (key == "partial_rotary_factor" && (keys.share || item.value() == 1)) continue;
        if (std::find(keys.ignored.begin(), keys.ignored.end(), key) != keys.ignored.end())
            continue;
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

/// From `config` under the family's key, or from the scaling under the common one; one value.
double from_either(const json& config, const char* key, const json& scaling, const char* common,
                   double fallback, const std::string& place) {
    const double inside = positive(scaling, common, place + ", rope scaling", fallback);
    const double outside = positive(config, key, place, inside);
    if (find(scaling, common) && inside != outside)
        throw InputError(place + ": two different values of '" + key + "'");
    return outside;
}

std::vector<double> factors(const json& scaling, const char* key, const std::string& place) {
    const json* value = find(scaling, key);
    std::vector<double> out;
    if (value && value->is_array() && value->size() <= 4096)
        for (const json& each : *value)
            if (each.is_number()) out.push_back(each.get<double>());
    const bool positive_all =
        std::all_of(out.begin(), out.end(), [](double x) { return x > 0.0 && x <= 1e12; });
    if (!value || out.empty() || out.size() != value->size() || !positive_all)
        throw InputError(place + ": key '" + std::string(key) +
                         (value ? "' is " + text::shown(*value) : "' is missing") +
                         ", wanted is a list of numbers in (0, 1e12]");
    return out;
}

double magnitude(double scale, double share) {
    return scale <= 1.0 ? 1.0 : 0.1 * share * std::log(scale) + 1.0;
}

void read_yarn(const json& scaling, const std::string& place, RopeSpec& spec) {
    spec.beta_fast = positive(scaling, "beta_fast", place, 32.0);
    spec.beta_slow = positive(scaling, "beta_slow", place, 1.0);
    if (const json* truncate = find(scaling, "truncate")) {
        if (!truncate->is_boolean())
            throw InputError(place + ": key 'truncate' is " + text::shown(*truncate) +
                             ", wanted is true or false");
        spec.truncate = truncate->get<bool>();
    }
    if (find(scaling, "mscale") && find(scaling, "mscale_all_dim"))
        spec.attention_factor = magnitude(spec.factor, positive(scaling, "mscale", place)) /
                                magnitude(spec.factor, positive(scaling, "mscale_all_dim", place));
    else
        spec.attention_factor = magnitude(spec.factor, 1.0);
    spec.attention_factor = positive(scaling, "attention_factor", place, spec.attention_factor);
}

void read_longrope(const json& scaling, const std::string& place, RopeSpec& spec) {
    spec.short_factor = factors(scaling, "short_factor", place);
    spec.long_factor = factors(scaling, "long_factor", place);
    const double stretched =
        spec.factor <= 1.0
            ? 1.0
            : std::sqrt(1.0 + std::log(spec.factor) / std::log(spec.original_context));
    spec.attention_factor = positive(scaling, "attention_factor", place, stretched);
}

/// The context before it was stretched: said beside the scaling, in it, or the whole context.
double original_context(const json& config, const json& scaling, const std::string& place) {
    const char* const key = "original_max_position_embeddings";
    if (find(config, key)) return positive(config, key, place);
    return positive(find(scaling, key) ? scaling : config,
                    find(scaling, key) ? key : "max_position_embeddings", place);
}

/// f between f / factor and f, by a ramp over the pairs c.
double yarn_frequency(const RopeSpec& spec, Index columns, Index c, double f) {
    const auto pair_of = [&](double turns) {
        return static_cast<double>(columns) *
               std::log(spec.original_context / (turns * 2.0 * std::numbers::pi)) /
               (2.0 * std::log(spec.theta));
    };
    double low = pair_of(spec.beta_fast), high = pair_of(spec.beta_slow);
    if (spec.truncate) {
        low = std::floor(low);
        high = std::ceil(high);
    }
    low = std::max(low, 0.0);
    high = std::min(high, static_cast<double>(columns - 1));
    if (low == high) high += 0.001;
    const double ramp = std::clamp((static_cast<double>(c) - low) / (high - low), 0.0, 1.0);
    return f / spec.factor * ramp + f * (1.0 - ramp);
}

void fill(const std::vector<float>& f, double factor, RowsF& cos, RowsF& sin) {
    for (Index p = 0; p < cos.rows(); ++p)
        for (Index c = 0; c < cos.cols(); ++c) {
            const float angle = static_cast<float>(p) * f[static_cast<std::size_t>(c)];
            cos(p, c) = static_cast<float>(factor * std::cos(static_cast<double>(angle)));
            sin(p, c) = static_cast<float>(factor * std::sin(static_cast<double>(angle)));
        }
}

}  // namespace

RopeSpec parse_rope(const json& config, const std::string& place, const RopeKeys& keys) {
    RopeSpec spec;
    const json& scaling = scaling_of(config, place);
    const std::string inside = place + ", rope scaling";
    spec.theta = from_either(config, keys.theta, scaling, "rope_theta", keys.default_theta, place);
    if (keys.share)
        spec.share = from_either(config, keys.share, scaling, "partial_rotary_factor",
                                 keys.default_share, place);
    if (spec.share > 1.0)
        throw InputError(place + ": key '" + std::string(keys.share) + "' is above 1");
    spec.kind = kind_of(scaling, inside, keys);
    require_known_keys(scaling, spec.kind, keys, inside);
    if (spec.kind == RopeKind::kDefault) return spec;
    if (spec.kind == RopeKind::kYarn || spec.kind == RopeKind::kLongrope)
        spec.original_context = original_context(config, scaling, inside);
    if (spec.kind == RopeKind::kLongrope && !find(scaling, "factor"))
        spec.factor = positive(config, "max_position_embeddings", place) / spec.original_context;
    else
        spec.factor = positive(scaling, "factor", inside);
    if (spec.kind == RopeKind::kYarn) read_yarn(scaling, inside, spec);
    if (spec.kind == RopeKind::kLongrope) read_longrope(scaling, inside, spec);
    if (spec.kind != RopeKind::kLlama3) return spec;
    spec.low_freq_factor = positive(scaling, "low_freq_factor", inside);
    spec.high_freq_factor = positive(scaling, "high_freq_factor", inside);
    spec.original_context = positive(scaling, "original_max_position_embeddings", inside);
    if (!(spec.low_freq_factor < spec.high_freq_factor))
        throw InputError(inside + ": 'low_freq_factor' must be below 'high_freq_factor'");
    return spec;
}

std::vector<float> rope_frequencies(const RopeSpec& spec, Index head_size, bool beyond) {
    std::vector<float> f;
    const Index columns = spec.columns(head_size);
    for (Index c = 0; c < columns / 2; ++c) {
        const auto exponent = static_cast<float>(2 * c) / static_cast<float>(columns);
        const auto power = static_cast<float>(std::pow(spec.theta, static_cast<double>(exponent)));
        const float plain = 1.0f / power;
        const std::vector<double>& factor = beyond ? spec.long_factor : spec.short_factor;
        if (spec.kind == RopeKind::kLinear)
            f.push_back(static_cast<float>(plain / spec.factor));
        else if (spec.kind == RopeKind::kLlama3)
            f.push_back(static_cast<float>(llama3_frequency(spec, plain)));
        else if (spec.kind == RopeKind::kYarn)
            f.push_back(static_cast<float>(yarn_frequency(spec, columns, c, plain)));
        else if (spec.kind == RopeKind::kLongrope)
            f.push_back(1.0f / (static_cast<float>(factor[static_cast<std::size_t>(c)]) * power));
        else
            f.push_back(plain);
    }
    return f;
}

RopeTable::RopeTable(const RopeSpec& spec, Index size, Index positions)
    : cos(positions, spec.columns(size) / 2), sin(positions, cos.cols()), head_size(size) {
    fill(rope_frequencies(spec, size), spec.attention_factor, cos, sin);
    if (spec.kind != RopeKind::kLongrope) return;
    most = static_cast<Index>(spec.original_context);
    if (positions <= most) return;
    far_cos.resize(positions, cos.cols());
    far_sin.resize(positions, cos.cols());
    fill(rope_frequencies(spec, size, true), spec.attention_factor, far_cos, far_sin);
}

}  // namespace prefdyn::transformer
