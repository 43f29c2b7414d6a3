# fish completion for bottle-provision

# The words behind the program that are no options.
function __bottle_provision_words
    set -l words (commandline -opc)
    set -e words[1]
    set -l skip no
    for word in $words
        if test $skip = yes
            set skip no
        else if string match -qr -- '^(-[fbnFpusj]|--(manifest|bottle|name|ssh-config|sign-as|proxy|programs|user|home|socket|bin|timeout|label|engine|jobs|passphrase-fd))$' $word
            set skip yes
        else if not string match -q -- '-*' $word
            echo $word
        end
    end
end

# on COMMAND...: whether the command is one of these; without any, whether
# there is none yet.
function __bottle_provision_on
    set -l words (__bottle_provision_words)
    if test (count $argv) -eq 0
        test (count $words) -eq 0
    else
        test (count $words) -gt 0; and contains -- $words[1] $argv
    end
end

function __bottle_provision_given
    string match -qr -- "^($argv[1])" (commandline -opc)
end

# Whether a target comes now: with hosts, only the first word is one.
function __bottle_provision_wants_target
    if __bottle_provision_given --all
        return 1
    else if __bottle_provision_on load watch
        __bottle_provision_given '-f|--manifest'; or test (count (__bottle_provision_words)) -eq 1
    else
        __bottle_provision_on doctor status remove lock unlock explain
    end
end

function __bottle_provision_wants_host
    __bottle_provision_on load watch; or return
    __bottle_provision_given '-f|--manifest'; and return 1
    __bottle_provision_given --all; or test (count (__bottle_provision_words)) -gt 1
end

# Containers that run; an engine that does not answer at once is not waited for.
function __bottle_provision_containers
    command -sq $argv[1]; and timeout 1 $argv[1] ps --format '{{.Names}}' 2>/dev/null </dev/null
end

function __bottle_provision_targets
    set -l cur (commandline -ct)
    for engine in docker podman nerdctl
        if string match -q -- "$engine:*" $cur
            __bottle_provision_containers $engine | string replace -r '^' "$engine:"
            return
        end
    end
    __bottle_provision_containers docker
    printf '%s\n' local docker: podman: nerdctl: kubectl: swarm: exec:
end

function __bottle_provision_topics
    printf '%s\n' load watch doctor status remove lock unlock explain help targets manifest rules files exit-codes
end

complete -c bottle-provision -f
complete -c bottle-provision -n __bottle_provision_on -a load -d 'Give targets the use of keys'
complete -c bottle-provision -n __bottle_provision_on -a watch -d 'Load again whenever one starts'
complete -c bottle-provision -n __bottle_provision_on -a doctor -d 'Find what is wrong, and what mends it'
complete -c bottle-provision -n __bottle_provision_on -a remove -d 'Take a load away'
complete -c bottle-provision -n __bottle_provision_on -a status -d 'Which keys targets have, and how their agents are'
complete -c bottle-provision -n __bottle_provision_on -a lock -d 'Have agents refuse all until unlock'
complete -c bottle-provision -n __bottle_provision_on -a unlock -d 'End what lock did'
complete -c bottle-provision -n __bottle_provision_on -a explain -d 'What agents refused, and why'
complete -c bottle-provision -n __bottle_provision_on -a help -d 'Explain a command, or another topic'
complete -c bottle-provision -n '__bottle_provision_on help; and test (count (__bottle_provision_words)) -eq 1' -a '(__bottle_provision_topics)' -d 'Topic'
complete -c bottle-provision -n __bottle_provision_wants_target -a '(__bottle_provision_targets)' -d 'Target'
complete -c bottle-provision -n __bottle_provision_wants_host -a '(__fish_print_hostnames)' -d 'Host'

set -l loads 'load watch'
set -l homes "$loads doctor remove"
set -l targets "$homes status lock unlock explain"

complete -c bottle-provision -n "__bottle_provision_on $loads" -s f -l manifest -r -F -d 'Hosts, keys and rules'
complete -c bottle-provision -n "__bottle_provision_on $loads" -s b -l bottle -x -d 'Which of its bottles'
complete -c bottle-provision -n "__bottle_provision_on $loads remove" -s n -l name -x -d 'Name of the load'
complete -c bottle-provision -n "__bottle_provision_on $loads" -s F -l ssh-config -r -F -d 'As ssh -F'
complete -c bottle-provision -n '__bottle_provision_on load' -l scan -d 'Ask unknown hosts for their keys'
complete -c bottle-provision -n '__bottle_provision_on load' -l scan-via-target -d 'The same from the target'
complete -c bottle-provision -n "__bottle_provision_on $loads" -l sign -d 'Git signs commits with the first key'
complete -c bottle-provision -n "__bottle_provision_on $loads" -l sign-as -x -d 'Whose signatures they are'
complete -c bottle-provision -n '__bottle_provision_on remove' -l every-load -d 'All loads'
complete -c bottle-provision -n '__bottle_provision_on lock unlock' -l passphrase-fd -x -d 'Read the passphrase from a descriptor'
complete -c bottle-provision -n '__bottle_provision_on doctor' -l no-login -d 'Connect to no host'
complete -c bottle-provision -n "__bottle_provision_on $targets" -l all -d 'Every container that runs'
complete -c bottle-provision -n "__bottle_provision_on $targets" -l label -x -d 'Only those with this label'
complete -c bottle-provision -n "__bottle_provision_on $targets" -l engine -x -a 'docker podman nerdctl' -d 'Of which engine'
complete -c bottle-provision -n "__bottle_provision_on $targets" -s j -l jobs -x -d 'How many targets at once'
complete -c bottle-provision -n "__bottle_provision_on $homes" -s u -l user -x -d 'The user in the target'
complete -c bottle-provision -n "__bottle_provision_on $homes" -l home -x -d 'That user\'s home directory there'
complete -c bottle-provision -n "__bottle_provision_on $targets" -s s -l socket -x -d 'The agent\'s socket there'
complete -c bottle-provision -n "__bottle_provision_on $loads" -s p -l proxy -x -a 'direct http:// socks5:// socks5h://' -d 'The proxy as seen from there, or direct'
complete -c bottle-provision -n "__bottle_provision_on $targets" -l bin -x -d 'Where our programs are there'
complete -c bottle-provision -n "__bottle_provision_on $loads" -l programs -x -a '(__fish_complete_directories)' -d 'Static programs for targets without'
complete -c bottle-provision -n "__bottle_provision_on $loads" -l no-install -d 'Put no programs in'
complete -c bottle-provision -n "__bottle_provision_on $loads" -l no-prompt -d 'Ask nobody for anything'
complete -c bottle-provision -n "__bottle_provision_on $targets" -l timeout -x -d 'For each step there'
complete -c bottle-provision -n '__bottle_provision_on load' -l dry-run -d 'Print what would be done'
complete -c bottle-provision -n "__bottle_provision_on $targets" -l json -d 'Print JSON'
complete -c bottle-provision -n "__bottle_provision_on; or __bottle_provision_on $targets" -s v -l verbose -d 'Say what is done'
complete -c bottle-provision -s h -l help -d 'Print help'
complete -c bottle-provision -s V -l version -d 'Print the version'
