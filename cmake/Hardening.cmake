# What the finished programs are built with, besides the sanitizers.
include(CheckCCompilerFlag)
include(CheckLinkerFlag)
include(CheckPIESupported)

check_pie_supported(LANGUAGES C)

# Nothing in a binary may tell where it was built, also if a compiler's cache
# makes paths relative.
file(RELATIVE_PATH bottle_up ${CMAKE_BINARY_DIR} ${CMAKE_SOURCE_DIR})
string(REGEX REPLACE "/$" "" bottle_up "${bottle_up}")
add_compile_options(-ffile-prefix-map=${CMAKE_SOURCE_DIR}=.
	-fmacro-prefix-map=${bottle_up}=.)

# assert() states invariants and stays on in every build.
string(REPLACE "-DNDEBUG" "" CMAKE_C_FLAGS_RELEASE "${CMAKE_C_FLAGS_RELEASE}")
string(REPLACE "-DNDEBUG" "" CMAKE_C_FLAGS_RELWITHDEBINFO
	"${CMAKE_C_FLAGS_RELWITHDEBINFO}")

if(BOTTLE_SANITIZE)
	add_compile_options(-fsanitize=${BOTTLE_SANITIZE}
		-fno-sanitize-recover=all -fno-omit-frame-pointer)
	add_link_options(-fsanitize=${BOTTLE_SANITIZE})
else()
	foreach(flag -fstack-protector-strong -fstack-clash-protection
			-fcf-protection=full -ftrivial-auto-var-init=zero)
		string(MAKE_C_IDENTIFIER "HAVE${flag}" have)
		check_c_compiler_flag(${flag} ${have})
		if(${have})
			add_compile_options(${flag})
		endif()
	endforeach()
	add_compile_options($<$<CONFIG:Release>:-U_FORTIFY_SOURCE>
		$<$<CONFIG:Release>:-D_FORTIFY_SOURCE=2>)
	foreach(flag -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack
			-Wl,--as-needed)
		string(MAKE_C_IDENTIFIER "HAVE${flag}" have)
		check_linker_flag(C ${flag} ${have})
		if(${have})
			add_link_options(${flag})
		endif()
	endforeach()
endif()
