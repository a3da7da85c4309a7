//! The protocol as a real adb server speaks it: needs the program `adb`.

use std::{path::PathBuf, process::Stdio};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    process::{Child, Command},
    time::sleep,
};

use super::{server::Server, *};

/// A real adb server with a home of its own; dropping it stops it.
struct RealAdb {
    port: u16,
    home: PathBuf,
    child: Child,
}

impl RealAdb {
    async fn start() -> Self {
        let port = Server::start().await.port();
        let home = std::env::temp_dir().join(format!("everlit-adb-{}-{port}", std::process::id()));
        std::fs::create_dir(&home).expect("a folder");
        let child = Command::new("adb")
            .args(["-P", &port.to_string(), "nodaemon", "server"])
            .env("HOME", &home)
            .env("TMPDIR", &home)
            .env("ADB_MDNS", "0")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("cannot run `adb`: install the package adb");
        Self { port, home, child }
    }

    async fn connect(&mut self) -> TcpStream {
        let started = tokio::time::Instant::now();
        loop {
            if let Ok(stream) = TcpStream::connect(("127.0.0.1", self.port)).await {
                return stream;
            }
            assert!(self.child.try_wait().expect("a child").is_none(), "adb ended instead of listening");
            assert!(started.elapsed() < PATIENCE, "adb does not listen");
            sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Drop for RealAdb {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.home);
    }
}

/// Between the two stands a relay, so that the test sees the real server's first words and the end of the connection.
#[tokio::test]
async fn a_real_adb_server_is_followed_until_the_stop() {
    let mut adb = RealAdb::start().await;
    let mut real = adb.connect().await;
    let server = Server::start().await;
    let session = Session::start(server.port(), LIMITS);

    let mut client = server.accept().await;
    let request = client.request().await;
    real.write_all(format!("{:04x}{request}", request.len()).as_bytes()).await.expect("adb reads");
    let mut answer = [0; 8];
    timeout(PATIENCE, real.read_exact(&mut answer)).await.expect("an answer in time").expect("an answer");
    let answer = String::from_utf8_lossy(&answer).into_owned();
    assert!(answer.starts_with("OKAY") && answer[4..].chars().all(|digit| digit.is_ascii_hexdigit()), "{answer}");

    // Phones of the machine that runs this are left alone: their lines are not passed on.
    client.say("OKAY0000").await;
    session.stop.cancel();
    session.ended().await;
    adb.child.kill().await.expect("adb stops");
}
