//! How large batches become: what is not compressed yet is measured, never estimated.

use kafka_wire::records::BATCH_HEADER_BYTES;

use crate::scene::Scene;

#[test]
fn a26_no_batch_is_larger_than_it_may_be_however_its_records_compress() {
    // Nothing is estimated, so nothing that was estimated wrongly has to be split.
    let batch_size = 1_024;
    let scene = Scene::new(batch_size, 0, 1 << 24);
    let queue = scene.queue(0);
    let mut noise = 26_u32;
    for round in 0..2_000 {
        let length = (round * 7) % 400;
        let value = (0..length).map(|_| {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            if round % 2 == 0 {
                (noise >> 24) as u8
            } else {
                0
            }
        });
        scene.append(&queue, &value.collect::<Vec<u8>>(), 0);
    }
    queue.flush();
    let batches = queue.take_all();
    assert!(batches.len() > 100);
    for batch in &batches {
        let bytes = batch.records().len() + BATCH_HEADER_BYTES;
        assert!(bytes <= batch_size, "{bytes} bytes");
    }
}
