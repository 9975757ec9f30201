//! One request over HTTP/1.1, on a connection of its own: tokens are rarely fetched.
//!
//! Errors are in words, and have neither the request nor the answer in them. There are no redirects:
//! what is sent is secret, and goes where the configuration says or nowhere.

use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::net::IpAddr;
use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper::{Method, Request, Uri};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

use super::https::Https;
use crate::driver::dial::Dial;
use crate::readable::without_secrets;
use crate::settings::Address;

/// Where a request goes to: `http://` or `https://`.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Url {
    is_https: bool,
    host: String,
    port: u16,
    path_and_query: String,
}

impl Url {
    /// Reads a URL; an error is what it must be.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        const FORM: &str = "http://HOST[:PORT]/PATH or https://HOST[:PORT]/PATH";
        let uri: Uri = text.parse().map_err(|_| FORM)?;
        let is_https = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err(FORM),
        };
        let authority = uri.authority().ok_or(FORM)?;
        if authority.as_str().contains('@') {
            return Err("a URL without a name and a password");
        }
        let host = authority.host();
        let port = match authority.as_str().strip_prefix(host).unwrap_or_default() {
            "" if is_https => Some(443),
            "" => Some(80),
            given => port(given),
        };
        let host = host.trim_matches(['[', ']']).to_owned();
        if host.is_empty() {
            return Err(FORM);
        }
        let path_and_query = uri.path_and_query();
        Ok(Self {
            is_https,
            host,
            port: port.ok_or("a URL whose port is a number from 1 to 65535")?,
            path_and_query: path_and_query.map_or("/", |path| path.as_str()).to_owned(),
        })
    }

    /// Whether what is sent there can be read by nobody on the way: by TLS, or because it stays on this host.
    pub(crate) fn is_private(&self) -> bool {
        let host = &self.host;
        let is_loopback = host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
        self.is_https || is_loopback || host.eq_ignore_ascii_case("localhost")
    }

    /// The name or the address, of IPv6 without brackets.
    #[cfg(feature = "aws-msk-iam")]
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    fn authority(&self) -> String {
        let Self { host, port, .. } = self;
        match host.contains(':') {
            true => format!("[{host}]:{port}"),
            false => format!("{host}:{port}"),
        }
    }
}

/// The port that is written behind a host, such as `:8080`.
fn port(text: &str) -> Option<u16> {
    let digits = text.strip_prefix(':')?;
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
    let port = digits.parse().ok().filter(|port| *port > 0)?;
    is_number.then_some(port)
}

/// Without the query, which may have something secret in it.
impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_https { "https" } else { "http" };
        let path = without_secrets(&self.path_and_query);
        write!(f, "{scheme}://{}{path}", self.authority())
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// How requests are sent.
#[derive(Debug, Default)]
pub(crate) struct HttpClient {
    /// For the connection, with its name looked up and TLS agreed on.
    pub(crate) connect_timeout: Option<Duration>,
    /// For the answer, from when the connection is there.
    pub(crate) read_timeout: Option<Duration>,
    pub(crate) https: Https,
}

/// A request; its headers and its body are not printed.
pub(crate) struct Call<'a> {
    pub(crate) method: Method,
    pub(crate) url: &'a Url,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: String,
}

/// An answer, whatever its status.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Bytes,
}

impl HttpClient {
    /// Sends a request and waits for its answer.
    pub(crate) async fn call(&self, call: Call<'_>) -> Result<Answer, String> {
        let connect = within(self.connect_timeout, self.connect(call.url)).await;
        let stream = connect
            .ok_or_else(|| {
                format!(
                    "no connection after {:?}",
                    self.connect_timeout.unwrap_or_default()
                )
            })?
            .map_err(|error| format!("cannot connect: {error}"))?;
        let answer = within(self.read_timeout, exchange(stream, call)).await;
        answer.ok_or_else(|| {
            format!(
                "no answer after {:?}",
                self.read_timeout.unwrap_or_default()
            )
        })?
    }

