# script_header(name file...): NAME.h in this folder's part of the build, with
# the text of shell scripts, one behind the other, as the string NAME.  Lines
# that are a comment alone are left out.
function(script_header name)
	set(text "")
	foreach(file ${ARGN})
		file(READ ${file} part)
		string(APPEND text "${part}")
		set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS
			${CMAKE_CURRENT_SOURCE_DIR}/${file})
	endforeach()
	string(REGEX REPLACE "\n[\t ]*#[^\n]*" "" text "\n${text}")
	string(REGEX REPLACE "\n\n+" "\n" text "${text}")
	string(HEX "${text}" text)
	string(REGEX REPLACE "(..)" "0x\\1," text "${text}")
	string(TOUPPER ${name} guard)
	file(CONFIGURE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/${name}.h CONTENT
"#ifndef ${guard}_H_
#define ${guard}_H_

static const char ${name}[] = { ${text} 0 };

#endif
")
endfunction()
