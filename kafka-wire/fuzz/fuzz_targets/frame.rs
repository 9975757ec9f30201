//! A stream is split into frames without loss, and every frame has a header or an error.
#![no_main]

use bytes::BytesMut;
use kafka_wire::{FrameReader, Reader, RequestHeader};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut buffer = BytesMut::from(data);
    let mut taken = 0;
    while let Ok(Some(frame)) = FrameReader::new(1 << 16).next(&mut buffer) {
        taken += 4 + frame.len();
        let _ = RequestHeader::decode(&mut Reader::new(frame));
    }
    assert_eq!(taken + buffer.len(), data.len());
});
