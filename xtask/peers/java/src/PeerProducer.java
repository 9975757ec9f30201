import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.locks.LockSupport;
import org.apache.kafka.clients.producer.Callback;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.utils.AppInfoParser;

/** KafkaProducer, send() with a callback from one thread. README.md has the contract. */
public final class PeerProducer {
    static final int POOL = 10_000;
    /** Large values are fewer, so that the pool does not dwarf what is measured. */
    static final int POOL_BYTES = 100_000_000;
    static final int SAMPLE_MASK = 15;

    static final class Rng {
        long s;
        Rng(long s) { this.s = s; }
        long next() {
            s += 0x9E3779B97F4A7C15L;
            long z = s;
            z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
            z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
            return z ^ (z >>> 31);
        }
        long mod(long n) { return Long.remainderUnsigned(next(), n); }
    }

    static final String[] LEVELS = {"INFO", "DEBUG", "WARN", "ERROR"};
    static final String[] SERVICES = {"checkout", "catalog", "payments", "search", "session", "shipping",
        "inventory", "frontend"};
    static final String[] PATHS = {"/api/v1/orders", "/api/v1/cart", "/api/v1/items", "/api/v2/search",
        "/login", "/healthz", "/api/v1/users", "/static/app.js"};
    static final int[] STATUS = {200, 200, 200, 404};
    static final String[] WORDS = {"request", "completed", "in", "time", "user", "order", "failed", "retry",
        "cache", "miss", "hit", "timeout", "upstream", "connection", "closed", "by", "peer", "payment",
        "accepted", "item", "added", "to", "cart", "session", "expired", "token", "refreshed", "query",
        "took", "longer", "than", "expected"};

    static byte[][] values(int size, boolean random) {
        Rng r = new Rng(42);
        byte[][] out = new byte[Math.max(Math.min(POOL, POOL_BYTES / Math.max(size, 1)), 1)][];
        for (int i = 0; i < out.length; i++) {
            if (random) {
                ByteBuffer b = ByteBuffer.allocate((size + 7) / 8 * 8).order(ByteOrder.LITTLE_ENDIAN);
                while (b.hasRemaining()) b.putLong(r.next());
                out[i] = Arrays.copyOf(b.array(), size);
                continue;
            }
            long n = r.next();
            long trace = r.next();
            long user = r.mod(100_000);
            long lat = r.mod(50_000);
            StringBuilder s = new StringBuilder(size + 300);
            s.append("{\"ts\":").append(1_760_000_000_000L + i * 37L + Long.remainderUnsigned(n, 37))
                .append(",\"level\":\"").append(LEVELS[(int) (n >>> 8 & 3)])
                .append("\",\"service\":\"").append(SERVICES[(int) (n >>> 16 & 7)])
                .append("\",\"host\":\"node-").append(n >>> 24 & 63)
                .append("\",\"trace\":\"").append(String.format("%016x", trace))
                .append("\",\"user\":").append(user)
                .append(",\"latency_us\":").append(lat)
                .append(",\"path\":\"").append(PATHS[(int) (n >>> 32 & 7)])
                .append("\",\"status\":").append(STATUS[(int) (n >>> 40 & 3)])
                .append(",\"msg\":\"");
            int body = Math.max(size - 2, 0);
            while (s.length() < body) s.append(WORDS[(int) r.mod(32)]).append(' ');
            s.setLength(body);
            s.append("\"}");
            s.setLength(size);
            out[i] = s.toString().getBytes(StandardCharsets.US_ASCII);
        }
        return out;
    }

    static byte[][] keys(int size, int count) {
        Rng r = new Rng(7);
        byte[][] out = new byte[count][];
        for (int i = 0; i < count; i++) {
            StringBuilder s = new StringBuilder();
            while (s.length() < size) s.append(String.format("%016x", r.next()));
            s.setLength(size);
            out[i] = s.toString().getBytes(StandardCharsets.US_ASCII);
        }
        return out;
    }

