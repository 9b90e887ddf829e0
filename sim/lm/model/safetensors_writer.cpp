#include "sim/lm/model/safetensors_writer.hpp"

#include <bit>
#include <nlohmann/json.hpp>

#include "sim/base/content_hash.hpp"
#include "sim/base/output_file.hpp"
#include "sim/lm/model/safetensors.hpp"

namespace prefdyn::transformer {

static_assert(std::endian::native == std::endian::little, "the format is little-endian");

namespace {

const std::string kNoHash(36, '0');

std::string_view text_of(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string hash_of(const std::string& header, const std::vector<Array>& arrays) {
    ContentHash hash;
    hash.add(header);
    for (const Array& each : arrays) hash.add(text_of(each.bytes));
    return hash.text();
}

std::string header_of(const std::vector<Array>& arrays,
                      const std::map<std::string, std::string>& notes) {
    nlohmann::ordered_json header;
    header["__metadata__"]["format"] = "pt";
    header["__metadata__"][kFileHash] = kNoHash;
    for (const auto& [key, value] : notes) header["__metadata__"][key] = value;
    std::size_t at = 0;
    for (const Array& each : arrays) {
        header[each.name] = {{"dtype", each.dtype},
                             {"shape", each.shape},
                             {"data_offsets", {at, at + each.bytes.size()}}};
        at += each.bytes.size();
    }
    std::string text = header.dump();
    text.resize((text.size() + 7) / 8 * 8, ' ');  // the data begins aligned
    return text;
}

}  // namespace

Array array_of(const std::string& name, std::vector<Index> shape, std::span<const float> values) {
    return {name, "F32", std::move(shape), std::as_bytes(values)};
}

Array array_of(const std::string& name, std::vector<Index> shape, std::span<const double> values) {
    return {name, "F64", std::move(shape), std::as_bytes(values)};
}

Array array_of(const std::string& name, std::span<const std::int64_t> values) {
    return {name, "I64", {static_cast<Index>(values.size())}, std::as_bytes(values)};
}

Array array_of(const std::string& name, std::string_view text) {
    return {name, "U8", {static_cast<Index>(text.size())}, std::as_bytes(std::span(text))};
}

void write_safetensors(const std::string& path, const std::vector<Array>& arrays,
                       const std::map<std::string, std::string>& notes) {
    OutputFile file(path);
    std::string header = header_of(arrays, notes);
    header.replace(header.find(kNoHash), kNoHash.size(), hash_of(header, arrays));
    const auto length = static_cast<std::uint64_t>(header.size());
    file.write(std::as_bytes(std::span(&length, 1)));
    file.write(header);
    for (const Array& each : arrays) file.write(each.bytes);
    file.close();
}

}  // namespace prefdyn::transformer
