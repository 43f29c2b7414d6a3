# shellcheck shell=bash disable=SC2154
# watched.sh - a world (world.sh) of docker whose bottle is watched, or loaded by
# hand.
#
# Sourced after world.sh; work is a folder, bin that of the static programs,
# provision the program.
#
#	watched_world NAME	bring it up, with a key and a manifest
#	watched_start		begin to watch; output is in $work/watch.out
#	watched_says WORD N	until N lines say that of the bottle
#	watched_end		and stop
#	watched_load		load once, without it

watched_pid=

watched_world() {
	local why

	[ -x "$provision" ] || skip_all "there is no program $provision"
	why=$(world_missing docker "$bin")
	[ -z "$why" ] || skip_all "$why"
	at_exit engine_down
	engine_up "$work" || skip_all "$engine_why"
	roots_ready || die 'cannot make the root file systems'
	docker_ready || skip_all "$world_why"
	at_exit world_down
	at_exit watched_end
	world_up docker "$1" "$bin" ||
	    die "cannot bring the world up: ${world_why:-see above}"
	mkdir -m 700 "$work/home"
	ssh-keygen -q -t ed25519 -N '' -C watched -f "$work/key" </dev/null
	server_authorize "$work/key.pub"
	printf '[{"Host": "%s", "User": "git", "KnownHostKey": "%s",
	    "IdentityFile": "%s"}]\n' "$world_host" \
	    "$(cut -d ' ' -f 1-2 "$world_dir/hostkey.pub")" "$work/key" \
	    >"$work/watched.json"
	watched_options=(--no-prompt --no-install -f "$work/watched.json"
	    --proxy "$world_proxy_url" "docker:$world_name")
}

watched_start() {
	HOME=$work/home "$provision" watch "${watched_options[@]}" \
	    </dev/null >"$work/watch.out" 2>"$work/watch.err" &
	watched_pid=$!
}

watched_count() {
	grep -c "docker:$world_name $1" "$work/watch.out" || true
}
watched_has() {
	[ "$(watched_count "$1")" -ge "$2" ]
}
watched_says() {
	wait_for 60 watched_has "$1" "$2" || {
		tail -n 20 "$work/watch.out" "$work/watch.err" >&2
		die "watch does not say that it is $1, $2 times"
	}
}

# It must end by itself, and well.
watched_end() {
	local status=0

	[ -n "$watched_pid" ] || return 0
	kill -TERM "$watched_pid"
	wait "$watched_pid" || status=$?
	watched_pid=
	return "$status"
}

watched_load() {
	HOME=$work/home "$provision" load "${watched_options[@]}" \
	    </dev/null >/dev/null 2>"$work/load.err"
}
