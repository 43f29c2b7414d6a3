# shellcheck shell=bash
# busybox.sh - a root that has nothing of Debian but busybox.
#
# Sourced.

# busybox_tree DIR: make it there: busybox, and the libraries that it needs.
busybox_tree() {
	local file

	mkdir -p "$1/bin" "$1/root" "$1/tmp"
	cp "$(command -v busybox)" "$1/bin/busybox"
	for file in $(ldd "$1/bin/busybox" | grep -o '/[^ ]*'); do
		mkdir -p "$1${file%/*}"
		cp -L "$file" "$1$file"
	done
	for file in $(busybox --list); do
		[ -e "$1/bin/$file" ] || ln -s busybox "$1/bin/$file"
	done
}