    async fn connect(&self, url: &Url) -> io::Result<Box<dyn Stream>> {
        let address = Address::new(&url.host, url.port);
        let socket = Dial::of(address).opened().await?;
        if url.is_https {
            return Ok(Box::new(self.https.secure(socket, &url.host).await?));
        }
        Ok(Box::new(socket))
    }
}

/// What a request can be written to and its answer read from.
trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

async fn exchange(stream: Box<dyn Stream>, call: Call<'_>) -> Result<Answer, String> {
    let request = request(call)?;
    let broken = |error: hyper::Error| match (error.is_parse(), error.is_incomplete_message()) {
        (true, _) => "what answers there does not speak HTTP".to_owned(),
        (_, true) => "the connection was closed before the answer".to_owned(),
        _ => format!("the connection broke: {error}"),
    };
    let handshake = http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = handshake.map_err(broken)?;
    let answer = async {
        let answer = sender.send_request(request).await.map_err(broken)?;
        let status = answer.status().as_u16();
        let body = Limited::new(answer.into_body(), BODY_BYTES_MAX)
            .collect()
            .await;
        let body = body.map_err(|error| format!("the answer cannot be read: {error}"))?;
        Ok(Answer {
            status,
            body: body.to_bytes(),
        })
    };
    drive(connection, answer).await
}

fn request(call: Call<'_>) -> Result<Request<Full<Bytes>>, String> {
    let mut request = Request::builder()
        .method(call.method)
        .uri(&call.url.path_and_query)
        .header("Host", call.url.authority())
        .header("Connection", "close");
    for (name, value) in call.headers {
        request = request.header(name, value);
    }
    let request = request.body(Full::new(Bytes::from(call.body)));
    request.map_err(|_| "a header has characters that HTTP does not allow".to_owned())
}

/// Polls a connection until the answer is there that is read from it.
async fn drive<T>(connection: impl Future, answer: impl Future<Output = T>) -> T {
    let (mut connection, mut answer) = (pin!(connection), pin!(answer));
    let mut is_open = true;
    poll_fn(|context| {
        is_open = is_open && connection.as_mut().poll(context).is_pending();
        answer.as_mut().poll(context)
    })
    .await
}

/// `None`: the time is over.
async fn within<T>(limit: Option<Duration>, future: impl Future<Output = T>) -> Option<T> {
    match limit {
        Some(limit) => tokio::time::timeout(limit, future).await.ok(),
        None => Some(future.await),
    }
}

/// More than any answer with a token has.
const BODY_BYTES_MAX: usize = 1 << 20;

