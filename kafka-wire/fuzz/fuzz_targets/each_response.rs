//! Every response in every version: the first byte says of which API, the second in which version.
//! What can be read survives the way back.
#![no_main]

use bytes::Bytes;
use kafka_wire::{
    ApiKey, Request, decode_response, encode_response, for_each_request, messages::*,
};
use libfuzzer_sys::fuzz_target;

macro_rules! dispatch {
    ($($request:ident,)*) => {
        fn dispatch(key: ApiKey, version: i16, frame: Bytes) {
            $(if key == $request::KEY {
                check::<$request>(version, frame.clone());
            })*
        }
    };
}
for_each_request!(dispatch);

fn check<R: Request>(number: i16, frame: Bytes) {
    let Ok(version) = R::version(number) else {
        return;
    };
    let Ok((id, response)) = decode_response::<R>(frame, version) else {
        return;
    };
    let again = encode_response::<R>(id, version, &response);
    assert_eq!(
        decode_response::<R>(again.slice(4..), version),
        Ok((id, response))
    );
}

fuzz_target!(|data: &[u8]| {
    if let [key, version, frame @ ..] = data {
        let frame = Bytes::copy_from_slice(frame);
        dispatch(ApiKey(i16::from(*key)), i16::from(*version), frame);
    }
});
