#include "experiments/sweep/slurm.hpp"

#include <boost/algorithm/string/replace.hpp>
#include <filesystem>
#include <sstream>
#include <vector>

#include "experiments/program/parameter_table.hpp"
#include "sim/base/failure.hpp"

namespace prefdyn::sweep {

namespace {

/// In single quotes, as a shell reads it back.
std::string quoted(const std::string& text) {
    return "'" + boost::algorithm::replace_all_copy(text, "'", "'\\''") + "'";
}

std::string absolute(const std::string& path) {
    return quoted(std::filesystem::absolute(path).string());
}

/// A bare name is looked up on the node, any name inside a container.
std::string program(const SlurmOptions& o) {
    if (o.program.empty() && !o.container.empty()) return "prefdyn";
    if (o.program.empty()) return quoted(std::filesystem::read_symlink("/proc/self/exe").string());
    const bool as_it_is = !o.container.empty() || o.program.find('/') == std::string::npos;
    return as_it_is ? quoted(o.program) : absolute(o.program);
}

/// Numbers between the colons of a time; empty if one is none.
std::vector<double> fields_of(const std::string& text) {
    std::vector<double> out;
    std::istringstream in(text);
    for (std::string part; std::getline(in, part, ':');) {
        unsigned value = 0;
        if (!parse_number(part, value)) return {};
        out.push_back(value);
    }
    return text.ends_with(':') ? std::vector<double>() : out;
}

/// Before anything else: a warning may come before the worker is there, and would end the script.
const char* const kTraps = R"sh(worker=
warned=
# When its time is nearly up Slurm signals this script alone; when it ends a task, the worker too.
trap 'warned=yes; [ -z "$worker" ] || kill -USR1 "$worker"' USR1
trap : TERM
)sh";

/// What every script does; it needs program, spec, out and shards.
const char* const kBody = R"sh(
segments() { find "$out/segments" -name "$SLURM_ARRAY_TASK_ID-*.h5" 2>/dev/null | wc -l; }
before=$(segments)
"${program[@]}" sweep "$spec" --out "$out" --shard "$SLURM_ARRAY_TASK_ID/$shards" \
    --threads "$SLURM_CPUS_PER_TASK" &
worker=$!
[ -z "$warned" ] || kill -USR1 "$worker"
while kill -0 "$worker" 2>/dev/null; do wait "$worker"; done # a trap ends wait, not the worker
wait "$worker"
code=$?
[ "$code" = 138 ] && code=130 # the warning came before the worker listened
if [ "$warned" ] && [ "$code" = 130 ]; then
    if [ "$(segments)" -gt "$before" ]; then
        scontrol requeue "${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID"
    else
        echo "not requeued: this time was too short for one point"
    fi
fi
exit "$code"
)sh";

/// A job of its own, sent once by the first task of the array.
const char* const kMerge = R"sh(
if [ "$SLURM_ARRAY_TASK_ID" = "${SLURM_ARRAY_TASK_MIN:-1}" ] && [ -z "${SLURM_RESTART_COUNT:-}" ]; then
    printf '#!/bin/bash\nexport HDF5_USE_FILE_LOCKING=FALSE\n%s\n' \
        "$(printf '%q ' "${program[@]}" merge "$out" --force --out "$merged")" |
        sbatch --job-name=prefdyn-merge --dependency="afterany:$SLURM_ARRAY_JOB_ID" \
            --output="prefdyn-merge-%j.log" "${same[@]}"
fi
)sh";

/// Lines of directives for what is given.
void put_site(std::ostream& out, const SlurmOptions& o) {
    const std::pair<const char*, const std::string*> given[] = {{"partition", &o.partition},
                                                                {"account", &o.account},
                                                                {"qos", &o.qos},
                                                                {"mail-user", &o.mail}};
    for (const auto& [name, value] : given)
        if (!value->empty()) out << "#SBATCH --" << name << "=" << *value << "\n";
    if (!o.mail.empty()) out << "#SBATCH --mail-type=END,FAIL\n";
}

void require_one_line(const std::string& name, const std::string& value) {
    if (value.find_first_of(" \t\n'\"") != std::string::npos)
        throw InputError("--" + name + ": '" + value + "' has a blank or a quote in it",
                         "sbatch takes one word there");
}

}  // namespace

double slurm_seconds(const std::string& time) {
    const auto dash = time.find('-');
    const bool days = dash != std::string::npos;
    std::vector<double> f = fields_of(days ? time.substr(dash + 1) : time);
    unsigned day = 0;
    const bool good =
        !f.empty() && f.size() <= 3 && (!days || parse_number(time.substr(0, dash), day));
    if (!good)
        throw InputError("--time: '" + time + "' is no time as sbatch takes it",
                         "M, M:S, H:M:S, D-H, D-H:M or D-H:M:S");
    if (!days && f.size() < 3) f.insert(f.begin(), 0.0);  // minutes first
    f.resize(3);
    return 86400.0 * day + 3600.0 * f[0] + 60.0 * f[1] + f[2];
}

std::string slurm_script(const SlurmOptions& o) {
    if (slurm_seconds(o.time) <= static_cast<double>(o.warn))
        throw InputError("--warn: " + std::to_string(o.warn) + " s is not below --time " + o.time,
                         "lower --warn or raise --time");
    for (const auto& [name, value] : {std::pair{"mem", o.memory},
                                      {"partition", o.partition},
                                      {"account", o.account},
                                      {"qos", o.qos},
                                      {"mail", o.mail},
                                      {"time", o.time}})
        require_one_line(name, value);
    std::ostringstream out;
    out << "#!/bin/bash\n"
        << "#SBATCH --job-name=prefdyn\n"
        << "#SBATCH --array=1-" << o.array << "\n"
        << "#SBATCH --time=" << o.time << "\n"
        << "#SBATCH --cpus-per-task=" << o.cpus << "\n";
    if (!o.memory.empty()) out << "#SBATCH --mem=" << o.memory << "\n";
    put_site(out, o);
    out << "#SBATCH --requeue\n"
        << "#SBATCH --signal=B:USR1@" << o.warn << "\n"
        << "#SBATCH --open-mode=append\n"
        << "#SBATCH --output=prefdyn-%A_%a.log\n"
        << kTraps << "# ---- this cluster: modules ----\n"
        << "# module load ...\n"
        << "# -------------------------------\n"
        << "export HDF5_USE_FILE_LOCKING=FALSE\n"
        << "spec=" << absolute(o.spec) << "\n"
        << "out=" << absolute(o.out) << "\n"
        << "shards=" << o.array << "\n";
    if (o.container.empty())
        out << "program=(" << program(o) << ")\n";
    else
        out << "mkdir -p \"$out\"\n"
            << "program=(\"$(command -v apptainer || command -v singularity)\" exec --bind "
               "\"$out\" --bind \"$(dirname \"$spec\")\" "
            << absolute(o.container) << " " << program(o) << ")\n";
    if (!o.merged.empty()) {
        out << "merged=" << absolute(o.merged) << "\nsame=(";
        for (const auto& [name, value] :
             {std::pair{"partition", o.partition}, {"account", o.account}, {"qos", o.qos}})
            if (!value.empty()) out << " --" << name << "=" << value;
        out << " )\n" << kMerge;
    }
    out << kBody;
    return out.str();
}

}  // namespace prefdyn::sweep