    static long fnv(byte[][] v) {
        long h = 0xcbf29ce484222325L;
        for (int i = 0; i < Math.min(100, v.length); i++) for (byte b : v[i]) h = (h ^ (b & 255)) * 0x100000001b3L;
        return h;
    }

    static final class Hist {
        final long[] b = new long[6000];
        long n;
        long max;
        void add(long ns) {
            if (ns < 0) ns = 0;
            int e = 63 - Long.numberOfLeadingZeros(ns | 1);
            int sh = Math.max(e - 7, 0);
            b[(int) Math.min(sh * 128L + (ns >>> sh), b.length - 1)]++;
            n++;
            if (ns > max) max = ns;
        }
        void clear() { Arrays.fill(b, 0); n = 0; max = 0; }
        double q(double q) {
            if (n == 0) return 0;
            long want = Math.max((long) Math.ceil(n * q), 1);
            long c = 0;
            for (int i = 0; i < b.length; i++) {
                c += b[i];
                if (c >= want) {
                    int sh = i < 256 ? 0 : i / 128 - 1;
                    return Math.min(((long) (i - sh * 128) << sh) + ((1L << sh) >> 1), max) / 1e3;
                }
            }
            return max / 1e3;
        }
        String json() {
            return String.format(Locale.ROOT, "{\"p50\":%.1f,\"p90\":%.1f,\"p99\":%.1f,\"p999\":%.1f,\"max\":%.1f}",
                q(.5), q(.9), q(.99), q(.999), max / 1e3);
        }
    }

