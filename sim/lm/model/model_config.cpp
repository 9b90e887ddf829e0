#include "sim/lm/model/model_config.hpp"

#include "sim/base/failure.hpp"
#include "sim/lm/model/architectures.hpp"
#include "sim/lm/model/layer_parts.hpp"
#include "sim/lm/text/json_input.hpp"

namespace prefdyn::transformer {

namespace {

using nlohmann::json;

const Architecture& find_architecture(ConfigReader& read) {
    std::string known;
    for (const Architecture& each : architectures())
        known += (known.empty() ? "" : ", ") + std::string(each.name);
    const json* names = read.find("architectures");
    const json* type = read.find("model_type");
    if (names && names->is_array() && names->size() == 1)
        for (const Architecture& each : architectures())
            if (names->front() == each.name) {
                if (type && *type != each.model_type)
                    read.refuse("model_type", text::shown(json(each.model_type)));
                return each;
            }
    read.refuse("architectures", "a list of one of " + known, "other models are not run");
}

Index product(const std::vector<Index>& shape) {
    Index out = shape.empty() ? 0 : 1;
    for (const Index extent : shape) out *= extent;
    return out;
}

}  // namespace

Index ModelConfig::parameters() const {
    Index layer = 0;
    for (std::size_t p = 0; p < kParts; ++p)
        layer += product(part_shape(*this, static_cast<Part>(p)));
    const Index final = (norm.kind == NormKind::kLayer ? 2 : 1) * hidden;
    return layers * layer + final + vocabulary * hidden * (tied ? 1 : 2) +
           (learned_positions ? context * hidden : 0);
}

ModelConfig parse_model_config(std::string_view text, const std::string& place) {
    const json object = text::parse_json(text, place, {kMaxConfig, 16});
    if (!object.is_object()) throw InputError(place + ": is no JSON object");
    ConfigReader read(object, place);
    const Architecture& kind = find_architecture(read);
    for (const char* key : {"quantization_config", "compression_config"})
        if (read.find(key)) read.refuse(key, "absent", "quantised checkpoints are not run");
    ModelConfig c;
    c.architecture = kind.name;
    kind.read(read, c);
    read.require_all_known();
    c.dropout = dropout_of(c.nested ? object.at(kTextConfig) : object);
    return c;
}

}  // namespace prefdyn::transformer
