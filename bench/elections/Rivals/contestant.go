// A contestant by etcd's own election recipe for Go, clientv3/concurrency, which we did not write.
//
// Arguments: endpoint, election, value, TTL in seconds. Told "stand" it says "elected NS" once it leads; told "resign"
// it says "resigned NS", the time being that of the call, on CLOCK_MONOTONIC. Ends with its input.
package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strconv"
	"syscall"
	"time"
	"unsafe"

	"go.etcd.io/etcd/clientv3"
	"go.etcd.io/etcd/clientv3/concurrency"
)

func main() {
	endpoint, name, value := os.Args[1], os.Args[2], os.Args[3]
	ttl, err := strconv.Atoi(os.Args[4])
	must(err)
	client, err := clientv3.New(clientv3.Config{Endpoints: []string{endpoint}, DialTimeout: 20 * time.Second})
	must(err)
	session, err := concurrency.NewSession(client, concurrency.WithTTL(ttl))
	must(err)
	election := concurrency.NewElection(session, name)

	fmt.Println("ready")
	orders := bufio.NewScanner(os.Stdin)
	for orders.Scan() {
		if orders.Text() == "stand" {
			must(election.Campaign(context.Background(), value))
			fmt.Println("elected", now())
		} else {
			resigns := now()
			must(election.Resign(context.Background()))
			fmt.Println("resigned", resigns)
		}
	}
}

// Go's own clock does not say from when it counts.
func now() int64 {
	var time syscall.Timespec
	syscall.Syscall(syscall.SYS_CLOCK_GETTIME, 1, uintptr(unsafe.Pointer(&time)), 0)
	return time.Nano()
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}
