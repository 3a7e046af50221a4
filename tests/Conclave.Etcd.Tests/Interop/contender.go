// A contender by etcd's own election recipe for Go, clientv3/concurrency, which we did not write.
//
// Arguments: endpoint, election, value, TTL in seconds, a file, turns.
// Each turn: stand, say 'elected REVISION', make the file (there must be none: else somebody leads as well), hold until
// interrupted (turns 0) or for a moment, remove the file, resign, say 'resigned'.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"time"

	"go.etcd.io/etcd/clientv3"
	"go.etcd.io/etcd/clientv3/concurrency"
)

func main() {
	endpoint, name, value, file := os.Args[1], os.Args[2], os.Args[3], os.Args[5]
	ttl, err := strconv.Atoi(os.Args[4])
	must(err)
	turns, err := strconv.Atoi(os.Args[6])
	must(err)

	client, err := clientv3.New(clientv3.Config{Endpoints: []string{endpoint}, DialTimeout: 20 * time.Second})
	must(err)
	session, err := concurrency.NewSession(client, concurrency.WithTTL(ttl))
	must(err)
	go func() {
		<-session.Done()
		fmt.Println("session over")
	}()
	interrupted := make(chan os.Signal, 1)
	signal.Notify(interrupted, os.Interrupt)

	election := concurrency.NewElection(session, name)
	for turn := 0; turn == 0 || turn < turns; turn++ {
		must(election.Campaign(context.Background(), value))
		fmt.Println("elected", election.Rev())
		made, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			fmt.Println("OVERLAP")
			os.Exit(1)
		}
		made.Close()
		if turns == 0 {
			<-interrupted
		} else {
			time.Sleep(2 * time.Millisecond)
		}
		must(os.Remove(file))
		must(election.Resign(context.Background()))
		fmt.Println("resigned")
	}
	must(session.Close())
	fmt.Println("done")
}

func must(err error) {
	if err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
}
