//! Reads files that settings and the environment name: certificates, tokens, credentials, values of providers.
//!
//! Some are read on the producer's own thread, while records wait. A pipe that nobody writes to would stop it
//! for good, so nothing but regular files is read.

use std::io;
use std::path::Path;

/// What is in a file.
#[allow(
    clippy::disallowed_methods,
    reason = "a setting, or the environment of AWS's tools, names the file"
)]
pub(crate) fn read(path: &Path) -> io::Result<Vec<u8>> {
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    std::fs::read(path)
}

/// The same, as text.
pub(crate) fn read_text(path: &Path) -> io::Result<String> {
    let text = String::from_utf8(read(path)?);
    text.map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_regular_files_are_read() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("file");
        std::fs::write(&file, "tea").unwrap();
        assert_eq!(read(&file).unwrap(), b"tea");
        assert_eq!(read_text(&file).unwrap(), "tea");
        std::fs::write(&file, [0xff]).unwrap();
        let error = read_text(&file).unwrap_err();
        assert_eq!(error.to_string(), "it is not UTF-8");
        let others = [
            Some(directory.path()),
            cfg!(unix).then_some(Path::new("/dev/null")),
        ];
        for other in others.into_iter().flatten() {
            let error = read(other).unwrap_err();
            assert_eq!(error.to_string(), "it is not a regular file", "{other:?}");
        }
        assert!(read(&directory.path().join("none")).is_err());
    }
}
