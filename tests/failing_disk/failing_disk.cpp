// Preloaded, a disk that fails: calls named FAILING_CALL (fsync, close or write) on files whose
// path matches FAILING_FILES say ENOSPC, as long as the file FAILING_WHILE exists.
#include <dlfcn.h>
#include <fnmatch.h>
#include <sys/types.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>

namespace {

template <class Function>
Function next(const char* name) {
    return reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
}

bool matches(int file, const char* pattern) {
    char link[64] = "/proc/self/fd/", path[PATH_MAX];
    char digits[16];
    int count = 0;
    for (int rest = file; count == 0 || rest > 0; rest /= 10)
        digits[count++] = static_cast<char>('0' + rest % 10);
    char* to = link + std::strlen(link);
    while (count > 0) *to++ = digits[--count];
    *to = '\0';
    const ssize_t size = readlink(link, path, sizeof path - 1);
    if (size <= 0) return false;
    path[size] = '\0';
    return fnmatch(pattern, path, 0) == 0;
}

bool fails(const char* call, int file) {
    const char *wanted = std::getenv("FAILING_CALL"), *files = std::getenv("FAILING_FILES"),
               *during = std::getenv("FAILING_WHILE");
    if (!wanted || !files || !during || std::strcmp(wanted, call) != 0 || file < 3) return false;
    if (access(during, F_OK) != 0 || !matches(file, files)) return false;
    errno = ENOSPC;
    return true;
}

}  // namespace

extern "C" {

int fsync(int file) { return fails("fsync", file) ? -1 : next<int (*)(int)>("fsync")(file); }

int close(int file) {
    const bool failed = fails("close", file);
    const int out = next<int (*)(int)>("close")(file);
    if (failed) errno = ENOSPC;
    return failed ? -1 : out;
}

ssize_t write(int file, const void* bytes, size_t count) {
    using Function = ssize_t (*)(int, const void*, size_t);
    return fails("write", file) ? -1 : next<Function>("write")(file, bytes, count);
}

ssize_t pwrite(int file, const void* bytes, size_t count, off_t at) {
    using Function = ssize_t (*)(int, const void*, size_t, off_t);
    return fails("write", file) ? -1 : next<Function>("pwrite")(file, bytes, count, at);
}

ssize_t pwrite64(int file, const void* bytes, size_t count, off64_t at) {
    using Function = ssize_t (*)(int, const void*, size_t, off64_t);
    return fails("write", file) ? -1 : next<Function>("pwrite64")(file, bytes, count, at);
}
}
