// The franz-go peer: kgo.Client.Produce with a promise, from one goroutine
// (--x-senders N for more). README.md has the contract.
package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sys/unix"
)

const (
	pool = 10_000
	// Large values are fewer, so that the pool does not dwarf what is measured.
	poolBytes  = 100_000_000
	sampleMask = 15
)

type rng uint64

func (r *rng) next() uint64 {
	*r += 0x9E3779B97F4A7C15
	z := uint64(*r)
	z = (z ^ z>>30) * 0xBF58476D1CE4E5B9
	z = (z ^ z>>27) * 0x94D049BB133111EB
	return z ^ z>>31
}

var (
	levels   = []string{"INFO", "DEBUG", "WARN", "ERROR"}
	services = []string{"checkout", "catalog", "payments", "search", "session", "shipping", "inventory", "frontend"}
	paths    = []string{"/api/v1/orders", "/api/v1/cart", "/api/v1/items", "/api/v2/search", "/login", "/healthz", "/api/v1/users", "/static/app.js"}
	status   = []int{200, 200, 200, 404}
	words    = strings.Fields("request completed in time user order failed retry cache miss hit timeout upstream connection closed by peer payment accepted item added to cart session expired token refreshed query took longer than expected")
)

func values(size int, random bool) [][]byte {
	r := rng(42)
	out := make([][]byte, max(min(pool, poolBytes/max(size, 1)), 1))
	for i := range out {
		if random {
			b := make([]byte, 0, size+8)
			for len(b) < size {
				b = binary.LittleEndian.AppendUint64(b, r.next())
			}
			out[i] = b[:size:size]
			continue
		}
		n := r.next()
		trace := r.next()
		user := r.next() % 100_000
		lat := r.next() % 50_000
		var s strings.Builder
		fmt.Fprintf(&s, `{"ts":%d,"level":"%s","service":"%s","host":"node-%d","trace":"%016x","user":%d,"latency_us":%d,"path":"%s","status":%d,"msg":"`,
			1_760_000_000_000+uint64(i)*37+n%37, levels[n>>8&3], services[n>>16&7], n>>24&63, trace, user, lat, paths[n>>32&7], status[n>>40&3])
		body := max(size-2, 0)
		for s.Len() < body {
			s.WriteString(words[r.next()%32])
			s.WriteByte(' ')
		}
		out[i] = []byte((s.String()[:body] + `"}`)[:size])
	}
	return out
}

func keys(size, count int) [][]byte {
	r := rng(7)
	out := make([][]byte, count)
	for i := range out {
		var s strings.Builder
		for s.Len() < size {
			fmt.Fprintf(&s, "%016x", r.next())
		}
		out[i] = []byte(s.String()[:size])
	}
	return out
}

func fnv(v [][]byte) uint64 {
	h := uint64(0xcbf29ce484222325)
	for _, x := range v[:min(100, len(v))] {
		for _, b := range x {
			h = (h ^ uint64(b)) * 0x100000001b3
		}
	}
	return h
}

type hist struct {
	b      [6000]uint64
	n, max uint64
}

func (h *hist) add(ns int64) {
	v := uint64(max(ns, 0))
	sh := max(63-bits.LeadingZeros64(v|1)-7, 0)
	h.b[min(uint64(sh)*128+v>>sh, 5999)]++
	h.n++
	h.max = max(h.max, v)
}
func (h *hist) q(q float64) float64 {
	if h.n == 0 {
		return 0
	}
	want := max(uint64(math.Ceil(float64(h.n)*q)), 1)
	var c uint64
	for i, x := range h.b {
		c += x
		if c >= want {
			sh := 0
			if i >= 256 {
				sh = i/128 - 1
			}
			return float64(min(uint64(i-sh*128)<<sh+(1<<sh)>>1, h.max)) / 1e3
		}
	}
	return float64(h.max) / 1e3
}
func (h *hist) json() string {
	return fmt.Sprintf(`{"p50":%.1f,"p90":%.1f,"p99":%.1f,"p999":%.1f,"max":%.1f}`, h.q(.5), h.q(.9), h.q(.99), h.q(.999), float64(h.max)/1e3)
}

func cpu() (float64, float64, int64) {
	var r unix.Rusage
	unix.Getrusage(unix.RUSAGE_SELF, &r)
	s := func(t unix.Timeval) float64 { return float64(t.Sec) + float64(t.Usec)/1e6 }
	return s(r.Utime), s(r.Stime), r.Maxrss
}

