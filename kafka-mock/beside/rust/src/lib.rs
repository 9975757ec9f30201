//! What each program here is told: `PROGRAM BROKERS TOPIC:PARTITIONS...`. It prints the addresses first, and ends
//! with its standard input.

use std::io;

pub struct Wanted {
    pub brokers: i32,
    pub topics: Vec<(String, i32)>,
}

impl Wanted {
    pub fn from_arguments() -> Self {
        let mut arguments = std::env::args().skip(1);
        let brokers = arguments
            .next()
            .and_then(|it| it.parse().ok())
            .expect("how many brokers");
        let topics = arguments.map(|topic| {
            let (name, partitions) = topic.split_once(':').expect("TOPIC:PARTITIONS");
            (name.to_owned(), partitions.parse().expect("how many partitions"))
        });
        Self {
            brokers,
            topics: topics.collect(),
        }
    }
}

pub fn serve(addresses: &str) {
    println!("{addresses}");
    io::copy(&mut io::stdin(), &mut io::sink()).expect("standard input can be read");
}
