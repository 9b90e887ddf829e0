// A libcuda.so.1 of a machine whose card fails: every call but those for its version gives the
// error PREFDYN_FAKE_CUDA, a CUresult.
#include <cstdint>
#include <cstdlib>
#include <cstring>

namespace {

int failing() {
    const char* code = std::getenv("PREFDYN_FAKE_CUDA");
    return code ? std::atoi(code) : 999;
}

}  // namespace

extern "C" {

int cuDriverGetVersion(int* version) {
    *version = 13000;
    return 0;
}

int cuInit(unsigned) { return failing(); }

int cuGetProcAddress_v2(const char* symbol, void** function, int, std::uint64_t, int* found) {
    const bool version = std::strcmp(symbol, "cuDriverGetVersion") == 0;
    *function =
        version ? reinterpret_cast<void*>(cuDriverGetVersion) : reinterpret_cast<void*>(failing);
    if (std::strncmp(symbol, "cuGetProcAddress", 16) == 0)
        *function = reinterpret_cast<void*>(cuGetProcAddress_v2);
    if (found) *found = 0;
    return 0;
}

}  // extern "C"
