# faults_wrap(target): calls of all that is linked into the target, of the names
# in calls.h, can fail.
function(faults_wrap target)
	set(list ${CMAKE_SOURCE_DIR}/tests/faults/calls.h)
	set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${list})
	file(STRINGS ${list} lines REGEX "^(CALL|HAND)\\(")
	foreach(line ${lines})
		string(REGEX REPLACE "^(HAND\\([A-Z]+|CALL\\([A-Z]+, [^,]+), ([A-Za-z0-9_]+).*"
			"\\2" name "${line}")
		target_link_options(${target} PRIVATE -Wl,--wrap=${name})
	endforeach()
	target_link_options(${target} PRIVATE -Wl,--wrap=free)
	target_sources(${target} PRIVATE
		${CMAKE_SOURCE_DIR}/tests/faults/fault.c)
	# With clang the runtime of a sanitizer is linked in, and comes here before it
	# is ready.
	set_source_files_properties(${CMAKE_SOURCE_DIR}/tests/faults/fault.c
		PROPERTIES COMPILE_OPTIONS -fno-sanitize=all)
	target_include_directories(${target} PRIVATE ${CMAKE_SOURCE_DIR}/tests)
endfunction()
