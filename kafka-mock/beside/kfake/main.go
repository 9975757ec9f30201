// kfake, the fake cluster of franz-go, for as long as its standard input is open:
// `kfake BROKERS TOPIC:PARTITIONS...` prints the addresses first.
package main

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kfake"
)

func main() {
	cluster, err := start(os.Args[1], os.Args[2:])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(strings.Join(cluster.ListenAddrs(), ","))
	io.Copy(io.Discard, os.Stdin)
}

func start(brokers string, topics []string) (*kfake.Cluster, error) {
	count, err := strconv.Atoi(brokers)
	if err != nil {
		return nil, err
	}
	options := []kfake.Opt{kfake.NumBrokers(count)}
	for _, topic := range topics {
		name, count, _ := strings.Cut(topic, ":")
		partitions, err := strconv.Atoi(count)
		if err != nil {
			return nil, err
		}
		options = append(options, kfake.SeedTopics(int32(partitions), name))
	}
	return kfake.NewCluster(options...)
}
