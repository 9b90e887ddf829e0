#include "experiments/commands/result_fields.hpp"

#include <sstream>

#include "experiments/finetune/run_file.hpp"
#include "experiments/results/provenance.hpp"
#include "experiments/results/publish.hpp"
#include "experiments/scaled/scaled.hpp"
#include "experiments/verify/run_fields.hpp"
#include "experiments/verify/studies.hpp"
#include "experiments/verify/verdict_fields.hpp"

namespace prefdyn {

namespace {

constexpr std::int64_t kFormatVersion = 3;

}  // namespace

std::vector<Field> result_fields() {
    std::vector<Field> out = run_fields();
    const auto add = [&](const std::vector<Field>& more) {
        out.insert(out.end(), more.begin(), more.end());
    };
    add(verdict_fields());
    for (const Study& study : studies()) add(study.fields);
    add(scaled_fields());
    return out;
}

void write_results(const std::string& path, const Verification& v, const std::string& command,
                   const ParameterTable& options, Device device, double wall_seconds,
                   const std::vector<std::pair<std::string, std::string>>& more) {
    ResultWriter writer(result_fields());
    put_runs(writer, v);
    put_verdicts(writer, v);
    for (const auto& [name, values] : v.study_values) writer.put(name, values);
    writer.attribute("title", "prefdyn " + command);
    writer.attribute("format_version", kFormatVersion);
    writer.attribute("options", options.values());
    for (const auto& [key, value] : more) writer.attribute(key, value);
    for (const auto& [key, value] : provenance(device)) writer.attribute(key, value);
    writer.attribute("wall_seconds", wall_seconds);
    make_folder_of(path);
    writer.publish(path);
}

std::string file_format_page() {
    std::ostringstream out;
    out << "# Result files\n\n"
           "Printed by `prefdyn docs file-format`; a test compares the two.\n\n"
           "`simulate` and `verify` write the same flat layout: one HDF5 file, every axis a "
           "dimension "
           "scale,\nso that xarray (`xarray.open_dataset(path, engine=\"h5netcdf\")`) and h5py "
           "read it "
           "alike. Missing\npoints are NaN. Each dataset carries `description` and `units`; the "
           "file "
           "carries `format_version` ("
        << kFormatVersion
        << "),\n`options` (every option with its value and origin), `wall_seconds` and the "
           "provenance: "
           "version, commit,\n`commit_dirty`, compiler, build type, flags, library versions, host, "
           "device, threads and time of writing.\nA file is written under `NAME.partial`, closed, "
           "reopened and checked, then renamed.\nThe same options give the same bytes in every "
           "dataset; "
           "only host, time and the like differ.\n\n"
           "```python\nimport h5py\n\nwith h5py.File(\"results/verify.h5\") as f:\n"
           "    for name, verdict in zip(f[\"claim\"].asstr(), f[\"claim_status\"].asstr()):\n"
           "        print(name, verdict)\n"
           "    t, change = f[\"time\"][0], f[\"head_change\"]  # NaN after a run's last record\n"
           "    last = sum(t >= 0) - 1\n"
           "    print(change.attrs[\"description\"].decode(), t[last], change[0, last])\n"
           "    print(change.dims[0][0].name, f.attrs[\"options\"].decode())\n```\n\n"
           "Features to be read by `verify --embeddings` are groups with `features` (n, d) and "
           "`label` "
           "(n) in\n{-1, +1}, or a pair of `.npy` files with the same content.\n\n"
        << describe(result_fields())
        << "\n## Training runs\n\n`finetune` (`OUT/run.h5`) and `misalign` write runs of another "
           "kind: a file has an axis of runs and\none of parts, a behaviour within a run. "
           "Attributes "
           "are those of the other files, without `format_version`.\n\n"
        << describe(finetune_fields());
    return out.str();
}

}  // namespace prefdyn
