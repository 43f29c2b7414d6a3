# fish completion for bottle-provision

# Containers that run, and the other targets.
function __bottle_provision_targets
    docker ps --format '{{.Names}}' 2>/dev/null
    podman ps --format '{{.Names}}' 2>/dev/null | string replace -r '^' 'podman:'
    printf '%s\n' local docker: podman: exec:
end

complete -c bottle-provision -f
complete -c bottle-provision -n __fish_use_subcommand -a load -d 'Put keys and configuration into targets'
complete -c bottle-provision -n '__fish_seen_subcommand_from load' -a '(__bottle_provision_targets)' -d 'Target'
complete -c bottle-provision -n '__fish_seen_subcommand_from load; and not __fish_contains_opt -s f manifest' -a '(__fish_print_hostnames)' -d 'Host'
complete -c bottle-provision -s f -l manifest -r -F -d 'Hosts, keys and rules'
complete -c bottle-provision -s b -l bottle -x -d 'Which of its bottles'
complete -c bottle-provision -s n -l name -x -d 'Replace what was loaded under this name'
complete -c bottle-provision -s u -l user -x -d 'The user in the target'
complete -c bottle-provision -l home -x -d 'That user\'s home directory there'
complete -c bottle-provision -s s -l socket -x -d 'The agent\'s socket there'
complete -c bottle-provision -s p -l proxy -x -a 'direct http:// socks5:// socks5h://' -d 'The proxy as seen from there, or direct'
complete -c bottle-provision -l sign -d 'Git signs commits with the first key'
complete -c bottle-provision -l sign-as -x -d 'Whose signatures they are'
complete -c bottle-provision -s F -l ssh-config -r -F -d 'As ssh -F'
complete -c bottle-provision -l scan -d 'Ask unknown hosts for their keys'
complete -c bottle-provision -l scan-via-target -d 'The same from the target'
complete -c bottle-provision -l no-prompt -d 'Ask nobody for anything'
complete -c bottle-provision -l programs -x -a '(__fish_complete_directories)' -d 'Static programs for targets without'
complete -c bottle-provision -l no-install -d 'Put no programs in'
complete -c bottle-provision -l bin -x -d 'Where our programs are there'
complete -c bottle-provision -l timeout -x -d 'For each step there'
complete -c bottle-provision -l dry-run -d 'Print what would be done'
complete -c bottle-provision -l json -d 'Print JSON'
complete -c bottle-provision -s v -l verbose -d 'Say what is done'
complete -c bottle-provision -s h -l help -d 'Print help'
complete -c bottle-provision -s V -l version -d 'Print the version'
