// Prints the partition that each partitioner of Sarama chooses for each key of standard input: a line a key, in
// hexadecimal; "null" for none. "spread" is a choice that is not always the same.
package main

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"os"
	"strings"

	"github.com/IBM/sarama"
)

var partitioners = []struct {
	name string
	make sarama.PartitionerConstructor
}{
	{"hash", sarama.NewHashPartitioner},
	{"reference_hash", sarama.NewReferenceHashPartitioner},
	{"consistent_crc_hash", sarama.NewConsistentCRCHashPartitioner},
	{"murmur2", sarama.NewMurmur2Partitioner},
}

var counts = []int32{1, 2, 3, 7, 12, 50, 127, 1024, 2147483647}

func choose(partitioner sarama.Partitioner, message *sarama.ProducerMessage, count int32) int32 {
	partition, err := partitioner.Partition(message, count)
	if err != nil {
		panic(err)
	}
	return partition
}

func isSpread(partitioner sarama.Partitioner, message *sarama.ProducerMessage) bool {
	first := choose(partitioner, message, 1000)
	for i := 0; i < 50; i++ {
		if choose(partitioner, message, 1000) != first {
			return true
		}
	}
	return false
}

func list(numbers []int32) string {
	return strings.ReplaceAll(fmt.Sprint(numbers), " ", ",")
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		message, key := &sarama.ProducerMessage{Topic: "golden"}, "null"
		if lines.Text() != "null" {
			bytes, err := hex.DecodeString(lines.Text())
			if err != nil {
				panic(err)
			}
			message.Key, key = sarama.ByteEncoder(bytes), fmt.Sprintf("%q", lines.Text())
		}
		fmt.Printf("{\"key\":%s,\"n\":%s", key, list(counts))
		for _, partitioner := range partitioners {
			chooser := partitioner.make("golden")
			if isSpread(chooser, message) {
				fmt.Printf(",%q:\"spread\"", partitioner.name)
				continue
			}
			var chosen []int32
			for _, count := range counts {
				chosen = append(chosen, choose(chooser, message, count))
			}
			fmt.Printf(",%q:%s", partitioner.name, list(chosen))
		}
		fmt.Println("}")
	}
}
