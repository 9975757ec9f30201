// franz-go tries what the programs in Python try, and says it in the same way (../python/contract.py).
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"reflect"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const client = "github.com/twmb/franz-go"

// For one thing tried, for a consumer that has nothing to read, and for one poll.
const (
	step  = 120 * time.Second
	quiet = time.Second
	turn  = 100 * time.Millisecond
)

var codecs = []struct {
	name  string
	codec kgo.CompressionCodec
}{
	{"none", kgo.NoCompression()},
	{"gzip", kgo.GzipCompression()},
	{"snappy", kgo.SnappyCompression()},
	{"lz4", kgo.Lz4Compression()},
	{"zstd", kgo.ZstdCompression()},
}

func main() {
	fmt.Println("franz-go", version())
	report("produce", produce)
	report("consume", consume)
	report("idempotent", idempotent)
	report("transactions", transactions)
	report("classic group", func(ctx context.Context) error { return group(ctx, "classic") })
	report("KIP-848 group", func(ctx context.Context) error { return group(ctx, "consumer") })
	report("admin", admin)
}

func version() string {
	info, _ := debug.ReadBuildInfo()
	for _, module := range info.Deps {
		if module.Path == client {
			return strings.TrimPrefix(module.Version, "v")
		}
	}
	return "of no known version"
}

func report(name string, try func(context.Context) error) {
	ctx, cancel := context.WithTimeout(context.Background(), step)
	defer cancel()
	said := "yes"
	if err := try(ctx); err != nil {
		said = "no, " + strings.Join(strings.Fields(err.Error()), " ")
	}
	fmt.Printf("%s: %s\n", name, said)
}

func connect(options ...kgo.Opt) (*kgo.Client, error) {
	servers := kgo.SeedBrokers(strings.Split(os.Args[1], ",")...)
	return kgo.NewClient(append(options, servers, kgo.RecordPartitioner(kgo.ManualPartitioner()))...)
}

func written(codec string) *kgo.Record {
	return &kgo.Record{
		Topic: "produced",
		Key:   []byte("key-" + codec),
		Value: []byte(strings.Repeat("value of "+codec+", ", 20)),
		Headers: []kgo.RecordHeader{
			{Key: "h", Value: []byte("1")},
			{Key: "trace", Value: []byte("x y")},
			{Key: "h", Value: []byte("2")},
		},
	}
}

