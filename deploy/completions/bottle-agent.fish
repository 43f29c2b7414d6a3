# fish completion for bottle-agent

# Users and groups of this machine, as --allow names them.
function __bottle_agent_peers
    cut -d: -f1 /etc/passwd 2>/dev/null | string replace -r '$' '='
    cut -d: -f1 /etc/group 2>/dev/null | string replace -r '^(.*)$' '@$1='
end

complete -c bottle-agent -s a -l socket -r -F -d 'The socket of the agent'
complete -c bottle-agent -s c -d 'Print commands for csh'
complete -c bottle-agent -s s -d 'Print commands for a Bourne shell'
complete -c bottle-agent -s k -d 'End the agent named by $SSH_AGENT_PID'
complete -c bottle-agent -s D -d 'Stay in the foreground'
complete -c bottle-agent -s d -d 'As -D, and log more'
complete -c bottle-agent -s t -x -d 'Lifetime of keys: seconds, or like 1h30m'
complete -c bottle-agent -s T -d 'Put the socket in a new directory in $TMPDIR'
complete -c bottle-agent -s V -d 'Print the version on stderr'
complete -c bottle-agent -s h -l help -d 'Print help'
complete -c bottle-agent -l version -d 'Print the version on stdout'
complete -c bottle-agent -l public -d 'A socket that every user can connect to'
complete -c bottle-agent -l allow -x -a '(__bottle_agent_peers)' -d 'What a peer may do'
complete -c bottle-agent -l allow-shared-dir -d 'Accept a directory that others can change'
complete -c bottle-agent -l legacy-rsa -d 'Make RSA signatures with SHA-1'
complete -c bottle-agent -l ready-fd -x -d 'Write a newline there when serving'
complete -c bottle-agent -l memory -x -a 'auto secret mlock' -d 'Kind of memory for keys'
complete -c bottle-agent -l memory-size -x -d 'How much memory to lock, in bytes'
complete -c bottle-agent -l allow-unlocked-memory -d 'Go on where no memory can be locked'
complete -c bottle-agent -l hardening -x -a 'strict best-effort' -d 'What to do where protection is refused'
complete -c bottle-agent -l load -d 'Take private keys from stdin'
complete -c bottle-agent -l expect -x -d 'Load nothing unless there are so many keys'
complete -c bottle-agent -l name -x -d 'Replace what was loaded under this name'
complete -c bottle-agent -l status -d 'Ask the agent how it is'
complete -c bottle-agent -l json -d 'Print JSON'
