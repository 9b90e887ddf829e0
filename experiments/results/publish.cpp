#include "experiments/results/publish.hpp"

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <filesystem>

#include "experiments/program/parameter_table.hpp"
#include "sim/base/content_hash.hpp"
#include "sim/base/output_file.hpp"

namespace prefdyn {

namespace fs = std::filesystem;

namespace {

const std::string kEnd = ".partial";

/// Short enough that a long name stays one that a file may have.
const std::string& host_mark() {
    static const std::string mark = [] {
        char name[256] = {};
        gethostname(name, sizeof name - 1);
        return content_hash(name).substr(0, 8);
    }();
    return mark;
}

/// Whether `name` is the unfinished `file` of a process of this host that is no more.
bool is_left(const std::string& name, const std::string& file) {
    const std::string start = file + "." + host_mark() + "-";
    if (!name.starts_with(start) || !name.ends_with(kEnd)) return false;
    const std::string_view rest = std::string_view(name).substr(start.size());
    pid_t process = 0;
    return parse_number(rest.substr(0, rest.find('-')), process) && process > 0 &&
           ::kill(process, 0) != 0 && errno == ESRCH;
}

void remove_left(const fs::path& path) {
    std::error_code ignored;
    const std::string file = path.filename().string();
    for (const auto& entry : fs::directory_iterator(path.parent_path(), ignored))
        if (is_left(entry.path().filename().string(), file)) fs::remove(entry.path(), ignored);
}

}  // namespace

void make_folder_of(const std::string& path) {
    std::error_code failed;
    fs::create_directories(fs::absolute(path).parent_path(), failed);
    if (failed) throw_file_error(path + ": its folder cannot be made", failed.value());
}

std::string partial_name(const std::string& path) {
    static std::atomic<std::size_t> counter{0};
    return path + "." + host_mark() + "-" + std::to_string(::getpid()) + "-" +
           std::to_string(counter++) + kEnd;
}

void publish_file(const std::string& path,
                  const std::function<void(const std::string& partial)>& write) {
    const std::string partial = partial_name(path);
    const fs::path place = fs::absolute(path);
    remove_left(place);
    try {
        write(partial);
        force_to_disk(partial);
        if (std::rename(partial.c_str(), path.c_str()) != 0)
            throw_file_error(path + ": cannot be published", errno);
    } catch (...) {
        std::error_code ignored;
        fs::remove(partial, ignored);
        throw;
    }
    force_folder_to_disk(place.parent_path().string());
}

}  // namespace prefdyn
