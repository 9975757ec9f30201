//! Every request in every version: the header says which. What can be read survives the way back.
#![no_main]

use bytes::Bytes;
use kafka_wire::{
    Reader, Request, RequestHeader, decode_request, encode_request, for_each_request, messages::*,
};
use libfuzzer_sys::fuzz_target;

macro_rules! dispatch {
    ($($request:ident,)*) => {
        fn dispatch(header: &RequestHeader, body: Reader) {
            $(if header.api_key == $request::KEY {
                check::<$request>(header, body.clone());
            })*
        }
    };
}
for_each_request!(dispatch);

fn check<R: Request>(header: &RequestHeader, body: Reader) {
    let Ok(request) = decode_request::<R>(header, body) else {
        return;
    };
    let client_id = header.client_id.as_deref();
    let again = encode_request(header.correlation_id, client_id, header.version(), &request);
    let mut input = Reader::new(again.slice(4..));
    assert_eq!(RequestHeader::decode(&mut input).as_ref(), Ok(header));
    assert_eq!(decode_request::<R>(header, input), Ok(request));
}

fuzz_target!(|data: &[u8]| {
    let mut input = Reader::new(Bytes::copy_from_slice(data));
    if let Ok(header) = RequestHeader::decode(&mut input) {
        dispatch(&header, input);
    }
});
