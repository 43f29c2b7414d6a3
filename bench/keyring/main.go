// keyring - the agent of Go's x/crypto/ssh/agent, as its documentation has it:
// NewKeyring, and ServeAgent for each connection.
//
// usage: keyring SOCKET
package main

import (
	"log"
	"net"
	"os"

	"golang.org/x/crypto/ssh/agent"
)

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: keyring SOCKET")
	}
	listener, err := net.Listen("unix", os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	// Every user may ask: what is measured is not who may.
	if err := os.Chmod(os.Args[1], 0666); err != nil {
		log.Fatal(err)
	}
	keyring := agent.NewKeyring()
	for {
		conn, err := listener.Accept()
		if err != nil {
			log.Fatal(err)
		}
		go func() {
			defer conn.Close()
			// The end of a connection is no fault.
			_ = agent.ServeAgent(keyring, conn)
		}()
	}
}
