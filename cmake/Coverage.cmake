# Which lines are reached is noted when a program ends, in a file beside each
# object.  One that ends by _exit(), or by raise(), would leave nothing.
if(NOT BOTTLE_COVERAGE)
	return()
endif()
if(NOT CMAKE_C_COMPILER_ID STREQUAL GNU)
	message(FATAL_ERROR "BOTTLE_COVERAGE needs gcc: cmake --preset coverage")
endif()
add_compile_options(--coverage -fprofile-update=atomic)
add_link_options(--coverage -Wl,--wrap=_exit -Wl,--wrap=raise)
add_library(coverage_exit STATIC tests/support/coverage_exit.c)
link_libraries(coverage_exit)
