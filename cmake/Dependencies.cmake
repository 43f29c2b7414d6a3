# Every library we link, with the oldest version we know to work.
find_package(PkgConfig REQUIRED)

# The module, or what to install; after the package, what else helps.
macro(bottle_need prefix module package)
	pkg_check_modules(${prefix} IMPORTED_TARGET ${module})
	if(NOT ${prefix}_FOUND)
		message(FATAL_ERROR "${module} is missing; "
			"on Debian: apt-get install ${package}" ${ARGN})
	endif()
endmacro()

if(BOTTLE_STATIC)
	set(OPENSSL_USE_STATIC_LIBS TRUE)
	find_library(SODIUM_STATIC libsodium.a REQUIRED)
	find_library(SECCOMP_STATIC libseccomp.a REQUIRED)
	# CMake puts its own -pie last, so that is what has to change.
	set(CMAKE_C_LINK_OPTIONS_PIE -static-pie)
	# They are copied into containers as they are, so without symbols.
	if(CMAKE_BUILD_TYPE STREQUAL "Release")
		add_link_options(-s)
	endif()
endif()
find_package(OpenSSL 3.0 REQUIRED COMPONENTS Crypto)
find_package(Threads REQUIRED)
bottle_need(SODIUM libsodium>=1.0.18 libsodium-dev)
bottle_need(SECCOMP libseccomp>=2.5.0 libseccomp-dev)
if(BOTTLE_STATIC)
	add_library(bottle_sodium INTERFACE)
	target_link_libraries(bottle_sodium INTERFACE ${SODIUM_STATIC}
		Threads::Threads)
	add_library(bottle_seccomp INTERFACE)
	target_link_libraries(bottle_seccomp INTERFACE ${SECCOMP_STATIC})
else()
	add_library(bottle_sodium ALIAS PkgConfig::SODIUM)
	add_library(bottle_seccomp ALIAS PkgConfig::SECCOMP)
endif()
if(NOT BOTTLE_STATIC)
	# For the host's side alone, which is not among the static programs.
	bottle_need(JANSSON jansson>=2.13 libjansson-dev)
	bottle_need(LIBSSH libssh>=0.10 libssh-dev)
endif()
if(BOTTLE_TESTS)
	bottle_need(CMOCKA cmocka>=1.1.5 libcmocka-dev
		" or, for the programs alone, give -DBOTTLE_TESTS=OFF")
endif()
