#include "sim/base/freed_memory.hpp"

#include <malloc.h>

#include <climits>

namespace prefdyn {

void keep_freed_memory() {
    constexpr int kLargest = 32 << 20;  // bytes; the C library's limit for what is kept
    mallopt(M_MMAP_THRESHOLD, kLargest);
    mallopt(M_TRIM_THRESHOLD, INT_MAX);
}

}  // namespace prefdyn
