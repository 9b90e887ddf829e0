#include "experiments/sweep/folder.hpp"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <random>
#include <set>
#include <sstream>

#include "experiments/results/publish.hpp"
#include "sim/base/cancel.hpp"
#include "sim/base/content_hash.hpp"
#include "sim/base/failure.hpp"
#include "sim/base/output_file.hpp"
#include "sim/lm/text/text_file.hpp"

namespace prefdyn::sweep {

namespace fs = std::filesystem;

namespace {

std::string spec_path(const std::string& folder) { return folder + "/spec.ini"; }
std::string segments_path(const std::string& folder) { return folder + "/segments"; }

std::set<std::string> lines_of(const std::string& text) {
    std::set<std::string> out;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) out.insert(line);
    return out;
}

/// Lines that only one of the two has: "-" those of the folder, "+" those asked for.
std::string difference(const std::string& have, const std::string& want) {
    const auto a = lines_of(have), b = lines_of(want);
    std::string out;
    for (const std::string& line : a)
        if (!b.contains(line)) out.append("\n  - ").append(line);
    for (const std::string& line : b)
        if (!a.contains(line)) out.append("\n  + ").append(line);
    return out.empty() ? "\n  (the same lines in another order)" : out;
}

void make_folders(const std::string& folder) {
    std::error_code failed;
    fs::create_directories(segments_path(folder), failed);
    if (failed)
        throw_file_error(folder + ": cannot be made", failed.value(), "choose another --out");
    if (access(segments_path(folder).c_str(), W_OK) != 0)
        throw InputError(folder + ": cannot be written", "choose another --out");
}

/// Host, process and a random number: of no other worker.
const std::string& worker_name() {
    static const std::string name = [] {
        char host[64] = {};
        gethostname(host, sizeof host - 1);
        std::ostringstream out;
        out << host << "-" << getpid() << "-" << std::hex << std::random_device{}();
        return out.str();
    }();
    return name;
}

const std::string kHashLine = "# hash = ";
constexpr std::size_t kMostBytes = std::size_t{1} << 26;

/// A last line with the hash of everything before it.
std::string sealed(const std::string& text) { return text + kHashLine + content_hash(text) + "\n"; }

/// Many workers may start at once: each writes a file of its own, all rename the same content.
void write_spec(const std::string& folder, const std::string& text) {
    publish_file(spec_path(folder),
                 [&](const std::string& partial) { write_file(partial, sealed(text)); });
}

}  // namespace

Spec spec_of_folder(const std::string& folder) {
    if (!fs::is_directory(folder))
        throw InputError(folder + ": no such folder", "name the --out of a sweep");
    if (!fs::is_regular_file(spec_path(folder)))
        throw InputError(folder + ": holds no sweep: spec.ini is missing",
                         "name the --out of a sweep");
    const std::string all = text::read_file(spec_path(folder), kMostBytes);
    const std::string text = all.substr(0, all.find(kHashLine));
    if (all != sealed(text))
        throw InputError(spec_path(folder) + ": is damaged: " +
                             (all.empty() ? "it is empty" : "it does not have the hash it ends in"),
                         "remove it and repeat the call `prefdyn sweep`, which writes it again; "
                         "finished points stay");
    return parse_spec(text, spec_path(folder));
}

void prepare_folder(const std::string& folder, const Spec& spec) {
    if (fs::exists(spec_path(folder))) {
        const std::string have = spec_of_folder(folder).canonical();
        if (have != spec.canonical())
            throw InputError(folder + ": holds another sweep; it differs in" +
                                 difference(have, spec.canonical()),
                             "give every sweep a folder of its own");
    } else if (fs::exists(folder) && fs::is_directory(folder) && !fs::is_empty(folder)) {
        // Another worker of this sweep may be about to write spec.ini.
        for (const auto& entry : fs::directory_iterator(folder))
            if (!entry.path().filename().string().starts_with("spec.ini") &&
                entry.path().filename() != "segments")
                throw InputError(folder + ": is not empty and holds no sweep",
                                 "choose a new folder for --out");
    }
    make_folders(folder);
    if (!fs::exists(spec_path(folder))) write_spec(folder, spec.canonical());
}

Segments find_segments(const std::string& folder) {
    Segments out;
    std::error_code failed;
    for (const auto& entry : fs::directory_iterator(segments_path(folder), failed)) {
        const std::string name = entry.path().filename().string();
        if (name.ends_with(".partial"))
            ++out.unfinished;
        else if (name.ends_with(".h5") && entry.is_regular_file())
            out.files.push_back(entry.path().string());
        else
            out.foreign.push_back(entry.path().string());
    }
    if (failed) throw InputError(segments_path(folder) + ": " + failed.message());
    std::sort(out.files.begin(), out.files.end());
    std::sort(out.foreign.begin(), out.foreign.end());
    return out;
}

std::string new_segment(const std::string& folder, std::size_t shard) {
    static std::atomic<std::size_t> counter{0};
    return segments_path(folder) + "/" + std::to_string(shard) + "-" + worker_name() + "-" +
           std::to_string(counter++) + ".h5";
}

std::vector<char> finished_points(const std::string& folder, const Spec& spec,
                                  std::vector<std::string>& damaged, Origins& origins,
                                  const std::function<void(const PointRecord&)>& take) {
    std::vector<char> out(spec.size(), 0);
    for (const std::string& path : find_segments(folder).files) {
        stop_if_requested();
        try {
            Provenance origin;
            const std::vector<PointRecord> records = read_segment(path, spec, &origin);
            origins.add(origin);
            for (const PointRecord& r : records) {
                if (r.again || out[r.point]) continue;
                take(r);
                out[r.point] = 1;
            }
        } catch (const InputError& error) {
            damaged.push_back(error.what());
        }
    }
    return out;
}

}  // namespace prefdyn::sweep
