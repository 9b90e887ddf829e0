# Libraries that bring no CMake package, as imported targets: for this project and, installed beside
# prefdynConfig.cmake, for those that link to it. What is not found is named in PREFDYN_MISSING.
set(PREFDYN_MISSING "")

# prefdyn_library(NAME HEADER [LIBRARY]): prefdyn::NAME from NAME_INCLUDE_DIR and NAME_LIBRARY
macro(prefdyn_library name header)
  find_path(${name}_INCLUDE_DIR ${header})
  set(prefdyn_needed ${name}_INCLUDE_DIR)
  if(${ARGC} GREATER 2)
    find_library(${name}_LIBRARY ${ARGV2})
    list(APPEND prefdyn_needed ${name}_LIBRARY)
  endif()
  foreach(variable IN LISTS prefdyn_needed)
    if(NOT ${variable})
      list(APPEND PREFDYN_MISSING ${variable})
    endif()
  endforeach()
  if(NOT PREFDYN_MISSING AND NOT TARGET prefdyn::${name})
    add_library(prefdyn::${name} INTERFACE IMPORTED)
    target_include_directories(prefdyn::${name} INTERFACE ${${name}_INCLUDE_DIR})
    if(${ARGC} GREATER 2)
      target_link_libraries(prefdyn::${name} INTERFACE ${${name}_LIBRARY})
    endif()
  endif()
endmacro()

prefdyn_library(RANDOM123 Random123/philox.h)
prefdyn_library(XXHASH xxhash.h) # used as a header alone
prefdyn_library(NLOPT nlopt.hpp nlopt)
prefdyn_library(SENTENCEPIECE sentencepiece_processor.h sentencepiece)
prefdyn_library(PCRE2 pcre2.h pcre2-8)
prefdyn_library(ICU unicode/unorm2.h icuuc)
