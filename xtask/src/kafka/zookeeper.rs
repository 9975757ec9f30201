//! The ZooKeeper of a cluster whose version keeps its metadata there.

use std::net::TcpStream;
use std::path::Path;
use std::process::Command;

use anyhow::Result;
use rustix::process::Signal;
use serde::{Deserialize, Serialize};

use super::process;

/// One that was started.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct ZooKeeper {
    pub(super) port: u16,
    pid: u32,
    /// What only its command line has.
    mark: String,
}

impl ZooKeeper {
    /// Starts one at a port that is free; it answers a little later.
    pub(super) fn start(dir: &Path, class_path: &str, port: u16) -> Result<Self> {
        let properties = dir.join("zookeeper.properties");
        let data = dir.join("zookeeper");
        let text = format!(
            "dataDir={}\nclientPort={port}\nclientPortAddress=127.0.0.1\n\
             admin.enableServer=false\nmaxClientCnxns=0\n",
            data.display()
        );
        std::fs::write(&properties, text)?;
        let mark = format!("{SERVER} {}", properties.display());
        let mut java = Command::new("java");
        java.args(["-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]);
        java.args(["-cp", class_path, SERVER]).arg(properties);
        let pid = process::start_detached(&java, &dir.join("zookeeper.log"))?;
        Ok(Self { port, pid, mark })
    }

    /// Fails unless it listens.
    pub(super) fn probe(&self) -> Result<()> {
        TcpStream::connect(("127.0.0.1", self.port))?;
        Ok(())
    }

    pub(super) fn is_running(&self) -> bool {
        process::is_running(self.pid, &self.mark)
    }

    pub(super) fn end(&self) {
        process::signal(self.pid, &self.mark, Signal::KILL);
    }
}

const SERVER: &str = "org.apache.zookeeper.server.quorum.QuorumPeerMain";
