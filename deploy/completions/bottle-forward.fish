# fish completion for bottle-forward

complete -c bottle-forward -f
complete -c bottle-forward -n __fish_use_subcommand -a connect -d 'Connect through a proxy'
complete -c bottle-forward -n __fish_use_subcommand -a place -d 'Files for a home, from bottle-provision'
complete -c bottle-forward -n '__fish_seen_subcommand_from connect' -a '(__fish_print_hostnames)'
complete -c bottle-forward -l proxy -x -a 'direct http:// socks5:// socks5h://' -d 'The proxy, or direct'
complete -c bottle-forward -l auth-file -r -F -d 'USER:PASSWORD for the proxy'
complete -c bottle-forward -l auth-fd -x -d 'The same from an open descriptor'
complete -c bottle-forward -l header -x -d 'A header line for an HTTP proxy'
complete -c bottle-forward -l fdpass -d 'Hand the connection to ssh'
complete -c bottle-forward -l check -d 'Print what proxy and server answer'
complete -c bottle-forward -l connect-timeout -x -d 'For reaching the proxy'
complete -c bottle-forward -l answer-timeout -x -d 'For its answer'
complete -c bottle-forward -l silence-timeout -x -d 'For what the host says'
complete -c bottle-forward -l user -x -a '(__fish_complete_users)' -d 'Become that user first'
complete -c bottle-forward -s v -l verbose -d 'Say what is done'
complete -c bottle-forward -s h -l help -d 'Print help'
complete -c bottle-forward -s V -l version -d 'Print the version'
