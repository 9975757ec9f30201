//! Answers tell clients where brokers are: with the proxy's address in them, clients stay with the proxy.

use std::error::Error;
use std::net::SocketAddr;

use kafka_wire::bytes::Bytes;
use kafka_wire::messages::{DescribeClusterRequest, FindCoordinatorRequest, MetadataRequest};
use kafka_wire::{ApiKey, Request, RequestHeader, decode_response, encode_response};

/// The same answer, with this address in it where it has a broker's.
pub fn lead(
    header: &RequestHeader,
    frame: Bytes,
    here: SocketAddr,
) -> Result<Bytes, Box<dyn Error>> {
    let (host, port) = (here.ip().to_string(), i32::from(here.port()));
    macro_rules! changed {
        ($request:ty, $brokers:ident) => {{
            let version = <$request>::version(header.api_version)?;
            let (id, mut answer) = decode_response::<$request>(frame, version)?;
            answer
                .$brokers
                .iter_mut()
                .for_each(|it| (it.host, it.port) = (host.clone(), port));
            (id, version, answer)
        }};
    }
    let whole = match header.api_key {
        ApiKey::METADATA => {
            let (id, version, answer) = changed!(MetadataRequest, brokers);
            encode_response::<MetadataRequest>(id, version, &answer)?
        }
        ApiKey::DESCRIBE_CLUSTER => {
            let (id, version, answer) = changed!(DescribeClusterRequest, brokers);
            encode_response::<DescribeClusterRequest>(id, version, &answer)?
        }
        ApiKey::FIND_COORDINATOR => {
            let (id, version, mut answer) = changed!(FindCoordinatorRequest, coordinators);
            (answer.host, answer.port) = (host, port);
            encode_response::<FindCoordinatorRequest>(id, version, &answer)?
        }
        _ => return Ok(frame),
    };
    Ok(whole.slice(4..)) // its length comes anew
}
