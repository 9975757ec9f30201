//! What a record and a batch cost in the steady state, where that can be said exactly: copies,
//! wakes, calls into the system. Allocations per record are counted in `allocations.rs`.
//!
//! The engine is driven on the test's own thread, without a socket (`rig`); only the calls that
//! write are counted of a whole producer, by the system itself.

#![allow(clippy::unwrap_used, reason = "a test may fail by panicking anywhere")]

#[allow(
    dead_code,
    unused_imports,
    reason = "each of those who share it needs a part"
)]
mod rig;

#[cfg(target_os = "linux")]
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use kafka_accumulator::Filled;
use kafka_producer::serialize::{Context, DefaultSerializer, Headers, Role, Serializer};
use kafka_producer::{ProducerRecord, blocking};

use rig::{Answers, Rig, Sink, TOPIC, order_of};

const VALUE: &[u8] = &[b'v'; 100];
/// Longer than anything here takes on the busiest machine.
#[cfg(target_os = "linux")]
const TIME_LIMIT: Duration = Duration::from_secs(60);

/// The system counts what all drivers of the process do.
#[cfg(target_os = "linux")]
fn one_driver_at_a_time() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A producer none of whose timers comes while it is watched, however long the machine stands still:
/// one wakes the driver, even if there is nothing left to be done about it.
#[cfg(target_os = "linux")]
fn producer(sink: &Sink, settings: &[(&str, &str)]) -> blocking::Producer<[u8], [u8]> {
    let mut builder = blocking::Producer::builder().bootstrap_servers([sink.bootstrap_servers()]);
    for name in [
        "socket.connection.setup.timeout.ms",
        "socket.connection.setup.timeout.max.ms",
        "connections.max.idle.ms",
        "metadata.max.age.ms",
        "request.timeout.ms",
    ] {
        builder = builder.set(name, "86400000");
    }
    builder = builder.set("delivery.timeout.ms", "90000000");
    for &(name, value) in settings {
        builder = builder.set(name, value);
    }
    builder.build().unwrap()
}

/// Closes it and waits until its thread has ended.
#[cfg(target_os = "linux")]
fn end(producer: blocking::Producer<[u8], [u8]>) {
    producer.close(TIME_LIMIT).unwrap();
    let deadline = Instant::now() + TIME_LIMIT;
    while rig::write_calls().unwrap().drivers > 0 {
        assert!(Instant::now() < deadline, "the driver does not end");
        std::thread::yield_now();
    }
}

/// Fills a batch of each partition and has them sent.
fn send_a_batch_to_each(rig: &mut Rig) {
    for partition in 0..rig.queues.len() {
        while rig.append(partition, None, VALUE).filled == Filled::Room {}
    }
    rig.tick();
}

#[test]
fn a_default_serializer_lends_the_bytes_that_it_was_given() {
    fn lends<T: DefaultSerializer + AsRef<[u8]> + ?Sized>(value: &T) {
        let (mut headers, mut scratch) = (Headers::new(), Vec::new());
        let mut context = Context::new(TOPIC, Role::Value, &mut headers);
        let serializer = T::Serializer::default();
        let lent = serializer.serialize(&mut context, value, &mut scratch);
        assert_eq!(
            lent.unwrap().unwrap().as_ptr_range(),
            value.as_ref().as_ptr_range()
        );
    }
    lends("a text");
    lends(&b"some bytes"[..]);
    lends(&"an owned text".to_owned());
    lends(&b"owned bytes".to_vec());
}

/// Copied once: into the batch, when it is appended. The socket is given the batch's own memory,
/// and between the two there is no memory that a copy could be in.
#[test]
fn a_record_is_copied_once_on_its_way_to_the_socket() {
    let mut rig = Rig::new(12, &[("linger.ms", "0")]);
    send_a_batch_to_each(&mut rig);
    while rig.answer().is_some() {}
    let (mut batches, mut bytes) = (0, 0);
    let measured = allocation_counter::measure(|| {
        for _ in 0..20 {
            send_a_batch_to_each(&mut rig);
            while let Some((_, outgoing)) = rig.unanswered.front() {
                let order = order_of(outgoing);
                let frame = order.frame().unwrap();
                let mut pieces = frame.iter();
                for batch in order.batches() {
                    let records = batch.records();
                    let is_its_own = |piece: &[u8]| piece.as_ptr_range() == records.as_ptr_range();
                    assert!(pieces.any(is_its_own), "the records of a batch were moved");
                    batches += 1;
                    bytes += records.len();
                }
                rig.answer();
            }
        }
    });
    assert_eq!(batches, 20 * 12);
    let allocated = usize::try_from(measured.bytes_total).unwrap();
    assert!(
        allocated < bytes / 10,
        "{allocated} bytes are allocated on the way of {bytes}: is there a second buffer?"
    );
    assert!(measured.count_total <= 8 * batches, "{measured:?}");
}

