// login_go HOST USER KNOWN_HOSTS COMMAND - run it there, with the agent's keys
// and no others, and print what it prints.
package main

import (
	"fmt"
	"log"
	"net"
	"os"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
	"golang.org/x/crypto/ssh/knownhosts"
)

func login(host, user, knownHosts, command string) ([]byte, error) {
	conn, err := net.Dial("unix", os.Getenv("SSH_AUTH_SOCK"))
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	check, err := knownhosts.New(knownHosts)
	if err != nil {
		return nil, err
	}
	keys := agent.NewClient(conn)
	client, err := ssh.Dial("tcp", net.JoinHostPort(host, "22"),
		&ssh.ClientConfig{
			User:            user,
			Auth:            []ssh.AuthMethod{ssh.PublicKeysCallback(keys.Signers)},
			HostKeyCallback: check,
			// The one that is known.
			HostKeyAlgorithms: []string{ssh.KeyAlgoED25519},
		})
	if err != nil {
		return nil, err
	}
	defer client.Close()
	session, err := client.NewSession()
	if err != nil {
		return nil, err
	}
	defer session.Close()
	return session.Output(command)
}

func main() {
	if len(os.Args) != 5 {
		log.Fatal("usage: login_go HOST USER KNOWN_HOSTS COMMAND")
	}
	out, err := login(os.Args[1], os.Args[2], os.Args[3], os.Args[4])
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(string(out))
}
