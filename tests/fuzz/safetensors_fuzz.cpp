// Any bytes as a safetensors file: an InputError or tensors that lie within the bytes.
#include <cstdint>
#include <cstdlib>

#include "sim/base/failure.hpp"
#include "sim/lm/model/safetensors.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace prefdyn::transformer;
    const std::span file(reinterpret_cast<const std::byte*>(data), size);
    try {
        for (const auto& [name, tensor] : parse_safetensors(file, "fuzz")) {
            if (tensor.bytes.data() < file.data() ||
                tensor.bytes.data() + tensor.bytes.size() > file.data() + file.size())
                std::abort();
            if (tensor.dtype == Dtype::kOther) continue;
            std::vector<float> out(static_cast<std::size_t>(tensor.elements()));
            to_float(tensor, 0, tensor.elements(), out.data());
        }
    } catch (const prefdyn::InputError&) {
    }
    return 0;
}
