// Any bytes as config.json: an InputError or a config whose extents fit together.
#include <cstdint>
#include <cstdlib>

#include "sim/base/failure.hpp"
#include "sim/lm/model/model_config.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace prefdyn::transformer;
    try {
        const ModelConfig c =
            parse_model_config({reinterpret_cast<const char*>(data), size}, "fuzz");
        for (const RopeSpec& rope : c.ropes)
            if (rope.columns(c.head_size) < 2 || rope.columns(c.head_size) % 2 != 0 ||
                rope.columns(c.head_size) > c.head_size)
                std::abort();
        if (c.heads % c.kv_heads != 0 || c.head_size < 1 ||
            c.window.size() != static_cast<std::size_t>(c.layers) || c.parameters() <= 0)
            std::abort();
    } catch (const prefdyn::InputError&) {
    }
    return 0;
}
