//! Every codec: the first byte says which. Either what fits into the limit, or an error.
//! What was compressed comes back.
#![no_main]

use kafka_wire::compression::{Compression, CompressionLevel, compress, decompress};
use libfuzzer_sys::fuzz_target;

const LIMIT: usize = 1 << 20;

fuzz_target!(|data: &[u8]| {
    let [codec, input @ ..] = data else { return };
    let Some(codec) = Compression::from_id(codec % 5) else {
        return;
    };
    if let Ok(output) = decompress(codec, input, LIMIT) {
        assert!(output.len() <= LIMIT);
    }
    let mut compressed = Vec::new();
    compress(
        codec,
        CompressionLevel::default_of(codec),
        input,
        &mut compressed,
    )
    .unwrap();
    assert_eq!(decompress(codec, &compressed, input.len()).unwrap(), input);
});
