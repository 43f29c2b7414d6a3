# The memory sanitizer has to see every write, so it can do nothing where a
# library does that was built without it.  The target libc_only builds what needs
# libc alone, and the label libc has its tests.
add_custom_target(libc_only)

# libc_only(target test lib...): one of them, if all that it links is ours.
function(libc_only target test)
	foreach(lib ${ARGN})
		if(NOT lib MATCHES "^(base|proto|forwarder)$")
			return()
		endif()
	endforeach()
	add_dependencies(libc_only ${target})
	set_property(TEST ${test} APPEND PROPERTY LABELS libc)
endfunction()
