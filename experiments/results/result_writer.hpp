#pragma once
// One result file: flat, self-describing, readable by xarray. Fields are declared once (name, axes,
// unit, meaning); the declaration checks every write and makes docs/file-format.md.

#include <map>
#include <string>
#include <variant>
#include <vector>

#include "experiments/program/parameter_table.hpp"
#include "sim/base/hdf5_file.hpp"
#include "sim/cuda/device.hpp"

namespace prefdyn {

/// Of result files and merged sweeps. 5: texts have any length, curves name their coordinates.
inline constexpr std::int64_t kFormatVersion = 5;

enum class FieldType { kReal, kInteger, kText };

struct Field {
    std::string name;
    std::vector<std::string> axes;  ///< names of dimension scales, outermost first
    FieldType type;
    std::string unit, description;
};

inline Field real_field(std::string name, std::vector<std::string> axes, std::string unit,
                        std::string description) {
    return {std::move(name), std::move(axes), FieldType::kReal, std::move(unit),
            std::move(description)};
}

inline Field integer_field(std::string name, std::vector<std::string> axes, std::string unit,
                           std::string description) {
    return {std::move(name), std::move(axes), FieldType::kInteger, std::move(unit),
            std::move(description)};
}

inline Field text_field(std::string name, std::vector<std::string> axes, std::string description) {
    return {std::move(name), std::move(axes), FieldType::kText, "", std::move(description)};
}

/// Collects fields, then publishes them atomically: written beside PATH, closed, reopened and
/// checked, renamed (publish_file). A published file is never opened for writing again.
class ResultWriter {
  public:
    explicit ResultWriter(std::vector<Field> fields) : fields_(std::move(fields)) {}

    using Values =
        std::variant<std::vector<double>, std::vector<std::int64_t>, std::vector<std::string>>;
    using Attribute = std::variant<double, std::int64_t, std::string>;

    /// A one-dimensional field named after its own axis fixes that axis' length; put those first.
    void put(const std::string& name, Values values);
    void attribute(const std::string& key, Attribute value) {
        attributes_.emplace_back(key, value);
    }

    void publish(const std::string& path) const;

  private:
    const Field& field(const std::string& name) const;
    h5::Shape shape(const Field& field) const;
    std::string coordinates_of(const Field& field) const;
    void write(const std::string& path) const;
    void check(const std::string& path) const;

    std::vector<Field> fields_;
    std::vector<std::pair<std::string, Values>> values_;
    std::map<std::string, hsize_t> lengths_;
    std::vector<std::pair<std::string, Attribute>> attributes_;
};

/// Publishes with the attributes of every result file: its title, `options` with their origins,
/// `more`, what made it on which device, and how long that took. Makes the folder.
void publish_results(ResultWriter& writer, const std::string& path, const std::string& command,
                     const ParameterTable& options, Device device, double wall_seconds,
                     const std::vector<std::pair<std::string, std::string>>& more);

/// Throws InputError unless `path` can be created: its folder exists or can be made, the file does
/// not exist or `force` is set, and it is none of `inputs` (empty ones aside), under whatever name.
/// Leaves nothing behind.
void require_writable(const std::string& path, bool force,
                      const std::vector<std::string>& inputs = {});

/// Markdown table of fields.
std::string describe(const std::vector<Field>& fields);

}  // namespace prefdyn
