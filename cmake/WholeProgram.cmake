# bottle-agent, as it is shipped, is compiled a second time when it is linked, as
# a whole: small functions that are called for each request, and lie in other
# files than their callers, go into these.  Only with gcc, whose objects can be
# for both: tests link the same libraries in the ordinary way, which is quicker.
if(BOTTLE_WHOLE_PROGRAM AND NOT CMAKE_C_COMPILER_ID STREQUAL GNU)
	message(STATUS "BOTTLE_WHOLE_PROGRAM is for gcc: left out")
	set(BOTTLE_WHOLE_PROGRAM OFF)
endif()
if(BOTTLE_WHOLE_PROGRAM)
	add_link_options($<IF:$<BOOL:$<TARGET_PROPERTY:WHOLE_PROGRAM>>,-flto=auto,-fno-lto>)
endif()

# whole_program_parts(target...): compiled so that they can be parts of one.
function(whole_program_parts)
	if(BOTTLE_WHOLE_PROGRAM)
		foreach(target ${ARGN})
			target_compile_options(${target} PRIVATE
				-flto=auto -ffat-lto-objects)
		endforeach()
	endif()
endfunction()

# whole_program(program...): linked so.
function(whole_program)
	whole_program_parts(${ARGN})
	set_target_properties(${ARGN} PROPERTIES WHOLE_PROGRAM ON)
endfunction()