func die(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func main() {
	f := map[string]string{}
	for i := 1; i+1 < len(os.Args); i += 2 {
		f[os.Args[i]] = os.Args[i+1]
	}
	str := func(k, d string) string {
		if v, ok := f["--"+k]; ok {
			return v
		}
		return d
	}
	num := func(k string, d int) int {
		v, err := strconv.Atoi(str(k, strconv.Itoa(d)))
		die(err)
		return v
	}
	size, keySize := num("size", 100), num("key-size", 0)
	records, warmup, rate := num("records", 1_000_000), num("warmup", 0), num("rate", 0)
	batch, topic := num("batch-size", 16384), str("topic", "bench")
	linger, err := strconv.ParseFloat(str("linger-ms", "5"), 64)
	die(err)
	if g := num("x-gogc", 400); g > 0 {
		debug.SetGCPercent(g)
	}
	opts := []kgo.Opt{
		kgo.SeedBrokers(strings.Split(str("bootstrap", "127.0.0.1:9092"), ",")...),
		kgo.DefaultProduceTopic(topic),
		kgo.ProducerBatchMaxBytes(int32(batch)),
		kgo.ProducerLinger(time.Duration(linger * 1e6)),
		kgo.MaxBufferedRecords(10_000_000),
		kgo.MaxBufferedBytes(num("buffer-memory", 64<<20)),
		kgo.RecordRetries(10),
	}
	var notes []string
	idem := str("idempotence", "false") == "true"
	if !idem {
		opts = append(opts, kgo.DisableIdempotentWrite(), kgo.MaxProduceRequestsInflightPerBroker(num("max-in-flight", 5)))
	} else {
		notes = append(notes, "max-in-flight is kgo's own (5) with idempotence")
	}
	switch str("acks", "all") {
	case "0":
		opts = append(opts, kgo.RequiredAcks(kgo.NoAck()))
	case "1":
		opts = append(opts, kgo.RequiredAcks(kgo.LeaderAck()))
	default:
		opts = append(opts, kgo.RequiredAcks(kgo.AllISRAcks()))
	}
	codecs := map[string]kgo.CompressionCodec{"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(), "lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression()}
	opts = append(opts, kgo.ProducerBatchCompression(codecs[str("compression", "none")]))
	switch str("x-partitioner", "uniform") {
	case "sticky":
		opts = append(opts, kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)))
	case "uniform":
		// what KafkaProducer does: another partition after every batch-size bytes
		opts = append(opts, kgo.RecordPartitioner(kgo.UniformBytesPartitioner(batch, true, true, nil)))
	}
	vals := values(size, str("payload", "random") != "text")
	var ks [][]byte
	if keySize > 0 {
		ks = keys(keySize, len(vals))
	}
	cl, err := kgo.NewClient(opts...)
	die(err)
	ctx := context.Background()
	die(cl.Ping(ctx))

	// Promises run one at a time, so these need no lock; acked is read elsewhere.
	var (
		acked  atomic.Int64
		errs   int64
		h      = &hist{}
		late   = &hist{}
		t0     time.Time
		allrec = sync.Pool{New: func() any { return new(kgo.Record) }}
		reuse  = str("x-reuse", "1") == "1"
	)
	finish := func(r *kgo.Record, err error) {
		if err != nil {
			if errs == 0 {
				fmt.Fprintln(os.Stderr, err)
			}
			errs++
		}
		if reuse {
			*r = kgo.Record{}
			allrec.Put(r)
		}
		acked.Add(1)
	}
	// The due time rides in a closure only for the records that are timed.
	send := func(j int, stamp int64) {
		var r *kgo.Record
		if reuse {
			r = allrec.Get().(*kgo.Record)
		} else {
			r = new(kgo.Record)
		}
		r.Value = vals[j]
		if ks != nil {
			r.Key = ks[j]
		}
		if stamp < 0 {
			cl.Produce(ctx, r, finish)
			return
		}
		cl.Produce(ctx, r, func(r *kgo.Record, err error) {
			h.add(int64(time.Since(t0)) - stamp)
			finish(r, err)
		})
	}
	wait := func(n int) {
		die(cl.Flush(ctx))
		for acked.Load() < int64(n) {
			time.Sleep(50 * time.Microsecond)
		}
	}
	senders := num("x-senders", 1)
	run := func(n int, timed bool) {
		if rate > 0 && timed {
			// a plain nanosleep: the runtime's own timers are up to 1 ms late
			runtime.LockOSThread()
			j := 0
			for i := 0; i < n; i++ {
				due := int64(float64(i) * 1e9 / float64(rate))
				now := int64(time.Since(t0))
				for now < due {
					ts := unix.NsecToTimespec(due - now)
					unix.Nanosleep(&ts, nil)
					now = int64(time.Since(t0))
				}
				late.add(now - due)
				send(j, due)
				if j++; j == len(vals) {
					j = 0
				}
			}
			runtime.UnlockOSThread()
			return
		}
		var wg sync.WaitGroup
		for s := 0; s < senders; s++ {
			from, to := n*s/senders, n*(s+1)/senders
			work := func() {
				j := from % len(vals)
				for i := from; i < to; i++ {
					stamp := int64(-1)
					if i&sampleMask == 0 && timed {
						stamp = int64(time.Since(t0))
					}
					send(j, stamp)
					if j++; j == len(vals) {
						j = 0
					}
				}
			}
			if senders == 1 {
				work()
			} else {
				wg.Add(1)
				go func() { defer wg.Done(); work() }()
			}
		}
		wg.Wait()
	}
	t0 = time.Now()
	run(warmup, false)
	wait(warmup)
	*h, *late, errs = hist{}, hist{}, 0
	acked.Store(0)
	u0, s0, _ := cpu()
	t0 = time.Now()
	run(records, true)
	wait(records)
	sec := time.Since(t0).Seconds()
	u1, s1, rss := cpu()
	u, s := u1-u0, s1-s0
	ver := "unknown"
	if bi, ok := debug.ReadBuildInfo(); ok {
		for _, d := range bi.Deps {
			if d.Path == "github.com/twmb/franz-go" {
				ver = d.Version
			}
		}
	}
	if reuse {
		notes = append(notes, "records recycled in the promise")
	}
	n := float64(records)
	fmt.Printf(`{"client":"franz-go","version":"%s","records":%d,"errors":%d,"seconds":%.6f,"records_per_s":%.1f,"mb_per_s":%.3f,"cpu_user_s":%.4f,"cpu_sys_s":%.4f,"cpu_s_per_million":%.5f,"max_rss_kb":%d,"lat_us":%s,"send_late_us":%s,"payload_fnv":"%016x","notes":"%s"}`+"\n",
		ver, records, errs, sec, n/sec, n*float64(size+keySize)/sec/1e6, u, s, (u+s)/n*1e6, rss, h.json(), late.json(), fnv(vals), strings.Join(notes, "; "))
}
