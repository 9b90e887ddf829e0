# Installs BUILD under WORK/prefix, builds the project beside this script against it, runs it.
file(REMOVE_RECURSE ${WORK})
function(run)
  execute_process(COMMAND ${ARGV} OUTPUT_VARIABLE output ERROR_VARIABLE output
                  RESULT_VARIABLE failed)
  if(failed)
    message(FATAL_ERROR "${ARGV}: ${failed}\n${output}")
  endif()
  set(output "${output}" PARENT_SCOPE)
endfunction()

run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${WORK}/prefix)
file(GLOB_RECURSE installed ${WORK}/prefix/*.cmake)
foreach(file IN LISTS installed)
  file(READ ${file} text)
  if(text MATCHES "[;\"]/[A-Za-z][^;\"]*")
    message(FATAL_ERROR "${file} holds a path of this machine: ${CMAKE_MATCH_0}")
  endif()
endforeach()

run(${CMAKE_COMMAND} -S ${CMAKE_CURRENT_LIST_DIR} -B ${WORK}/build -DCMAKE_BUILD_TYPE=${TYPE}
    -DCMAKE_CXX_COMPILER=${COMPILER} -DCMAKE_PREFIX_PATH=${WORK}/prefix
    -DCMAKE_FIND_USE_PACKAGE_REGISTRY=OFF)
run(${CMAKE_COMMAND} --build ${WORK}/build)
run(${WORK}/build/consumer)
message(STATUS "${output}")
# D is exact in the sample; sigma(0) = 1/2 makes the first loss log 2.
if(NOT output MATCHES "^D = 2.000000, loss 0.693147 after 0 and (0.[0-9]+) after 10 steps")
  message(FATAL_ERROR "unexpected output: ${output}")
endif()
if(NOT CMAKE_MATCH_1 LESS 0.693147)
  message(FATAL_ERROR "the loss did not fall: ${output}")
endif()
file(REMOVE_RECURSE ${WORK})
