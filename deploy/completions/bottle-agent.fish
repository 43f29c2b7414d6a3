# fish completion for bottle-agent

# Users and groups of this machine, as --allow names them.
function __bottle_agent_peers
    cut -d: -f1 /etc/passwd 2>/dev/null | string replace -r '$' '='
    cut -d: -f1 /etc/group 2>/dev/null | string replace -r '^(.*)$' '@$1='
end

function __bottle_agent_peer_list
    set -l done (commandline -ct | string replace -r '[^,=]*$' '' | string replace -r '^--peers=' '')
    cut -d: -f1 /etc/passwd 2>/dev/null | string replace -r '^' -- $done
    cut -d: -f1 /etc/group 2>/dev/null | string replace -r '^' -- $done@
end

complete -c bottle-agent -s a -l socket -r -F -d 'The socket of the agent'
complete -c bottle-agent -s c -d 'Print commands for csh'
complete -c bottle-agent -s s -d 'Print commands for a Bourne shell'
complete -c bottle-agent -s k -d 'End the agent named by $SSH_AGENT_PID'
complete -c bottle-agent -s D -d 'Stay in the foreground'
complete -c bottle-agent -s d -d 'As -D, and log more'
complete -c bottle-agent -s t -x -d 'Lifetime of keys: seconds, or like 1h30m'
complete -c bottle-agent -s T -d 'Put the socket in a new directory in $TMPDIR'
complete -c bottle-agent -s U -d 'Leave dead sockets in ~/.ssh/agent'
complete -c bottle-agent -s u -d 'Remove dead sockets from ~/.ssh/agent'
complete -c bottle-agent -s E -x -a 'md5 sha1 sha256 sha384 sha512' -d 'Hash of fingerprints'
complete -c bottle-agent -s O -x -a 'no-restrict-websafe allow-remote-pkcs11 websafe-allow=' -d 'About keys on tokens'
complete -c bottle-agent -s P -x -d 'Libraries that could be loaded'
complete -c bottle-agent -s V -d 'Print the version on stderr'
complete -c bottle-agent -s h -l help -d 'Print help'
complete -c bottle-agent -l version -d 'Print the version on stdout'
complete -c bottle-agent -l public -d 'A socket that every user can connect to'
complete -c bottle-agent -l allow -x -a '(__bottle_agent_peers)' -d 'What a peer may do'
complete -c bottle-agent -l policy -r -F -d 'Rules in a file'
complete -c bottle-agent -l audit -r -F -a '- syslog' -d 'Record each decision'
complete -c bottle-agent -l audit-format -x -a 'json text' -d 'Form of the records'
complete -c bottle-agent -l limit -x -a 'connections= connections-uid= connections-root= frame-time= unread-time= bytes= bytes-uid= question-time= questions-uid=' -d 'Change a limit'
complete -c bottle-agent -l allow-shared-dir -d 'Accept a directory that others can change'
complete -c bottle-agent -l legacy-rsa -d 'Make RSA signatures with SHA-1'
complete -c bottle-agent -l forwarded -x -a 'deny allow' -d 'Whether forwarded connections may sign commits'
complete -c bottle-agent -l workers -x -d 'Threads for signatures that take long'
complete -c bottle-agent -l ready-fd -x -d 'Write a newline there when serving'
complete -c bottle-agent -l memory -x -a 'auto secret mlock' -d 'Kind of memory for keys'
complete -c bottle-agent -l memory-size -x -d 'How much memory to lock, in bytes'
complete -c bottle-agent -l allow-unlocked-memory -d 'Go on where no memory can be locked'
complete -c bottle-agent -l hardening -x -a 'strict best-effort' -d 'What to do where protection is refused'
complete -c bottle-agent -l load -d 'Take private keys from stdin'
complete -c bottle-agent -l expect -x -d 'Load nothing unless there are so many keys'
complete -c bottle-agent -l name -x -d 'Of the load that is replaced or removed'
complete -c bottle-agent -l purpose -x -a 'auth git file any auth,git' -d 'What these keys may sign'
complete -c bottle-agent -l max-signatures -x -d 'How many signatures each key makes'
complete -c bottle-agent -l rate -x -d 'How many signatures in what time: 5/1m'
complete -c bottle-agent -l peers -x -a '(__bottle_agent_peer_list)' -d 'For which peers these keys are there'
complete -c bottle-agent -l status -d 'Ask the agent how it is'
complete -c bottle-agent -l explain -d 'Ask the agent what it refused'
complete -c bottle-agent -l lock -d 'Lock the agent with a passphrase'
complete -c bottle-agent -l unlock -d 'Unlock the agent'
complete -c bottle-agent -l remove -d 'Take the keys of a load away'
complete -c bottle-agent -l every-load -d 'With --remove: the keys of all loads'
complete -c bottle-agent -l check-policy -r -F -d 'Say what a policy file means'
complete -c bottle-agent -l json -d 'Print JSON'
