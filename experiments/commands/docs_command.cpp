#include <ostream>
#include <sstream>

#include "experiments/commands/command.hpp"
#include "experiments/commands/commands.hpp"
#include "experiments/commands/result_fields.hpp"
#include "experiments/finetune/run_file.hpp"
#include "experiments/verify/verdict_fields.hpp"
#include "sim/lm/model/architectures.hpp"

namespace prefdyn {

std::string file_format_page() {
    std::ostringstream out;
    out << "# Result files\n\nPrinted by `prefdyn docs file-format`; a test compares the two.\n\n"
           "`simulate` and `verify` write the same flat layout: one HDF5 file, every axis a "
           "dimension scale,\nso that xarray (`xarray.open_dataset(path, engine=\"h5netcdf\")`) "
           "and h5py read it alike. Missing\npoints are NaN. Each dataset carries `description` "
           "and `units`; the file carries `format_version` ("
        << kFormatVersion
        << "),\n`options` (every option with its value and origin), `wall_seconds` and the "
           "provenance: version, commit,\n`commit_dirty`, compiler, build type, flags, library "
           "versions, host, device, threads and time of writing.\n"
           "A file is written as `NAME.WHO.partial`, WHO being host, process and number, closed, "
           "reopened and\n"
           "checked, forced to the disk, then renamed.\n"
           "The same options give the same bytes in every dataset; only host, time and the like "
           "differ.\n\n```python\nimport h5py\n\nwith h5py.File(\"results/verify.h5\") as f:\n"
           "    for name, verdict in zip(f[\"claim\"].asstr(), f[\"claim_status\"].asstr()):\n"
           "        print(name, verdict)\n"
           "    t, change = f[\"time\"][0], f[\"head_change\"]  # NaN after a run's last record\n"
           "    last = sum(t >= 0) - 1\n"
           "    print(change.attrs[\"description\"].decode(), t[last], change[0, last])\n"
           "    print(change.dims[0][0].name, f.attrs[\"options\"].decode())\n```\n\n"
           "## In other languages\n\n"
           "| | how | axes |\n|---|---|---|\n"
           "| Python | `prefdyn.open(path)`, or xarray with the engine `h5netcdf` or `netcdf4`; "
           "text is "
           "`str`, `time` and `step` are coordinates | as in the tables below |\n"
           "| h5py | `file[name].asstr()` for text, attributes are bytes | as below; "
           "`dims[k][0].name` names them |\n"
           "| R | `ncdf4`: `nc_open`, `ncvar_get` | reversed: `loss` is (record, run) |\n"
           "| Octave | package `netcdf`: `ncread`, `ncreadatt`; its version 1.0.16 reads no "
           "variable "
           "of texts | reversed |\n"
           "| MATLAB | `h5read(path, \"/loss\")`, text as `string`; `ncread` as well | reversed |\n"
           "| Julia | `HDF5.jl`: `h5open`, `read` | reversed |\n\n"
           "The rows of Python, R and Octave are tested (`tests/analysis/readers_test.py`); MATLAB "
           "and Julia "
           "keep the first index fastest, as R and\nOctave do, so that their axes are reversed "
           "too.\n\n"
           "## Merged sweeps\n\nWhat `merge` writes has an axis for each axis of the grid (or "
           "`point`), "
           "then `replicate`, and `record` for curves:\n[sweeps.md](sweeps.md#the-merged-file) "
           "says which "
           "columns. Beside the provenance it carries `spec`, the sweep in its canonical\nform, "
           "`learning_rates` where they differ from point to point without being asked to, and "
           "`format_version`.\n\n## Versions\n\nVersion 4 had texts of fixed length and no "
           "coordinates; it is still read.\n\n## Datasets\n\n"
           "Features to be read by `verify --embeddings` are groups with `features` (n, d) and "
           "`label` (n) in\n{-1, +1}, or a pair of `.npy` files with the same content.\n\n"
        << describe(result_fields())
        << "\n## Training runs\n\n`finetune` (`OUT/run.h5`) and `misalign` write runs of another "
           "kind: a file has an axis of runs and\none of parts, a behaviour within a run. "
           "Attributes are those of the other files, without `format_version`.\n\n"
        << describe(finetune_fields())
        << "\nWith `--claim-file` or `--claims` there are the verdicts on every part, too:\n\n"
        << describe(claim_fields("part"));
    return out.str();
}

std::string architectures_table() {
    std::string out =
        "| `architectures` | `model_type` | models | what differs from Llama "
        "|\n|---|---|---|---|\n";
    for (const transformer::Architecture& each : transformer::architectures())
        out.append("| `")
            .append(each.name)
            .append("` | `")
            .append(each.model_type)
            .append("` | ")
            .append(each.models)
            .append(" | ")
            .append(each.differs)
            .append(" |\n");
    return out;
}

namespace {

enum class Page { kFileFormat, kOptions, kArchitectures };

struct DocsOptions {
    Page page = Page::kOptions;
    bool json = false;
};

void declare(ParameterTable& t, DocsOptions& o) {
    t.choice("page", &o.page, {"file-format", "options", "architectures"}, "the page to print");
    t.positional();
    t.flag("json", &o.json, "the options as JSON, for other programs");
    t.rule([&o](const ParameterTable&) {
        return std::string(o.json && o.page != Page::kOptions ? "--json: only of the page options"
                                                              : "");
    });
}

int run_docs(DocsOptions& o, const ParameterTable&, std::ostream& out) {
    out << (o.json                           ? options_json()
            : o.page == Page::kFileFormat    ? file_format_page()
            : o.page == Page::kArchitectures ? architectures_table()
                                             : options_page());
    return 0;
}

}  // namespace

Command docs_command() { return make_command("docs", "print a generated page", run_docs); }

}  // namespace prefdyn
