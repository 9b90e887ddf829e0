#include "experiments/results/result_writer.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <sstream>
#include <stdexcept>

#include "experiments/results/provenance.hpp"
#include "experiments/results/publish.hpp"
#include "sim/base/failure.hpp"
#include "sim/base/output_file.hpp"

namespace prefdyn {

namespace fs = std::filesystem;

namespace {

std::size_t size_of(const ResultWriter::Values& values) {
    return std::visit([](const auto& v) { return v.size(); }, values);
}

/// Why the file cannot be created, 0 if it can; removes it again.
int probe(const std::string& path) {
    const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (file < 0) return errno;
    ::close(file);
    ::unlink(path.c_str());
    return 0;
}

/// What belongs to the points of a curve, in CF's attribute `coordinates`: readers such as xarray
/// show it beside them.
const std::vector<std::string> kCoordinates = {"time", "step"};

bool contains_all(const std::vector<std::string>& axes, const std::vector<std::string>& some) {
    return std::ranges::all_of(
        some, [&](const std::string& axis) { return std::ranges::count(axes, axis) > 0; });
}

const char* type_name(FieldType type) {
    return type == FieldType::kReal ? "float64" : type == FieldType::kInteger ? "int64" : "UTF-8";
}

}  // namespace

const Field& ResultWriter::field(const std::string& name) const {
    const auto found = std::ranges::find(fields_, name, &Field::name);
    if (found == fields_.end()) throw std::logic_error("undeclared result field " + name);
    return *found;
}

h5::Shape ResultWriter::shape(const Field& f) const {
    h5::Shape out;
    for (const auto& axis : f.axes) out.push_back(lengths_.at(axis));
    return out;
}

void ResultWriter::put(const std::string& name, Values values) {
    const Field& f = field(name);
    if (values.index() != static_cast<std::size_t>(f.type))
        throw std::logic_error("result field " + name + " has another type");
    if (f.axes.size() == 1 && f.axes[0] == name) lengths_[name] = size_of(values);
    hsize_t expected = 1;
    for (const hsize_t extent : shape(f)) expected *= extent;
    if (expected != size_of(values))
        throw std::logic_error("result field " + name + " has another size");
    values_.emplace_back(name, std::move(values));
}

std::string ResultWriter::coordinates_of(const Field& f) const {
    std::vector<std::string> out;
    if (std::ranges::count(kCoordinates, f.name) > 0) return {};
    for (const std::string& name : kCoordinates) {
        const bool there =
            std::ranges::any_of(values_, [&](const auto& each) { return each.first == name; });
        if (there && contains_all(f.axes, field(name).axes)) out.push_back(name);
    }
    return joined(out, " ");
}

void ResultWriter::write(const std::string& path) const {
    h5::Writer file(path);
    for (const auto& [name, values] : values_) {
        const Field& f = field(name);
        std::visit([&, &key = name](const auto& v) { file.write(key, v, shape(f)); }, values);
        file.attribute(name, "description", f.description);
        if (!f.unit.empty()) file.attribute(name, "units", f.unit);
        if (const std::string beside = coordinates_of(f); !beside.empty())
            file.attribute(name, "coordinates", beside);
        if (f.axes.size() == 1 && f.axes[0] == name) file.make_scale(name);
    }
    for (const auto& [name, values] : values_) {
        const Field& f = field(name);
        if (f.axes.size() == 1 && f.axes[0] == name) continue;
        for (unsigned axis = 0; axis < f.axes.size(); ++axis)
            file.attach_scale(name, axis, f.axes[axis]);
    }
    for (const auto& [key, value] : attributes_)
        std::visit([&, &k = key](const auto& v) { file.attribute("/", k, v); }, value);
    file.close();
}

/// Everything written is there, in its shape.
void ResultWriter::check(const std::string& path) const {
    const h5::Reader file(path);
    for (const auto& [name, values] : values_)
        if (file.shape(name) != shape(field(name)))
            throw WriteError(path + ": dataset '" + name + "' did not survive writing");
}

void ResultWriter::publish(const std::string& path) const {
    publish_file(path, [&](const std::string& partial) {
        write(partial);
        check(partial);
    });
}

void publish_results(ResultWriter& writer, const std::string& path, const std::string& command,
                     const ParameterTable& options, Device device, double wall_seconds,
                     const std::vector<std::pair<std::string, std::string>>& more) {
    writer.attribute("title", "prefdyn " + command);
    writer.attribute("options", options.values());
    for (const auto& [key, value] : more) writer.attribute(key, value);
    for (const auto& [key, value] : provenance(device)) writer.attribute(key, value);
    writer.attribute("wall_seconds", wall_seconds);
    make_folder_of(path);
    writer.publish(path);
}

void require_writable(const std::string& path, bool force, const std::vector<std::string>& inputs) {
    if (path.empty()) throw InputError("out: the path is empty");
    std::error_code failed;
    for (const std::string& input : inputs)
        if (!input.empty() && fs::equivalent(path, input, failed))
            throw InputError(path + ": is the same file as the input " + input,
                             "choose another --out");
    const fs::path folder = fs::absolute(path).parent_path();
    std::vector<fs::path> made;  // innermost first
    for (fs::path at = folder; !fs::exists(at, failed) && at.has_relative_path();
         at = at.parent_path())
        made.push_back(at);
    fs::create_directories(folder, failed);
    const bool writable = fs::is_directory(folder, failed) && access(folder.c_str(), W_OK) == 0;
    const int wrong = writable ? probe(partial_name(path)) : 0;
    for (const fs::path& each : made) fs::remove(each, failed);
    if (!writable)
        throw InputError(path + ": folder " + folder.string() + " cannot be written",
                         "choose another --out");
    if (fs::is_directory(path)) throw InputError(path + ": is a folder", "name a file");
    if (fs::exists(path) && !force)
        throw InputError(path + ": exists already",
                         "choose another --out or replace it with --force");
    if (wrong != 0) throw_file_error(path + ": cannot be created", wrong, "choose another --out");
}

std::string describe(const std::vector<Field>& fields) {
    std::ostringstream out;
    out << "| dataset | axes | type | unit | meaning |\n|---|---|---|---|---|\n";
    for (const Field& f : fields)
        out << "| `" << f.name << "` | " << joined(f.axes, ", ") << " | " << type_name(f.type)
            << " | " << f.unit << " | " << markdown_cell(f.description) << " |\n";
    return out.str();
}

}  // namespace prefdyn
