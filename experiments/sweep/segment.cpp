#include "experiments/sweep/segment.hpp"

#include <algorithm>

#include "experiments/results/publish.hpp"
#include "sim/base/content_hash.hpp"
#include "sim/base/failure.hpp"
#include "sim/base/hdf5_file.hpp"
#include "sim/base/output_file.hpp"
#include "sim/lm/text/text_file.hpp"

namespace prefdyn::sweep {

namespace {

constexpr std::size_t kMostBytes = std::size_t{1} << 40;
constexpr std::size_t kHash = 36;  ///< characters of a content hash
constexpr const char* kOriginKeys[] = {"version",    "commit", "commit_dirty", "compiler",
                                       "build_type", "flags",  "eigen",        "boost",
                                       "hdf5",       "host",   "device",       "arithmetic"};

/// Before HDF5 sees anything: it takes what a flipped bit says about sizes at its word.
void require_seal(const std::string& path) {
    const std::string bytes = text::read_file(path, kMostBytes);
    const std::size_t size = bytes.size() < kHash ? 0 : bytes.size() - kHash;
    const std::string_view all = bytes;
    if (size == 0 || all.substr(size) != content_hash(all.substr(0, size)))
        throw InputError(path +
                         ": its content is not what was written, by the hash at its "
                         "end, or another version wrote it");
}

h5::Reader open_segment(const std::string& path, const Spec& spec) {
    require_seal(path);
    h5::Reader file(path);
    const auto id = file.strings("sweep");
    if (id != std::vector<std::string>{spec.id()})
        throw InputError(path + ": belongs to another sweep");
    return file;
}

std::vector<std::size_t> points_of(const h5::Reader& file, const Spec& spec) {
    std::vector<std::size_t> out;
    for (const double p : file.numbers("point")) {
        if (!(p >= 0.0 && p < static_cast<double>(spec.size())))
            throw InputError(file.path() + ": point " + format_real(p) + " is not of this sweep");
        out.push_back(static_cast<std::size_t>(p));
    }
    return out;
}

}  // namespace

void write_segment(const std::string& path, const Spec& spec,
                   const std::vector<PointRecord>& records, Device device) {
    std::vector<std::int64_t> point, again;
    std::vector<std::string> run_id, reason;
    std::vector<double> values;
    for (const PointRecord& r : records) {
        point.push_back(static_cast<std::int64_t>(r.point));
        run_id.push_back(r.run_id);
        reason.push_back(r.reason);
        again.push_back(r.again ? 1 : 0);
        values.insert(values.end(), r.values.begin(), r.values.end());
    }
    const hsize_t m = records.size(), length = values.size() / std::max<std::size_t>(m, 1);
    h5::Writer file;
    file.write("sweep", std::vector<std::string>{spec.id()}, {1});
    file.write("point", point, {m});
    file.write("run_id", run_id, {m});
    file.write("reason", reason, {m});
    file.write("again", again, {m});
    file.write("values", values, {m, length});
    for (const auto& [key, value] : provenance(device)) file.attribute("/", key, value);
    const std::string image = file.image();
    // The hash lies behind the end that HDF5 knows of.
    publish_file(path, [&](const std::string& partial) {
        write_file(partial, image + content_hash(image));
    });
}

std::vector<PointRecord> read_segment(const std::string& path, const Spec& spec,
                                      Provenance* origin) {
    const h5::Reader file = open_segment(path, spec);
    const auto points = points_of(file, spec);
    const auto run_id = file.strings("run_id"), reason = file.strings("reason");
    const auto again = file.numbers("again");
    const std::size_t length = spec.row_length();
    const bool fits = file.shape("values") == h5::Shape{points.size(), length} &&
                      run_id.size() == points.size() && reason.size() == points.size() &&
                      again.size() == points.size();
    if (!fits) throw InputError(path + ": its datasets do not fit each other or the sweep");
    const auto values = file.numbers("values");
    std::vector<PointRecord> out(points.size());
    for (std::size_t i = 0; i < out.size(); ++i) {
        const auto first = values.begin() + static_cast<std::ptrdiff_t>(i * length);
        out[i] = {points[i], run_id[i], reason[i],
                  Row(first, first + static_cast<std::ptrdiff_t>(length)), again[i] != 0.0};
    }
    if (origin)
        for (const char* key : kOriginKeys) origin->emplace_back(key, file.text_attribute(key));
    return out;
}

}  // namespace prefdyn::sweep
