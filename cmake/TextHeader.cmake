# text_header(name file...): NAME.h in this folder's part of the build, with
# each text file as a string: topics/exit-codes.txt as text_exit_codes.
function(text_header name)
	set(strings "")
	foreach(file ${ARGN})
		file(READ ${file} text HEX)
		string(REGEX REPLACE "(..)" "0x\\1," text "${text}")
		get_filename_component(variable ${file} NAME_WE)
		string(MAKE_C_IDENTIFIER ${variable} variable)
		string(APPEND strings
			"static const char text_${variable}[] = { ${text} 0 };\n")
		set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS
			${CMAKE_CURRENT_SOURCE_DIR}/${file})
	endforeach()
	string(TOUPPER ${name} guard)
	file(CONFIGURE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/${name}.h CONTENT
"#ifndef ${guard}_H_
#define ${guard}_H_

${strings}
#endif
")
endfunction()
