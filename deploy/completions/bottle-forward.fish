# fish completion for bottle-forward

# on COMMAND: whether that is the command; without one, whether there is none
# yet.
function __bottle_forward_on
    set -l words (commandline -opc)
    for word in $words[2..]
        if not string match -q -- '-*' $word
            contains -- $word $argv
            return
        end
    end
    test (count $argv) -eq 0
end

complete -c bottle-forward -f
complete -c bottle-forward -n __bottle_forward_on -a connect -d 'Connect through a proxy'
complete -c bottle-forward -n __bottle_forward_on -a place -d 'Files for a home, from bottle-provision'
complete -c bottle-forward -n __bottle_forward_on -a remove -d 'Take the files of a load away'
complete -c bottle-forward -n '__bottle_forward_on connect' -a '(__fish_print_hostnames)'
complete -c bottle-forward -n '__bottle_forward_on connect' -l proxy -x -a 'direct http:// socks5:// socks5h://' -d 'The proxy, or direct'
complete -c bottle-forward -n '__bottle_forward_on connect' -l auth-file -r -F -d 'USER:PASSWORD for the proxy'
complete -c bottle-forward -n '__bottle_forward_on connect' -l auth-fd -x -d 'The same from an open descriptor'
complete -c bottle-forward -n '__bottle_forward_on connect' -l header -x -d 'A header line for an HTTP proxy'
complete -c bottle-forward -n '__bottle_forward_on connect' -l fdpass -d 'Hand the connection to ssh'
complete -c bottle-forward -n '__bottle_forward_on connect' -l check -d 'Print what proxy and server answer'
complete -c bottle-forward -n '__bottle_forward_on connect' -l connect-timeout -x -d 'For reaching the proxy'
complete -c bottle-forward -n '__bottle_forward_on connect' -l answer-timeout -x -d 'For its answer'
complete -c bottle-forward -n '__bottle_forward_on place' -l silence-timeout -x -d 'For what the host says'
complete -c bottle-forward -n '__bottle_forward_on remove' -l name -x -d 'Of the load'
complete -c bottle-forward -n '__bottle_forward_on remove' -l every-load -d 'All loads'
complete -c bottle-forward -n '__bottle_forward_on remove' -l home -x -a '(__fish_complete_directories)' -d 'The home'
complete -c bottle-forward -n '__bottle_forward_on place remove' -l user -x -a '(__fish_complete_users)' -d 'Become that user first'
complete -c bottle-forward -s v -l verbose -d 'Say what is done'
complete -c bottle-forward -s h -l help -d 'Print help'
complete -c bottle-forward -s V -l version -d 'Print the version'
