#include "sim/lm/text/token_file.hpp"

#include <cmath>
#include <filesystem>
#include <limits>

#include "sim/base/content_hash.hpp"
#include "sim/base/failure.hpp"
#include "sim/base/hdf5_file.hpp"
#include "sim/lm/text/text_file.hpp"

namespace prefdyn::text {

namespace {

constexpr hsize_t kMaxElements = hsize_t{1} << 28;

std::string number_text(double value) {
    const auto whole = static_cast<std::int64_t>(value);
    return static_cast<double>(whole) == value ? std::to_string(whole) : std::to_string(value);
}

/// A 1-d (or scalar) dataset of integers in [low, high].
std::vector<std::int64_t> integers(const h5::Reader& file, const std::string& name, double low,
                                   double high) {
    const std::string place = file.path() + ": " + name;
    const h5::Shape shape = file.shape(name);
    if (shape.size() > 1 || (shape.size() == 1 && shape[0] > kMaxElements))
        throw InputError(place + ": has " + std::to_string(shape.size()) + " dimensions and " +
                             std::to_string(shape[0]) +
                             " rows, expected one dimension and at most " +
                             std::to_string(kMaxElements),
                         "docs/tokens.md describes the layout");
    std::vector<std::int64_t> out;
    for (const double value : file.numbers(name)) {
        if (!(value >= low && value <= high) || value != std::floor(value))
            throw InputError(place + "[" + std::to_string(out.size()) +
                             "] = " + number_text(value) + ", expected an integer from " +
                             number_text(low) + " to " + number_text(high));
        out.push_back(static_cast<std::int64_t>(value));
    }
    return out;
}

void require_count(std::size_t got, std::size_t want, const std::string& what) {
    if (got != want)
        throw InputError(
            what + ": has " + std::to_string(got) + " entries, expected " + std::to_string(want),
            "docs/tokens.md describes the layout");
}

void require_offsets(const std::vector<std::int64_t>& offsets, std::size_t total,
                     const std::string& place) {
    if (offsets.size() < 2 || offsets.front() != 0)
        throw InputError(place + ": expected 0 first, then the end of every prompt");
    for (std::size_t i = 1; i < offsets.size(); ++i)
        if (offsets[i] <= offsets[i - 1])
            throw InputError(place + "[" + std::to_string(i) + "] = " + std::to_string(offsets[i]) +
                             ", expected more than " + std::to_string(offsets[i - 1]) +
                             ": prompt " + std::to_string(i - 1) + " is empty");
    if (static_cast<std::size_t>(offsets.back()) != total)
        throw InputError(place + ": ends with " + std::to_string(offsets.back()) +
                         ", but ids has " + std::to_string(total) + " entries");
}

TokenBehaviour read_behaviour(const h5::Reader& file, const std::string& name,
                              const std::string& prefix, Token vocabulary) {
    TokenBehaviour out{name, {}, {}};
    const auto ids = integers(file, prefix + "ids", 0, vocabulary - 1);
    const auto offsets = integers(file, prefix + "offsets", 0, static_cast<double>(kMaxElements));
    require_offsets(offsets, ids.size(), file.path() + ": " + prefix + "offsets");
    for (std::size_t i = 0; i + 1 < offsets.size(); ++i)
        out.prompts.emplace_back(ids.begin() + offsets[i], ids.begin() + offsets[i + 1]);
    for (const std::int64_t sign : integers(file, prefix + "label", -1, 1)) {
        if (sign == 0)
            throw InputError(file.path() + ": " + prefix + "label[" +
                             std::to_string(out.label.size()) + "] = 0, allowed are +1 and -1");
        out.label.push_back(static_cast<std::int8_t>(sign));
    }
    require_count(out.label.size(), out.prompts.size(), file.path() + ": " + prefix + "label");
    return out;
}

std::string hash_of(const TokenFile& content) {
    std::string all = std::to_string(content.vocabulary) + " " +
                      std::to_string(content.response[0]) + " " +
                      std::to_string(content.response[1]) + "\n";
    for (const TokenBehaviour& behaviour : content.behaviours) {
        all += content_hash(behaviour.name) + "\n";
        for (std::size_t i = 0; i < behaviour.prompts.size(); ++i) {
            for (const Token id : behaviour.prompts[i]) all += std::to_string(id) + " ";
            all += std::to_string(int{behaviour.label[i]}) + "\n";
        }
    }
    return content_hash(all);
}

}  // namespace

TokenFile read_token_file(const std::string& path) {
    require_regular_file(path);
    const h5::Reader file(path, h5::From::kOutside);
    TokenFile out;
    const auto vocabulary = integers(file, "vocabulary", 2, std::numeric_limits<Token>::max() - 1);
    require_count(vocabulary.size(), 1, path + ": vocabulary");
    out.vocabulary = static_cast<Token>(vocabulary[0]);
    const auto response = integers(file, "response", 0, out.vocabulary - 1);
    require_count(response.size(), 2, path + ": response");
    if (response[0] == response[1])
        throw InputError(path + ": response: both answers are token " +
                         std::to_string(response[0]));
    out.response = {static_cast<Token>(response[0]), static_cast<Token>(response[1])};
    if (file.has_dataset("ids"))
        out.behaviours.push_back(
            read_behaviour(file, std::filesystem::path(path).stem().string(), "", out.vocabulary));
    for (const std::string& group : file.groups())
        if (file.has_dataset(group + "/ids"))
            out.behaviours.push_back(read_behaviour(file, group, group + "/", out.vocabulary));
    if (out.behaviours.empty())
        throw InputError(path + ": no dataset 'ids' at the root or in a group",
                         "docs/tokens.md describes the layout");
    out.hash = hash_of(out);
    return out;
}

}  // namespace prefdyn::text