    /** [user, sys] of the whole process in seconds, from the kernel's clock ticks. */
    static double[] cpu() throws IOException {
        String s = Files.readString(Path.of("/proc/self/stat"));
        String[] f = s.substring(s.lastIndexOf(')') + 2).split(" ");
        double u = Long.parseLong(f[11]) / 100.0;
        double k = Long.parseLong(f[12]) / 100.0;
        double all = ((com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean())
            .getProcessCpuTime() / 1e9;
        return new double[] {all * u / (u + k), all * k / (u + k)};
    }

    static long maxRssKb() throws IOException {
        for (String l : Files.readAllLines(Path.of("/proc/self/status")))
            if (l.startsWith("VmHWM:")) return Long.parseLong(l.replaceAll("[^0-9]", ""));
        return 0;
    }

    // only the producer's I/O thread writes these
    static volatile long acked;
    static long errors;
    static final Hist hist = new Hist();
    static final Hist late = new Hist();

    static void done(Exception e) {
        if (e != null) {
            if (errors++ == 0) System.err.println(e);
        }
        acked = acked + 1;
    }

    static final class Stamped implements Callback {
        final long t;
        Stamped(long t) { this.t = t; }
        @Override public void onCompletion(RecordMetadata m, Exception e) {
            hist.add(System.nanoTime() - t);
            done(e);
        }
    }

    static final Callback PLAIN = (m, e) -> done(e);

    static void waitAcked(long n) {
        while (acked < n) LockSupport.parkNanos(100_000);
    }

    public static void main(String[] args) throws Exception {
        Map<String, String> f = new HashMap<>();
        for (int i = 0; i + 1 < args.length; i += 2) f.put(args[i], args[i + 1]);
        int size = Integer.parseInt(f.getOrDefault("--size", "100"));
        int keySize = Integer.parseInt(f.getOrDefault("--key-size", "0"));
        long records = Long.parseLong(f.getOrDefault("--records", "1000000"));
        long warmup = Long.parseLong(f.getOrDefault("--warmup", "0"));
        long rate = Long.parseLong(f.getOrDefault("--rate", "0"));
        String topic = f.getOrDefault("--topic", "bench");
        int batch = Integer.parseInt(f.getOrDefault("--batch-size", "16384"));
        String lingerFlag = f.getOrDefault("--linger-ms", "5");
        Properties p = new Properties();
        p.put("bootstrap.servers", f.getOrDefault("--bootstrap", "127.0.0.1:9092"));
        p.put("acks", f.getOrDefault("--acks", "all"));
        p.put("compression.type", f.getOrDefault("--compression", "none"));
        p.put("batch.size", String.valueOf(batch));
        p.put("linger.ms", String.valueOf(Math.round(Double.parseDouble(lingerFlag))));
        p.put("enable.idempotence", f.getOrDefault("--idempotence", "false"));
        p.put("max.in.flight.requests.per.connection", f.getOrDefault("--max-in-flight", "5"));
        p.put("buffer.memory", f.getOrDefault("--buffer-memory", "67108864"));
        p.put("max.request.size", f.getOrDefault("--x-max-request", String.valueOf(Math.max(1 << 20, batch + 65536))));
        // the kernel's own sizing, as every other peer has it, instead of 128 KiB
        p.put("send.buffer.bytes", f.getOrDefault("--x-send-buffer", "-1"));
        p.put("max.block.ms", "600000");
        byte[][] vals = values(size, !"text".equals(f.get("--payload")));
        byte[][] keys = keySize > 0 ? keys(keySize, vals.length) : null;
        try (KafkaProducer<byte[], byte[]> prod =
                 new KafkaProducer<>(p, new ByteArraySerializer(), new ByteArraySerializer())) {
            prod.partitionsFor(topic);
            int j = 0;
            for (long i = 0; i < warmup; i++) {
                // the same mix of callbacks as the measured part, so that it is compiled for it
                Callback cb = rate > 0 || (i & SAMPLE_MASK) == 0 ? new Stamped(System.nanoTime()) : PLAIN;
                prod.send(new ProducerRecord<>(topic, keys == null ? null : keys[j], vals[j]), cb);
                if (++j == vals.length) j = 0;
            }
            prod.flush();
            waitAcked(warmup);
            hist.clear();
            errors = 0;
            j = 0;
            double[] c0 = cpu();
            long t0 = System.nanoTime();
            for (long i = 0; i < records; i++) {
                Callback cb;
                if (rate > 0) {
                    long due = t0 + (long) ((double) i * 1e9 / rate);
                    long now;
                    while ((now = System.nanoTime()) < due) LockSupport.parkNanos(due - now);
                    late.add(now - due);
                    cb = new Stamped(due);
                } else {
                    cb = (i & SAMPLE_MASK) == 0 ? new Stamped(System.nanoTime()) : PLAIN;
                }
                prod.send(new ProducerRecord<>(topic, keys == null ? null : keys[j], vals[j]), cb);
                if (++j == vals.length) j = 0;
            }
            prod.flush();
            waitAcked(warmup + records);
            double sec = (System.nanoTime() - t0) / 1e9;
            double[] c1 = cpu();
            double u = c1[0] - c0[0];
            double s = c1[1] - c0[1];
            System.out.printf(Locale.ROOT,
                "{\"client\":\"java\",\"version\":\"%s\",\"records\":%d,\"errors\":%d,\"seconds\":%.6f,"
                + "\"records_per_s\":%.1f,\"mb_per_s\":%.3f,\"cpu_user_s\":%.4f,\"cpu_sys_s\":%.4f,"
                + "\"cpu_s_per_million\":%.5f,\"max_rss_kb\":%d,\"lat_us\":%s,\"send_late_us\":%s,"
                + "\"payload_fnv\":\"%016x\",\"notes\":\"%s\"}%n",
                AppInfoParser.getVersion(), records, errors, sec, records / sec,
                records * (double) (size + keySize) / sec / 1e6, u, s, (u + s) / records * 1e6, maxRssKb(),
                hist.json(), late.json(), fnv(vals), "send.buffer.bytes=-1; user/sys split from 10 ms ticks");
            System.out.flush();
            Runtime.getRuntime().halt(0);
        }
    }
}
