#pragma once
// Which vector instructions run. Inner loops lie in files `*.levels.cpp`, which are compiled once
// for each level; every level gives the same bits: numbers are summed in the same order on all of
// them, and no product is fused with a sum.

#include <string>
#include <vector>

namespace prefdyn {

/// In ascending order; kPortable is what every processor of the architecture has.
enum class Level { kPortable, kAvx2, kAvx512 };
inline std::vector<std::string> level_names() { return {"portable", "avx2", "avx512"}; }

/// Levels that are compiled in and that this processor has, in ascending order.
std::vector<Level> runnable_levels();

/// The highest of them, or what PREFDYN_LEVEL or `use_level` says. Throws InputError if
/// PREFDYN_LEVEL names none of them.
Level level();

/// From now on, one of runnable_levels().
void use_level(Level chosen);

}  // namespace prefdyn

/// Declares `const Type name` once for each level, in a namespace of its own, which the files
/// *.levels.cpp define as PREFDYN_LEVEL::name; name() is that of level().
#if defined(PREFDYN_X86_LEVELS)
#define PREFDYN_KERNELS(Type, name)                                                       \
    namespace portable {                                                                  \
    extern const Type name;                                                               \
    }                                                                                     \
    namespace avx2 {                                                                      \
    extern const Type name;                                                               \
    }                                                                                     \
    namespace avx512 {                                                                    \
    extern const Type name;                                                               \
    }                                                                                     \
    inline const Type& name() {                                                           \
        const Level at = level();                                                         \
        return at == Level::kAvx512 ? avx512::name                                        \
                                    : (at == Level::kAvx2 ? avx2::name : portable::name); \
    }
#else
#define PREFDYN_KERNELS(Type, name) \
    namespace portable {            \
    extern const Type name;         \
    }                               \
    inline const Type& name() { return portable::name; }
#endif
