# The strict set, for gcc and clang alike.  Errors only where a preset of ours
# asks for it: a user with a newer compiler must still be able to build.
add_compile_options(
	-Wall -Wextra -Wshadow -Wconversion -Wsign-conversion -Wcast-qual
	-Wwrite-strings -Wmissing-prototypes -Wstrict-prototypes
	-Wpointer-arith -Wundef -Wvla -Wformat=2 -Wimplicit-fallthrough)
if(BOTTLE_WERROR)
	add_compile_options(-Werror)
endif()
