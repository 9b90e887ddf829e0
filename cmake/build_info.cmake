# Writes OUT with the commit the source tree is at; called at every build. Sources that are no part of the repository they
# lie in have no commit.
get_filename_component(source ${SOURCE} REALPATH)
set(commit unknown)
set(dirty unknown)
execute_process(COMMAND git -C ${source} ls-files --error-unmatch CMakeLists.txt cmake/build_info.cmake
                OUTPUT_QUIET ERROR_QUIET RESULT_VARIABLE foreign)
if(foreign EQUAL 0)
  execute_process(COMMAND git -C ${source} rev-parse HEAD OUTPUT_VARIABLE commit
                  OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE failed)
  execute_process(COMMAND git -C ${source} status --porcelain . OUTPUT_VARIABLE changes ERROR_QUIET RESULT_VARIABLE unseen)
  if(NOT failed EQUAL 0)
    set(commit unknown)
  elseif(unseen EQUAL 0 AND changes STREQUAL "")
    set(dirty false)
  elseif(unseen EQUAL 0)
    set(dirty true)
  endif()
endif()
string(STRIP "${FLAGS}" FLAGS)
set(text "#pragma once
// Generated at build time.
namespace prefdyn::build_info {
inline constexpr const char* kVersion = \"${VERSION}\";
inline constexpr const char* kCommit = \"${commit}\";
inline constexpr const char* kDirty = \"${dirty}\";  // whether the sources differ from it
inline constexpr const char* kBuildType = \"${BUILD_TYPE}\";
inline constexpr const char* kFlags = \"${FLAGS}\";
}  // namespace prefdyn::build_info
")
set(old "")
if(EXISTS ${OUT})
  file(READ ${OUT} old)
endif()
if(NOT old STREQUAL text)
  file(WRITE ${OUT} "${text}")
endif()
