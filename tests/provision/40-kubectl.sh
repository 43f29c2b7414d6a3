#!/bin/bash
# 40-kubectl.sh - loads into pods.  There is no cluster: a stand-in is as strict
# as kubectl about its arguments, says what kubectl says, and runs programs as
# whoever a container is, without capabilities.
# shellcheck source=tests/support/load.sh
. "$(dirname "$0")/../support/load.sh"

need_own
# --- the stand-in is one -------------------------------------------------------

standin=$support/../provision/kubectl-stand-in
mkdir -m 755 "$T/path"
cp "$standin" "$T/path/kubectl"
chmod 755 "$T/path/kubectl"

# real_table KUBECTL: its options as the stand-in prints its own, but for what
# says where help is.
real_table() {
	local set

	for set in 'exec:exec --help' all:options; do
		# shellcheck disable=SC2086
		"$1" ${set#*:} 2>/dev/null | perl -ne '
			BEGIN { $set = shift(@ARGV) }
			next unless /^\s+(?:-(\w), )?--([\w-]+)=(\S*)/;
			my ($letter, $name, $default) = ($1 // "-", $2, $3);
			next if $name eq "help";
			printf "%s %s %s %s\n", $set, $name, $letter,
			    $default =~ /^(true|false)/ ? "none" : "value"' \
		    "${set%%:*}"
	done | sort
}
# The real one may be told of by KUBECTL, or is Debian's, which test.sh unpacks;
# what 1.20 has is what all have that we use.
real=${KUBECTL:-$support/../../build/debian/kubernetes-client/usr/bin/kubectl}
[ -x "$real" ] || real=$(command -v kubectl || true)
if [ -n "$real" ]; then
	theirs=$(real_table "$real")
	ours=$("$standin" --table | sort)
	if "$real" version --client 2>/dev/null |
	    grep -q 'GitVersion:"v1\.20\.'; then
		check_same options_are_those_of_kubectl "$theirs" "$ours"
	fi
	for option in 'exec container c value' 'exec stdin i none' \
	    'all namespace n value'; do
		check_has "kubectl_has_${option// /_}" "$theirs" "$option"
		check_has "stand_in_has_${option// /_}" "$ours" "$option"
	done
	# Without a cluster there are errors of its own: the same words.
	said=$(timeout 60 "$real" --kubeconfig /dev/null -s \
	    http://127.0.0.1:1 exec -i -n team web -c agent -- /bin/true \
	    2>&1 || true)
	check_has real_kubectl_is_refused "$said" 'was refused'
	check_has real_kubectl_names_the_server "$said" \
	    'The connection to the server 127.0.0.1:1'
else
	echo 'SKIP: there is no kubectl here, to hold the stand-in against'
fi

# --- a pod ----------------------------------------------------------------------

agent_uid=10001
export KUBECTL_CLUSTER=$T/cluster KUBECTL_CALLS=$T/calls
# The names of one container mean nothing in the other.
for name in agent web; do
	printf 'root:x:0:0::/root:/bin/sh\n' >"$T/passwd.$name"
done
echo "keeper:x:$agent_uid:$agent_uid::/:/bin/sh" >>"$T/passwd.agent"
echo "node:x:$account_uid:$account_uid::$N:/bin/sh" >>"$T/passwd.web"
chmod 644 "$T"/passwd.*
# What both containers see: a volume, which anybody may write to.
mkdir -m 777 "$T/shared"
chmod 777 "$T/shared"
S=$T/shared/agent.sock

# cluster [LINE...]: the pods, and more.
cluster() {
	cat >"$KUBECTL_CLUSTER" <<-EOS
		pod team web Running
		container team web app $account_uid running $T/passwd.web
		container team web agent $agent_uid running $T/passwd.agent
		pod team same Running
		container team same app $agent_uid running $T/passwd.agent
		container team same agent $agent_uid running $T/passwd.agent
		pod team root Running
		container team root app 0 running $T/passwd.web
		pod default web Running
		container default web app $account_uid running $T/passwd.web
		container default web agent $agent_uid running $T/passwd.agent
		pod team done Succeeded
		container team done app 1 running -
		container team done agent 1 running -
		pod team new Pending
		container team new app 1 running -
		container team new agent 1 running -
		pod team crashed Running
		container team crashed app $account_uid running $T/passwd.web
		container team crashed agent $agent_uid waiting -
	EOS
	printf '%s\n' "$@" >>"$KUBECTL_CLUSTER"
	rm -f "$KUBECTL_CALLS"
}
cluster
PATH=$T/path:$PATH

make_key ed25519 git
make_key ed25519 build
manifest "$(entry git.test "$T/git")" "$(entry build.test "$T/build")"

# pod ARG...: a load, whose user nobody names; without --bin of ours bare.
bare() {
	run load -s "$S" --home "$N" --no-install --no-prompt -f "$T/m.json" \
	    "$@"
}
pod() {
	bare --bin "$bin" "$@"
}
# prints: what the user is listed, by comment.
prints() {
	as_account SSH_AUTH_SOCK="$S" ssh-add -l 2>/dev/null |
	    cut -d ' ' -f 3 | sort | tr '\n' ' '
}
owners() {
	find "$N" -printf '%U:%G\n' | sort -u
}
# calls: what kubectl was called with.
calls() {
	sed 's/ -- .*/ --/' "$KUBECTL_CALLS" | sort -u
}

# The agent, as the pod starts it.
kubectl exec -n team web -c agent -- "$bin/bottle-agent" -D -a "$S" --public \
    --allow "$account_uid=list,sign" --allow-shared-dir \
    >>"$T/log" 2>&1 </dev/null &
at_exit end_process "$!"
wait_for 30 test -S "$S" || die 'no agent serves in the pod'
check_same the_agent_is_who_the_pod_says "$agent_uid" "$(stat -c %u "$S")"
check_same the_agent_has_no_capability 0000000000000000 \
    "$(sed -n 's/^CapEff:\s*//p' "/proc/$(agent_of "$S")/status")"

home_new
rm -f "$KUBECTL_CALLS"
pod kubectl:team/web/agent
expect a_pod 0 "kubectl:team/web/agent: keys in force: 2, for user $account_uid" \
    '!other rules'
check_same a_pod_prints_the_keys 2 "$(grep -c ^ssh-ed25519 <<<"$out")"
check_same a_pod_has_the_keys 'build git ' "$(prints)"
check_same the_files_are_the_users "$account_uid:$account_uid" "$(owners)"
check_same two_calls_and_how 'exec -i -n team web --
exec -i -n team web -c agent --' "$(calls)"
check_same no_more_than_two_calls 2 "$(wc -l <"$KUBECTL_CALLS")"
check the_files_are_those_of_a_load grep -q "$S" "$N/.ssh/bottle-agent/env"

home_new
rm -f "$KUBECTL_CALLS"
pod -v kubectl:team/web/agent/app
expect both_containers_named 0 'keys in force: 2'
check_same both_containers_are_told 'exec -i -n team web -c agent --
exec -i -n team web -c app --' "$(calls)"
rm -f "$KUBECTL_CALLS"
pod kubectl:/web/agent
expect namespace_of_the_context 0 'keys in force: 2'
check_same no_namespace_is_told 'exec -i web --
exec -i web -c agent --' "$(calls)"
pod --json kubectl:team/web/agent
check_same json_says_who_the_user_is "$account_uid" \
    "$(jq -r '.targets[0].user' "$T/stdout")"
pod -u node kubectl:team/web/agent
expect user_by_name 0 'for user node'
pod -u "$agent_uid" kubectl:team/web/agent
expect user_that_it_is_not 3 "only root can become user $agent_uid"
pod -u root kubectl:team/web/agent
expect user_that_it_cannot_become 3 'only root can become user root'
check_same and_the_keys_stay 'build git ' "$(prints)"

# Pods whose root is the user's as well are as containers of an engine.
P=$S S=$T/shared/root.sock
home_new
pod -u node kubectl:team/root
expect root_becomes_the_user 0 'for user node'
check_same root_becomes_the_user_for_files "$account_uid:$account_uid" \
    "$(owners)"
end_process "$(agent_of "$S")"

# Nobody serves: the load starts an agent, as the agent's container is.
S=$T/shared/new.sock
home_new
pod kubectl:team/web/agent
expect an_agent_is_started 0 'keys in force: 2'
check_same the_agent_is_for_the_uid "$account_uid=list,sign" \
    "$(kubectl exec -n team web -c agent -- "$bin/bottle-agent" --status \
	--json -a "$S" | jq -r '.rules[]' | tr '\n' ' ' | sed 's/ $//')"
started=$(agent_of "$S")
check_same it_is_not_roots "$agent_uid" "$(stat -c %u "/proc/$started")"
kill "$started"
check it_ends wait_for 30 process_gone "$started"
S=$P

# --- what must not be ------------------------------------------------------------

home_new
pod kubectl:team/same/agent
expect same_user 3 "the agent is uid $agent_uid, and so is its user" \
    'nothing was loaded' 'runAsUser' 'kubectl:team/same/AGENT'
check_same same_user_writes_nothing '' "$(find "$N" -mindepth 1)"
check_same same_user_loads_nothing 'build git ' "$(prints)"
S=$T/shared/same.sock
pod kubectl:team/web
expect same_container 3 'does not let this user load keys' runAsUser
check_same same_container_writes_nothing '' "$(find "$N" -mindepth 1)"
check same_container_leaves_no_agent test ! -e "$S"
S=$P

pod kubectl:team/root
expect user_is_root 3 'the user in pod team/root is root' '--user'
check_same user_is_root_writes_nothing '' "$(find "$N" -mindepth 1)"

# Programs that do not say who they are.
mkdir -m 755 "$T/old"
# shellcheck disable=SC2016
printf '%s\n' '#!/bin/sh' 'read -r line' \
    'echo "bottle-place: hello 99.0 x86_64 /usr/local/bin"' 'cat >/dev/null' \
    >"$T/old/bottle-forward"
chmod 755 "$T/old/bottle-forward"
bare --bin "$T/old" kubectl:team/web/agent
expect older_programs 1 'does not say as which user it runs'
bare --bin /nowhere kubectl:team/web/agent/app
expect no_programs 5 'no bottle-forward in container app of pod team/web'
run load -s "$S" --bin /nowhere --home "$N" -f "$T/m.json" \
    kubectl:team/web/agent
expect no_programs_are_put_there 5 'programs are not put into pods' COPY

# --- what kubectl says -------------------------------------------------------------

# says NAME FAULT PART...: what each call is answered with, and what becomes of
# it.
says() {
	local name=$1 fault=$2

	shift 2
	cluster "fault $fault"
	pod kubectl:team/web/agent
	expect "$name" 5 "$@"
	cluster
}
says refused refused 'does not reach the cluster' 'was refused' \
    'config current-context'
says unknown_host unknown_host 'does not reach the cluster' 'no such host'
says certificate certificate 'does not reach the cluster' x509
says node_gone node_gone 'does not reach the cluster' 'dialing backend'
says no_context no_context 'does not reach the cluster' \
    'not found for specified context'
says unauthorized unauthorized 'may not run programs in pod team/web' \
    'can-i create pods/exec -n team'
says forbidden forbidden 'may not run programs in pod team/web' Forbidden
says internal internal 'kubectl failed' InternalError
cluster 'fault no_shell'
bare kubectl:team/web/agent
expect no_shell 5 'no /bin/sh in pod team/web'
cluster
pod kubectl:team/gone/agent
expect no_pod 5 'there is no pod team/gone' 'pods "gone" not found' \
    'kubectl get pods -n team'
pod kubectl:gone/web/agent
expect no_namespace 5 'there is no pod gone/web'
pod kubectl:team/web/nobody
expect no_container 5 'or it has no such container' \
    'nobody is not valid for pod web'
pod kubectl:team/web/agent/nobody
expect no_container_of_the_user 5 'nobody is not valid for pod web'
pod kubectl:team/done/agent
expect pod_is_done 5 'pod team/done is not running' 'completed pod' \
    'describe pod -n team done'
pod kubectl:team/new/agent
expect pod_is_new 5 'pod team/new is not running' 'host assigned'
home_new
pod kubectl:team/crashed/agent
expect container_is_down 5 'is not running, or its container is not' \
    'container not found ("agent")'
check_same container_is_down_writes_nothing '' "$(find "$N" -mindepth 1)"
status=0
said=$(env PATH=/nowhere "$PROVISION" load -s "$S" -f "$T/m.json" \
    kubectl:team/web/agent 2>&1 </dev/null) || status=$?
check_same no_kubectl_status 5 "$status"
check_has no_kubectl "$said" 'kubectl is not in PATH'

# Names are those of Kubernetes.
for name in kubectl: kubectl:Web kubectl:a/b/c/d/e kubectl:team/-web/agent \
    kubectl:team/web/ kubectl:team/web/agent/ kubectl:team//agent \
    kubectl:te.am/web/agent kubectl:team/web/a.b kubectl:team/we_b/agent; do
	pod "$name"
	check_same "no_target_$name" 2 "$status"
done
scenario_end
