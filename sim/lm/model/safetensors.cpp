#include "sim/lm/model/safetensors.hpp"

#include <algorithm>
#include <limits>

#include "sim/base/content_hash.hpp"
#include "sim/base/failure.hpp"
#include "sim/lm/text/json_input.hpp"

namespace prefdyn::transformer {

namespace {

using nlohmann::json;

constexpr std::size_t kMaxHeader = std::size_t{16} << 20;  // 100000 tensors; real ones have 1000
constexpr std::size_t kMaxRank = 8;

struct Type {
    std::size_t bytes;
    Dtype dtype;
};

const Type& type_of(const std::string& name, const std::string& place) {
    static const std::map<std::string, Type> types = {
        {"F32", {4, Dtype::kF32}},      {"F16", {2, Dtype::kF16}},
        {"BF16", {2, Dtype::kBF16}},    {"F64", {8, Dtype::kOther}},
        {"I64", {8, Dtype::kOther}},    {"I32", {4, Dtype::kOther}},
        {"I16", {2, Dtype::kOther}},    {"I8", {1, Dtype::kOther}},
        {"U64", {8, Dtype::kOther}},    {"U32", {4, Dtype::kOther}},
        {"U16", {2, Dtype::kOther}},    {"U8", {1, Dtype::kOther}},
        {"BOOL", {1, Dtype::kOther}},   {"F8_E4M3", {1, Dtype::kOther}},
        {"F8_E5M2", {1, Dtype::kOther}}};
    const auto found = types.find(name);
    if (found == types.end())
        throw InputError(place + ": dtype " + text::shown(json(name)) + " is unknown",
                         "weights are F32, F16 or BF16");
    return found->second;
}

const json& member(const json& entry, const char* key, const std::string& place) {
    const auto found = entry.find(key);
    if (found == entry.end()) throw InputError(place + ": has no '" + key + "'");
    return *found;
}

std::vector<std::uint64_t> counts(const json& value, const char* key, const std::string& place) {
    std::vector<std::uint64_t> out;
    bool good = value.is_array();
    for (const json& each : value) {
        good = good && each.is_number_unsigned();
        if (good) out.push_back(each.get<std::uint64_t>());
    }
    if (!good)
        throw InputError(place + ": '" + key + "' is " + text::shown(value) +
                         ", wanted is a list of non-negative integers");
    return out;
}

/// Bytes of a shape; the largest number there is if they do not fit.
std::uint64_t size_of(const std::vector<std::uint64_t>& shape, std::size_t element) {
    constexpr auto kMost = static_cast<std::uint64_t>(std::numeric_limits<Index>::max());
    std::uint64_t product = element;
    bool zero = false, overflow = false;
    for (const std::uint64_t extent : shape) {
        zero = zero || extent == 0;
        overflow = overflow || extent > kMost || (extent != 0 && product > kMost / extent);
        if (!overflow && extent != 0) product *= extent;
    }
    return overflow ? std::numeric_limits<std::uint64_t>::max() : zero ? 0 : product;
}

Tensor read_entry(const std::string& name, const json& entry, std::span<const std::byte> data,
                  const std::string& path) {
    const std::string place = path + ": tensor " + text::shown(json(name));
    if (!entry.is_object()) throw InputError(place + ": the header entry is no object");
    for (const auto& item : entry.items())
        if (item.key() != "dtype" && item.key() != "shape" && item.key() != "data_offsets")
            throw InputError(place + ": unknown key " + text::shown(json(item.key())));
    const json& dtype = member(entry, "dtype", place);
    if (!dtype.is_string()) throw InputError(place + ": 'dtype' is " + text::shown(dtype));
    Tensor tensor{name, path, dtype.get<std::string>(), Dtype::kOther, {}, {}};
    const Type& type = type_of(tensor.dtype_name, place);
    tensor.dtype = type.dtype;
    const auto shape = counts(member(entry, "shape", place), "shape", place);
    const auto offsets = counts(member(entry, "data_offsets", place), "data_offsets", place);
    if (shape.size() > kMaxRank)
        throw InputError(place + ": rank " + std::to_string(shape.size()) + ", at most 8");
    if (offsets.size() != 2 || offsets[0] > offsets[1] || offsets[1] > data.size())
        throw InputError(place + ": 'data_offsets' " + text::shown(entry["data_offsets"]) +
                             " do not lie in order within the " + std::to_string(data.size()) +
                             " bytes of data",
                         "the file may be truncated");
    if (size_of(shape, type.bytes) != offsets[1] - offsets[0])
        throw InputError(place + ": shape " + text::shown(entry["shape"]) + " of " +
                         tensor.dtype_name + " does not fill 'data_offsets' " +
                         text::shown(entry["data_offsets"]));
    for (const std::uint64_t extent : shape) tensor.shape.push_back(static_cast<Index>(extent));
    tensor.bytes = data.subspan(offsets[0], offsets[1] - offsets[0]);
    return tensor;
}

void require_cover(const Tensors& tensors, std::span<const std::byte> data,
                   const std::string& path) {
    std::vector<const Tensor*> order;
    for (const auto& [name, tensor] : tensors) order.push_back(&tensor);
    std::sort(order.begin(), order.end(), [](const Tensor* a, const Tensor* b) {
        return std::pair(a->bytes.data(), a->bytes.size()) <
               std::pair(b->bytes.data(), b->bytes.size());
    });
    const std::byte* end = data.data();
    for (const Tensor* each : order) {
        if (each->bytes.data() != end)
            throw InputError(path + ": tensor " + text::shown(json(each->name)) +
                             " starts at byte " + std::to_string(each->bytes.data() - data.data()) +
                             " of the data, the one before ends at " +
                             std::to_string(end - data.data()));
        end = each->bytes.data() + each->bytes.size();
    }
    if (end != data.data() + data.size())
        throw InputError(path + ": the tensors cover " + std::to_string(end - data.data()) +
                         " bytes of " + std::to_string(data.size()) + " bytes of data");
}

json parse_header(std::span<const std::byte> file, std::size_t length, const std::string& path) {
    const std::string_view text(reinterpret_cast<const char*>(file.data()) + 8, length);
    json header = text::parse_json(text, path + ", header", {kMaxHeader, 4});
    if (!header.is_object()) throw InputError(path + ": the header is no JSON object");
    return header;
}

}  // namespace

std::size_t header_bytes(std::span<const std::byte> file, const std::string& path) {
    if (file.size() < 8)
        throw InputError(
            path + ": " + std::to_string(file.size()) + " bytes, too short for a safetensors file",
            "the download may be incomplete");
    std::uint64_t length = 0;
    for (int i = 7; i >= 0; --i)
        length = length << 8 | std::to_integer<std::uint64_t>(file[static_cast<std::size_t>(i)]);
    if (length > file.size() - 8 || length > kMaxHeader)
        throw InputError(path + ": the header claims " + std::to_string(length) +
                             " bytes, the file has " + std::to_string(file.size()) +
                             " and a header at most " + std::to_string(kMaxHeader),
                         "the file may be truncated or no safetensors file");
    return static_cast<std::size_t>(length);
}

Tensors parse_safetensors(std::span<const std::byte> file, const std::string& path) {
    const std::size_t length = header_bytes(file, path);
    const json header = parse_header(file, length, path);
    const auto data = file.subspan(8 + length);
    Tensors tensors;
    for (const auto& item : header.items())
        if (item.key() != "__metadata__")
            tensors.emplace(item.key(), read_entry(item.key(), item.value(), data, path));
    require_cover(tensors, data, path);
    return tensors;
}

std::string safetensors_note(std::span<const std::byte> file, const std::string& path,
                             const std::string& key) {
    const json header = parse_header(file, header_bytes(file, path), path);
    const json notes = header.value("__metadata__", json::object());
    if (!notes.is_object() || !notes.contains(key) || !notes[key].is_string()) return {};
    return notes[key].get<std::string>();
}

void require_unchanged(std::span<const std::byte> file, const std::string& path, bool must) {
    constexpr std::size_t kHash = 36;
    const std::size_t begin = 8, length = header_bytes(file, path);
    std::string header(reinterpret_cast<const char*>(file.data()) + begin, length);
    const std::string key = std::string("\"") + kFileHash + "\":\"";
    const std::size_t at = header.find(key);
    if (at == header.npos || at + key.size() + kHash > length) {
        if (must)
            throw InputError(path + ": carries no hash of its content, or a damaged one",
                             "another version wrote it, or the disk is failing");
        return;
    }
    const std::string noted = header.substr(at + key.size(), kHash);
    header.replace(at + key.size(), kHash, std::string(kHash, '0'));
    const auto data = file.subspan(begin + length);
    ContentHash hash;
    hash.add(header);
    hash.add({reinterpret_cast<const char*>(data.data()), data.size()});
    if (hash.text() != noted)
        throw InputError(path + ": its content is not what was written, by the hash in its header",
                         "the disk or a copy damaged it; take another copy or make it again");
}

}  // namespace prefdyn::transformer