// Not idempotent, as an idempotent one is tried by itself.
func produce(ctx context.Context) error {
	for _, it := range codecs {
		to, err := connect(kgo.ProducerBatchCompression(it.codec), kgo.DisableIdempotentWrite())
		if err != nil {
			return err
		}
		err = to.ProduceSync(ctx, written(it.name)).FirstErr()
		to.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

// This many records of the first partition, and those that come within a moment.
func read(ctx context.Context, topic string, count int, options ...kgo.Opt) ([]*kgo.Record, error) {
	start := map[string]map[int32]kgo.Offset{topic: {0: kgo.NewOffset().AtStart()}}
	from, err := connect(append(options, kgo.ConsumePartitions(start))...)
	if err != nil {
		return nil, err
	}
	defer from.Close()
	found := []*kgo.Record{}
	for len(found) < count {
		more, err := poll(ctx, from, step)
		if err != nil {
			return nil, err
		}
		found = append(found, more...)
	}
	more, err := poll(ctx, from, quiet)
	return append(found, more...), err
}

// What is there within this time; an error if the time of the whole step is over.
func poll(ctx context.Context, from *kgo.Client, time time.Duration) ([]*kgo.Record, error) {
	short, cancel := context.WithTimeout(ctx, time)
	defer cancel()
	fetches := from.PollFetches(short)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	for _, it := range fetches.Errors() {
		if !errors.Is(it.Err, context.DeadlineExceeded) {
			return nil, it.Err
		}
	}
	return fetches.Records(), nil
}

func consume(ctx context.Context) error {
	found, err := read(ctx, "produced", len(codecs))
	if err != nil {
		return err
	}
	if len(found) != len(codecs) {
		return fmt.Errorf("%d records", len(found))
	}
	for n, it := range codecs {
		wanted := written(it.name)
		same := string(found[n].Key) == string(wanted.Key) && string(found[n].Value) == string(wanted.Value)
		if !same || !reflect.DeepEqual(found[n].Headers, wanted.Headers) {
			return fmt.Errorf("%v instead of %v", found[n], wanted)
		}
	}
	return nil
}

func numbers(topic string, from, to int, partitions int32) []*kgo.Record {
	records := []*kgo.Record{}
	for n := from; n < to; n++ {
		records = append(records, &kgo.Record{Topic: topic, Partition: int32(n) % partitions, Value: fmt.Append(nil, n)})
	}
	return records
}

func write(ctx context.Context, records []*kgo.Record) error {
	to, err := connect()
	if err != nil {
		return err
	}
	defer to.Close()
	return to.ProduceSync(ctx, records...).FirstErr()
}

func idempotent(ctx context.Context) error {
	return write(ctx, numbers("numbered", 0, 100, 1))
}

func transactions(ctx context.Context) error {
	to, err := connect(kgo.TransactionalID("franz-go"))
	if err != nil {
		return err
	}
	defer to.Close()
	for _, outcome := range []string{"first", "aborted", "second"} {
		if err := to.BeginTransaction(); err != nil {
			return err
		}
		for n := range 3 {
			record := &kgo.Record{Topic: "transactional", Value: fmt.Appendf(nil, "%s-%d", outcome, n)}
			if err := to.ProduceSync(ctx, record).FirstErr(); err != nil {
				return err
			}
		}
		if err := to.EndTransaction(ctx, kgo.TransactionEndTry(outcome != "aborted")); err != nil {
			return err
		}
	}
	found, err := read(ctx, "transactional", 6, kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	if err != nil {
		return err
	}
	return compare(found, []string{"first-0", "first-1", "first-2", "second-0", "second-1", "second-2"})
}

func compare(found []*kgo.Record, wanted []string) error {
	values := []string{}
	for _, it := range found {
		values = append(values, string(it.Value))
	}
	if !slices.Equal(values, wanted) {
		return fmt.Errorf("%v instead of %v", values, wanted)
	}
	return nil
}

// A member of the group that is called as its protocol, and reads the topic of that name.
func member(protocol string, options ...kgo.Opt) (*kgo.Client, error) {
	base := []kgo.Opt{kgo.ConsumerGroup(protocol), kgo.ConsumeTopics(protocol + "-group"), kgo.DisableAutoCommit()}
	base = append(base, kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.Balancers(kgo.RangeBalancer()))
	if protocol == "consumer" {
		base = append(base, kgo.ServerSideBalancer())
	}
	return connect(append(base, options...)...)
}

// Two members share the topic, commit what they have read, and a third goes on from there.
func group(ctx context.Context, protocol string) error {
	topic := protocol + "-group"
	if err := write(ctx, numbers(topic, 0, 20, 2)); err != nil {
		return err
	}
	if err := shared(ctx, protocol); err != nil {
		return err
	}
	if err := write(ctx, numbers(topic, 20, 22, 2)); err != nil {
		return err
	}
	it, err := member(protocol)
	if err != nil {
		return err
	}
	defer it.Close()
	rest := []*kgo.Record{}
	for len(rest) < 2 {
		more, err := poll(ctx, it, turn)
		if err != nil {
			return err
		}
		rest = append(rest, more...)
	}
	slices.SortFunc(rest, func(a, b *kgo.Record) int { return strings.Compare(string(a.Value), string(b.Value)) })
	return compare(rest, []string{"20", "21"})
}

// A member, and the partitions that it has now.
type sharing struct {
	client *kgo.Client
	topic  string
	mutex  sync.Mutex
	owned  map[int32]bool
}

func (it *sharing) set(partitions []int32, owned bool) {
	it.mutex.Lock()
	defer it.mutex.Unlock()
	for _, partition := range partitions {
		it.owned[partition] = owned
	}
}

func (it *sharing) partitions() []int32 {
	it.mutex.Lock()
	defer it.mutex.Unlock()
	mine := []int32{}
	for partition, owned := range it.owned {
		if owned {
			mine = append(mine, partition)
		}
	}
	return mine
}

func share(protocol string) (*sharing, error) {
	it := &sharing{topic: protocol + "-group", owned: map[int32]bool{}}
	changed := func(owned bool) func(context.Context, *kgo.Client, map[string][]int32) {
		return func(_ context.Context, _ *kgo.Client, topics map[string][]int32) {
			it.set(topics[it.topic], owned)
		}
	}
	lost := changed(false)
	var err error
	it.client, err = member(protocol, kgo.OnPartitionsAssigned(changed(true)), kgo.OnPartitionsRevoked(lost), kgo.OnPartitionsLost(lost))
	return it, err
}

// Two members read everything, have a partition each, and commit.
func shared(ctx context.Context, protocol string) error {
	members, found := []*sharing{}, map[string]bool{}
	for range 2 {
		it, err := share(protocol)
		if err != nil {
			return err
		}
		defer it.client.Close()
		members = append(members, it)
	}
	for len(found) < 20 || len(members[0].partitions()) != 1 || len(members[1].partitions()) != 1 {
		for _, it := range members {
			more, err := poll(ctx, it.client, turn)
			if err != nil {
				return err
			}
			for _, record := range more {
				found[string(record.Value)] = true
			}
		}
	}
	for _, it := range members {
		if err := commit(ctx, it); err != nil {
			return err
		}
	}
	return nil
}

func commit(ctx context.Context, it *sharing) error {
	offsets := map[int32]kgo.EpochOffset{}
	for _, partition := range it.partitions() {
		offsets[partition] = kgo.EpochOffset{Epoch: -1, Offset: 10}
	}
	var failed error
	it.client.CommitOffsetsSync(ctx, map[string]map[int32]kgo.EpochOffset{it.topic: offsets},
		func(_ *kgo.Client, _ *kmsg.OffsetCommitRequest, answer *kmsg.OffsetCommitResponse, err error) {
			failed = err
			if failed == nil {
				for _, partition := range answer.Topics[0].Partitions {
					failed = errors.Join(failed, kerr.ErrorForCode(partition.ErrorCode))
				}
			}
		})
	return failed
}

func admin(ctx context.Context) error {
	it, err := connect()
	if err != nil {
		return err
	}
	defer it.Close()
	admin := kadm.NewClient(it)
	if _, err := admin.CreateTopic(ctx, 2, 1, nil, "made"); err != nil {
		return err
	}
	topics, err := admin.ListTopics(ctx, "made")
	if err != nil {
		return err
	}
	if count := len(topics["made"].Partitions); count != 2 {
		return fmt.Errorf("%d partitions", count)
	}
	configs, err := admin.DescribeTopicConfigs(ctx, "made")
	if err != nil {
		return err
	}
	if _, err := configs.On("made", nil); err != nil {
		return err
	}
	deleted, err := admin.DeleteTopics(ctx, "made")
	return errors.Join(err, deleted.Error())
}
