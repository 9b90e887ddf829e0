#pragma once
// The built executable as a process of its own: to be killed, limited, or listened to.

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <vector>

namespace prefdyn::test {

/// A program with everything it prints in a file, or thrown away. The child has no moment in which
/// it is still this process.
inline pid_t start_program(const std::string& program, const std::vector<std::string>& arguments,
                           const std::string& output = "/dev/null") {
    std::vector<char*> argv = {const_cast<char*>(program.c_str())};
    for (const std::string& a : arguments) argv.push_back(const_cast<char*>(a.c_str()));
    argv.push_back(nullptr);
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 1, output.c_str(), O_WRONLY | O_CREAT | O_APPEND,
                                     0666);
    posix_spawn_file_actions_adddup2(&files, 1, 2);
    pid_t child = -1;
    posix_spawn(&child, program.c_str(), &files, nullptr, argv.data(), environ);
    posix_spawn_file_actions_destroy(&files);
    return child;
}

inline pid_t start(const std::vector<std::string>& arguments,
                   const std::string& output = "/dev/null") {
    return start_program(PREFDYN_EXECUTABLE, arguments, output);
}

/// The same where no file may grow beyond so many units of 512 bytes.
inline pid_t start_limited(std::vector<std::string> arguments, int units,
                           const std::string& output = "/dev/null") {
    arguments.insert(
        arguments.begin(),
        {"-c", "ulimit -f " + std::to_string(units) + "; exec \"$0\" \"$@\"", PREFDYN_EXECUTABLE});
    return start_program("/bin/sh", arguments, output);
}

/// Where a disk fails: which call, on files of which names (a pattern), as long as which file
/// exists.
struct FailingDisk {
    std::string call, files, during;
};

inline pid_t start_failing(std::vector<std::string> arguments, const FailingDisk& disk,
                           const std::string& output = "/dev/null") {
    const auto build = std::filesystem::path(PREFDYN_EXECUTABLE).parent_path();
    arguments.insert(arguments.begin(),
                     {"LD_PRELOAD=" + (build / "tests/failing_disk/libfailing_disk.so").string(),
                      "FAILING_CALL=" + disk.call, "FAILING_FILES=" + disk.files,
                      "FAILING_WHILE=" + disk.during, PREFDYN_EXECUTABLE});
    return start_program("/usr/bin/env", arguments, output);
}

/// With these settings of the environment, "NAME=value" each.
inline pid_t start_with(const std::vector<std::string>& settings,
                        std::vector<std::string> arguments,
                        const std::string& output = "/dev/null") {
    arguments.insert(arguments.begin(), PREFDYN_EXECUTABLE);
    arguments.insert(arguments.begin(), settings.begin(), settings.end());
    return start_program("/usr/bin/env", arguments, output);
}

/// Waits; minus the signal if one ended it.
inline int exit_code(pid_t child) {
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

}  // namespace prefdyn::test
