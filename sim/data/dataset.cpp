#include "sim/data/dataset.hpp"

#include <algorithm>
#include <cmath>

#include "sim/base/content_hash.hpp"
#include "sim/base/failure.hpp"

namespace prefdyn {

Index Dataset::count(int sign) const {
    return static_cast<Index>(
        std::count(label.begin(), label.end(), static_cast<std::int8_t>(sign)));
}

namespace {

void require_shapes(const Dataset& data, const std::string& place) {
    if (data.samples() == 0 || data.dimension() == 0)
        throw InputError(place + ": features are " + std::to_string(data.samples()) + " x " +
                             std::to_string(data.dimension()) + ", expected at least 1 x 1",
                         "save one row a preference, of both classes");
    if (static_cast<Index>(data.label.size()) != data.samples())
        throw InputError(place + ": " + std::to_string(data.label.size()) + " labels for " +
                             std::to_string(data.samples()) + " rows of features",
                         "give one label for every row");
}

void require_labels(const Dataset& data, const std::string& place) {
    for (std::size_t i = 0; i < data.label.size(); ++i)
        if (data.label[i] != 1 && data.label[i] != -1)
            throw InputError(place + ": label[" + std::to_string(i) + "] = " +
                                 std::to_string(int{data.label[i]}) + ", allowed are +1 and -1",
                             "use +1 where the first response (Yes) is chosen, -1 otherwise");
    for (const int sign : {+1, -1})
        if (data.count(sign) == 0)
            throw InputError(place + ": no sample has label " + (sign > 0 ? "+1" : "-1") +
                                 ", distinguishability needs both classes",
                             "add samples of the missing class");
}

void require_finite(const Dataset& data, const std::string& place) {
    for (Index i = 0; i < data.samples(); ++i)
        for (Index j = 0; j < data.dimension(); ++j)
            if (!std::isfinite(data.features(i, j)))
                throw InputError(
                    place + ": features[" + std::to_string(i) + ", " + std::to_string(j) +
                        "] = " + std::to_string(data.features(i, j)) + " is not finite",
                    "drop or repair the row");
}

}  // namespace

void validate(const Dataset& data, const std::string& place) {
    require_shapes(data, place);
    require_finite(data, place);
    require_labels(data, place);
}

std::string checksum(const Dataset& data) {
    const auto bytes = static_cast<std::size_t>(data.features.size()) * sizeof(double);
    return content_hash({reinterpret_cast<const char*>(data.features.data()), bytes},
                        {reinterpret_cast<const char*>(data.label.data()), data.label.size()});
}

}  // namespace prefdyn