#[test]
fn who_appends_wakes_the_driver_at_most_once_a_batch() {
    for linger in ["0", "1", "5"] {
        for partitions in [1, 12, 100] {
            for value in [&b"v"[..], VALUE, &[b'v'; 10_000]] {
                let settings = [("linger.ms", linger), ("buffer.memory", "1000000000")];
                let mut rig = Rig::new(partitions, &settings);
                let (woken, batches) = rig.woken_by(5_000, value);
                let case = format!(
                    "linger.ms={linger}, {partitions} partitions, {} B: {woken} wakes, {batches} \
                     batches",
                    value.len()
                );
                assert!(batches > 0, "{case}");
                assert!(woken <= batches, "{case}");
            }
        }
    }
}

/// All calls that write, of all threads together: a wake is one, too, be it by who appends or by the
/// driver, which tells its own runtime so that there is an earlier alarm. All batches in flight fit
/// into the socket, because one that is full would ask for a second call.
#[cfg(target_os = "linux")]
#[test]
fn a_request_takes_one_call_and_a_batch_one_wake() {
    let _alone = one_driver_at_a_time();
    for linger in ["0", "5"] {
        let sink = Sink::start(1, Answers::Prompt);
        let settings = [("linger.ms", linger), ("send.buffer.bytes", "200000")];
        let producer = producer(&sink, &settings);
        let send = || producer.send(ProducerRecord::new(TOPIC, VALUE)).unwrap();
        send().wait().unwrap();
        let before = rig::write_calls().unwrap();
        let (requests, batches) = (sink.requests(), sink.batches());
        let mut last = send();
        for _ in 0..20_000 {
            last = send();
        }
        last.wait().unwrap();
        let after = rig::write_calls().unwrap();
        assert_eq!((before.drivers, after.drivers), (1, 1));
        let (requests, batches) = (sink.requests() - requests, sink.batches() - batches);
        let by_driver = after.by_driver - before.by_driver;
        let by_caller = after.by_caller - before.by_caller;
        let case = format!(
            "linger.ms={linger}: {by_driver} calls of the driver and {by_caller} of the sender, \
             {requests} requests, {batches} batches"
        );
        assert!(requests > 0 && by_driver + by_caller >= requests, "{case}");
        assert!(by_driver + by_caller <= requests + batches, "{case}");
        end(producer);
    }
}

/// What the latency of a single record is made of: its sender writes it, and the driver gets up for
/// the answer.
#[cfg(target_os = "linux")]
#[test]
fn a_record_that_finds_the_producer_idle_is_written_by_its_sender_and_by_nobody_else() {
    let _alone = one_driver_at_a_time();
    const RECORDS: usize = 500;
    let sink = Sink::start(1, Answers::Prompt);
    let producer = producer(&sink, &[("linger.ms", "0")]);
    let deliver = || {
        let record = ProducerRecord::new(TOPIC, VALUE);
        producer.send(record).unwrap().wait().unwrap();
        let deadline = Instant::now() + TIME_LIMIT;
        while !rig::driver_state().unwrap().sleeps_now {
            assert!(Instant::now() < deadline, "the driver does not sleep");
            std::thread::yield_now();
        }
    };
    deliver();
    let before = (rig::write_calls().unwrap(), rig::driver_state().unwrap());
    (0..RECORDS).for_each(|_| deliver());
    let after = (rig::write_calls().unwrap(), rig::driver_state().unwrap());
    let by_caller = after.0.by_caller - before.0.by_caller;
    let by_driver = after.0.by_driver - before.0.by_driver;
    let slept = usize::try_from(after.1.slept - before.1.slept).unwrap();
    let case =
        format!("{by_caller} calls of the sender, {by_driver} of the driver, {slept} sleeps");
    assert_eq!((by_caller, by_driver), (RECORDS, 0), "{case}");
    // Once for the next answer; and once for the lock, if the answer comes while the sender holds it.
    assert!(slept <= 2 * RECORDS, "{case}");
    end(producer);
}