#[cfg(test)]
pub(in crate::security) mod server {
    //! A server for the tests: it reads requests and answers each with what it was given.

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    /// Runs `client` with the port of a server that gives these answers, one a connection; returns what
    /// came of it, and the requests.
    pub(in crate::security) fn serving<F: Future>(
        answers: &[String],
        client: impl FnOnce(u16) -> F,
    ) -> (F::Output, Vec<String>) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime.unwrap().block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let port = listener.local_addr().unwrap().port();
            let answers = answers.to_vec();
            let server = tokio::spawn(async move {
                let mut requests = Vec::new();
                for answer in answers {
                    requests.push(serve(&listener, &answer).await);
                }
                requests
            });
            let outcome = client(port).await;
            (outcome, server.await.unwrap())
        })
    }

    async fn serve(listener: &TcpListener, answer: &str) -> String {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut request = String::new();
        let mut buffer = [0; 4096];
        while !is_whole(&request) {
            let read = socket.read(&mut buffer).await.unwrap();
            assert_ne!(read, 0, "{request}");
            request.push_str(std::str::from_utf8(&buffer[..read]).unwrap());
        }
        socket.write_all(answer.as_bytes()).await.unwrap();
        request
    }

    fn is_whole(request: &str) -> bool {
        let Some((head, body)) = request.split_once("\r\n\r\n") else {
            return false;
        };
        let head = head.to_ascii_lowercase();
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        body.len() >= length.map_or(0, |length| length.parse().unwrap())
    }

    /// An answer with a body.
    pub(in crate::security) fn answer(status: &str, body: &str) -> String {
        format!(
            "HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::server::{answer, serving};
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn a_url_is_read_and_shown_without_its_query() {
        for (text, shown) in [
            ("http://idp", "http://idp:80/"),
            ("https://idp/token?key=secret", "https://idp:443/token"),
            ("http://[::1]:8080/a/b", "http://[::1]:8080/a/b"),
        ] {
            assert_eq!(url(text).to_string(), shown);
            assert_eq!(format!("{:?}", url(text)), shown);
        }
        for text in [
            "",
            "idp/token",
            "ftp://idp/",
            "file:///t",
            "http://",
            "http://a b/",
            "https:/x",
        ] {
            assert!(
                Url::parse(text).unwrap_err().contains("https://HOST"),
                "{text}"
            );
        }
        assert!(Url::parse("http://me:secret@idp/").is_err());
        assert!(Url::parse("http://:80/").is_err());
    }

    #[test]
    fn a_port_that_is_none_is_not_taken_for_the_default() {
        for port in ["", "0", "65536", "4294967297", "+80", "-1", "8o80", "80:80"] {
            for host in ["idp", "[::1]"] {
                let text = format!("https://{host}:{port}/token");
                assert!(Url::parse(&text).is_err(), "{text}");
            }
        }
        assert_eq!(url("http://idp:65535/").port, 65_535);
        assert_eq!(url("http://idp:0080/").port, 80);
    }

    #[test]
    fn a_long_path_is_cut_off_where_it_is_shown() {
        let path = format!("http://idp/{}", "x".repeat(1000));
        assert!(url(&path).to_string().len() < 600);
    }

    async fn post(port: u16) -> Result<Answer, String> {
        let url = url(&format!("http://127.0.0.1:{port}/token?a=b"));
        let call = Call {
            method: Method::POST,
            url: &url,
            headers: vec![("X-Test", "1".to_owned())],
            body: "grant".to_owned(),
        };
        HttpClient::default().call(call).await
    }

    fn answered(text: &str) -> (Result<(u16, String), String>, String) {
        let (outcome, mut requests) = serving(&[text.to_owned()], post);
        let outcome = outcome.map(|answer| {
            let body = std::str::from_utf8(&answer.body).unwrap().to_owned();
            (answer.status, body)
        });
        (outcome, requests.remove(0))
    }

    #[test]
    fn a_request_has_what_it_was_given_and_its_answer_is_read() {
        let (outcome, request) = answered(&answer("200 OK", "{}"));
        assert_eq!(outcome, Ok((200, "{}".to_owned())));
        assert!(
            request.starts_with("POST /token?a=b HTTP/1.1\r\n"),
            "{request}"
        );
        assert!(
            request.to_lowercase().contains("\r\nx-test: 1\r\n"),
            "{request}"
        );
        assert!(request.ends_with("\r\n\r\ngrant"), "{request}");
        let chunked = "HTTP/1.1 401 No\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n";
        assert_eq!(answered(chunked).0, Ok((401, "{}".to_owned())));
        assert_eq!(
            answered("HTTP/1.1 302 Found\r\nLocation: http://other/\r\n\r\n")
                .0
                .unwrap()
                .0,
            302
        );
    }

    #[test]
    fn what_is_no_answer_is_told_in_words() {
        let closed = "the connection was closed before the answer";
        assert_eq!(answered("").0.unwrap_err(), closed);
        assert_eq!(
            answered("\u{15}\u{3}\u{3}").0.unwrap_err(),
            "what answers there does not speak HTTP"
        );
        let cut = answered("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}")
            .0
            .unwrap_err();
        assert!(cut.starts_with("the answer cannot be read: "), "{cut}");
        let huge = format!(
            "HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\n{}",
            "x".repeat(2_000_000)
        );
        assert!(answered(&huge).0.is_err());
    }

    #[test]
    fn an_endpoint_that_is_down_is_told_with_the_systems_words() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let error = runtime.unwrap().block_on(async {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let port = listener.local_addr().unwrap().port();
            drop(listener);
            post(port).await.err().unwrap()
        });
        assert!(error.starts_with("cannot connect: "), "{error}");
    }
}
