# shellcheck shell=bash disable=SC2016,SC2034,SC2154
# engine.sh - a container engine: the one that answers, or Debian's, started
# for as long as we need it.
#
# Sourced, after say.sh.

# The daemon that we started, if we did.
engine_pid=

# engine_up DIR: have one that answers; its log goes to DIR.  On failure
# engine_why says what is wrong.
engine_up() {
	local dir=$1

	engine_why=
	command -v docker >/dev/null || {
		engine_why='there is no docker program'
		return 1
	}
	! engine_answers || return 0
	if [ -n "${DOCKER_HOST:-}" ]; then
		engine_why="no engine answers at DOCKER_HOST=$DOCKER_HOST"
		return 1
	fi
	if ! command -v dockerd >/dev/null || [ "$(id -u)" -ne 0 ]; then
		engine_why='no engine answers, and we cannot start one'
		return 1
	fi

	# Its own session: Ctrl-C is for us, and we still need it to clean up.
	setsid dockerd --pidfile "$dir/dockerd.pid" \
	    >"$dir/dockerd.log" 2>&1 </dev/null &
	engine_pid=$!
	if wait_for 60 engine_settled && engine_answers; then
		return 0
	fi
	engine_why="dockerd does not start: $(engine_complaint "$dir")"
	engine_down
	return 1
}

engine_answers() {
	timeout 20 docker version >/dev/null 2>&1
}

# It answers, or it has given up.
engine_settled() {
	engine_answers || process_gone "$engine_pid"
}

# The last thing that it said, without the decoration.
engine_complaint() {
	sed -n 's/^failed to start daemon: //p; s/.*level=fatal msg=//p' \
	    "$1/dockerd.log" | tail -n 1
}

# engine_down: end it if we started it.
engine_down() {
	[ -z "$engine_pid" ] || end_process "$engine_pid" 20
	engine_pid=
}

# engine_image NAME TAR CHANGE...: have an image of this name.
engine_image() {
	local name=$1 tar=$2 change
	local options=()

	shift 2
	! docker image inspect "$name" >/dev/null 2>&1 || return 0
	for change in "$@"; do
		options+=(-c "$change")
	done
	docker import "${options[@]}" "$tar" "$name" >/dev/null
}
