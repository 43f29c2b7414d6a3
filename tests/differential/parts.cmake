# What the differential test, the conformance test and fuzz_differential are
# made of.
if(NOT TARGET differential_parts)
	set(here ${CMAKE_CURRENT_LIST_DIR})
	add_library(differential_parts STATIC ${here}/ask.c ${here}/bench.c
		${here}/cases.c ${here}/cases_keys.c ${here}/cases_programs.c
		${here}/differences.c ${here}/lies.c ${here}/material.c
		${here}/material_sign.c ${here}/mutate.c ${here}/sequence.c
		${here}/side.c ${here}/trial.c ${here}/version.c
		${here}/view.c)
	target_include_directories(differential_parts PUBLIC ${here}/..)
	target_link_libraries(differential_parts PUBLIC proto base
		OpenSSL::Crypto bottle_sodium)
endif()
