//! A records field: every batch, every record of it, or an error; in bounded memory.
#![no_main]

use bytes::Bytes;
use kafka_wire::records::RecordBatches;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let records = Bytes::copy_from_slice(data);
    for batches in [
        RecordBatches::new(records.clone()),
        RecordBatches::fetched(records),
    ] {
        for batch in batches.flatten() {
            for record in batch.records_within(1 << 20) {
                let _ = record;
            }
        }
    }
});
